# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a dHash can be trusted, from the 9 x 8 greys that it is made of."""

from __future__ import annotations

from typing import List, Tuple

THRESHOLD = 0.7


def confidence(greys: bytes, width: int, height: int) -> Tuple[float, Tuple[str, ...]]:
    """Return the confidence, 0 to 1, and the reasons when it is under ``THRESHOLD``.

    :param greys: 72 bytes, 8 rows of 9, as the hash compares them.
    :param width: width of the picture in pixels.
    :param height: height of the picture in pixels.
    """
    steps = [abs(greys[row + column + 1] - greys[row + column]) for row in range(0, 72, 9) for column in range(8)]
    clear = sum(step > 2 for step in steps) / 64
    value = round(min(clear, min(width, height) / 32, 1.0), 3)
    reasons: List[str] = []
    if value < THRESHOLD:
        if max(steps) <= 2:
            reasons.append("flat")
        elif clear < THRESHOLD:
            reasons.append("near-ties")
        if min(width, height) < 32:
            reasons.append("tiny")
    return value, tuple(reasons)
