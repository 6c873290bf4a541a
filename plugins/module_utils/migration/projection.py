# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sample of pictures to the time that all of them take."""

from __future__ import annotations

from typing import List, NamedTuple


class Sample(NamedTuple):
    """One picture that was hashed: its size in bytes, the time in its worker, and whether it gave no dHash.

    ``items`` name it, and ``unhashed`` of them have no valid dHash so far. ``transient`` of them failed for what a next
    try may not meet.
    """

    size: int
    seconds: float
    failed: bool
    items: int
    unhashed: int
    transient: int = 0


def hashing_seconds(samples: List[Sample], count: int, size: int, workers: int) -> float:
    """Wall seconds to hash ``count`` pictures of ``size`` bytes in all with so many workers.

    A picture takes a fixed time and a time for each byte; where the sample does not bear that out, the mean.
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
