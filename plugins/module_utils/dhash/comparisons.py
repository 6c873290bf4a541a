# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 64 comparisons that make up a dHash."""

from __future__ import annotations

from operator import sub
from typing import List


def differences(greys: bytes) -> List[int]:
    """Return the 64 differences (-255 to 255) of neighbors in 9 x 8 greys: right minus left, row by row."""
    steps = list(map(sub, greys[1:], greys))
    del steps[8::9]  # from the end of a row to the start of the next
    return steps


def dhash_of(steps: List[int]) -> str:
    """Return the 16 hex digits for 64 differences; a bit is 1 where the right grey is brighter."""
    return f"{int(''.join(['1' if step > 0 else '0' for step in steps]), 2):016x}"
