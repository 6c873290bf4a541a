# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Project the hashing time of all pictures from a sample."""

from __future__ import annotations

from typing import List, NamedTuple


class Sample(NamedTuple):
    """One hashed picture: its size in bytes, its hashing time, and whether it failed.

    ``items`` name it, and ``unhashed`` of them have no valid dHash so far. ``transient`` of them failed for a reason
    that may not occur again.
    """

    size: int
    seconds: float
    failed: bool
    items: int
    unhashed: int
    transient: int = 0


def hashing_seconds(samples: List[Sample], count: int, size: int, workers: int) -> float:
    """Return the wall seconds to hash ``count`` pictures of ``size`` bytes in total with this many processes.

    A picture takes a fixed time plus a time per byte; if the sample does not fit that model, the mean is used.
    """
    if not samples or not count:
        return 0.0
    number = len(samples)
    mean_size = sum(each.size for each in samples) / number
    mean = sum(each.seconds for each in samples) / number
    spread = sum((each.size - mean_size) ** 2 for each in samples)
    joint = sum((each.size - mean_size) * (each.seconds - mean) for each in samples)
    a_byte = joint / spread if spread else 0.0
    fixed = mean - a_byte * mean_size
    busy = fixed * count + a_byte * size if a_byte >= 0 and fixed >= 0 else mean * count
    return busy / max(1, min(workers, count))
