# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The confidence of a dHash: how many of its 64 comparisons are above the noise of a copy.

The noise is that of a copy at half size and JPEG quality 75. Most pictures are judged by their differences alone; for
borderline ones, such a copy is made in memory and compared. docs/confidence.md has the measurements.
"""

from __future__ import annotations

import math
from functools import cache
from typing import List, Tuple

from .comparisons import differences
from .shrink import LANCZOS, greys

try:
    from PIL import Image
except ImportError:  # versions() tells the operator what to install
    Image = None  # type: ignore[assignment]

THRESHOLD = 0.7
# This many lost comparisons give a confidence of exactly THRESHOLD: a copy of such a picture may differ by 6 bits.
_LOST_AT_THRESHOLD = 5.0
# A comparison that the copy flips by more than one grey level is lost in other copies too.
_TURNED_CLEARLY = 0.2
# Of pictures expected to lose fewer, 99 % stay within 6 bits, and of those that lose more, most do not, so a copy
# would add nothing. The same holds for larger pictures, which lose almost none.
_DOUBTFUL_FROM, _DOUBTFUL_TO, _DOUBTFUL_SIDE = 2.5, 8.0, 96
# Weight of the copy; the expectation has the rest, because other copies differ from this one.
_WEIGHT_OF_COPY = 0.75
# Fitted to the pictures of docs/confidence.md: the share of comparisons with a given difference that a copy flips.
_NOISE_OF_ROUNDING, _NOISE_AT_100_PIXELS, _NOISE_FALLS, _TAIL = 0.15, 0.1, 2.1, 0.72
_NO_NOISE_FROM = 64
_GREY_MODES = ("1", "L", "I", "F")
_LARGEST_JPEG_SIDE = 65500
_JPEG_QUALITY = 75
_TINY_SIDE = 16
_FLAT_BELOW = 4
# Indexed by the difference, negative ones from the end: whether its two greys are distinguishable.
_CLEAR = [2 < step < 509 for step in range(511)]

Judgement = Tuple[float, Tuple[str, ...]]


def judge(steps: List[int], image: Image.Image, side: int) -> Judgement:
    """Return the confidence, 0 to 1 in steps of 0.001, and the reasons when it is under ``THRESHOLD``.

    Reasons: ``flat`` (almost no comparison has two distinguishable greys), ``tiny`` (a side under 16 pixels),
    ``near-ties`` (too many comparisons are within the noise).

    :param steps: the 64 differences of the hash.
    :param image: the decoded picture.
    :param side: the picture's shorter side in its file, in pixels.
    """
    clear = sum(map(_CLEAR.__getitem__, steps))
    if clear < _FLAT_BELOW:
        return clear / 10, ("flat",)
    if side < _TINY_SIDE:
        return round(side / _TINY_SIDE * THRESHOLD / 2, 3), ("tiny",)
    lost = sum(map(_shares(side).__getitem__, steps))
    doubtful = side < _DOUBTFUL_SIDE and _DOUBTFUL_FROM <= lost < _DOUBTFUL_TO
    if doubtful and max(image.size) // 2 <= _LARGEST_JPEG_SIDE:
        lost += _WEIGHT_OF_COPY * (_lost(steps, differences(greys(_copy(image)))) - lost)
    value = _value(lost)
    return value, () if value >= THRESHOLD else ("near-ties",)


@cache
def _shares(side: int) -> List[float]:
    """Return how often a copy flips a comparison, indexed by its difference, negative ones from the end."""
    # Above this size a cell averages so many pixels that only the rounding to grey levels remains.
    if side > 335:
        return _shares(335)
    noise = _NOISE_OF_ROUNDING + _NOISE_AT_100_PIXELS * (100 / side) ** _NOISE_FALLS
    shares = [0.0] * 511
    for step in range(1 - _NO_NOISE_FROM, _NO_NOISE_FROM):
        # A bit is 1 from a difference of 1 on, so it flips between 0 and 1.
        shares[step] = math.exp(-((abs(step - 0.5) / noise) ** _TAIL)) / 2
    return shares


def _value(lost: float) -> float:
    return round(max(0.0, 1 - (1 - THRESHOLD) * lost / _LOST_AT_THRESHOLD), 3)


def _lost(steps: List[int], copied: List[int]) -> float:
    turned = [new for old, new in zip(steps, copied) if (old > 0) != (new > 0)]
    return len(turned) + _TURNED_CLEARLY * sum(new > 1 or new < 0 for new in turned)


def _copy(image: Image.Image) -> Image.Image:
    """Return ``image`` as a JPEG copy at half size would look, without encoding a whole file."""
    mode = "L" if image.mode.startswith(_GREY_MODES) else "RGB"
    colours = image if image.mode == mode else image.convert(mode)
    width, height = image.size
    half = colours.resize((width // 2, height // 2), LANCZOS)
    coded = half.tobytes("jpeg", mode, _JPEG_QUALITY)
    return Image.frombytes(mode, half.size, coded, "jpeg", mode, "")
