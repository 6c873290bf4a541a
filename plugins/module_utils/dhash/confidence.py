# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a dHash can be trusted: how many of its 64 comparisons stand clear of the noise of a copy.

The noise is that of a copy at half size and JPEG quality 75. Most pictures are judged by the differences alone;
where those could be within the noise, such a copy is made in memory and compared. docs/confidence.md has the figures.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Dict, List, Tuple

from .comparisons import LANCZOS, compare

try:
    from PIL import Image
except ImportError:  # versions() tells the operator what to install
    Image = None  # type: ignore[assignment]

THRESHOLD = 0.7
# So many lost comparisons are a confidence of just THRESHOLD: a copy of such a picture may move by 6 bits.
_LOST_AT_THRESHOLD = 5.5
# A comparison that the copy turned by more than a grey level is lost to other copies too.
_TURNED_CLEARLY = 0.2
# Exposure (see _exposure) from which a copy is made; below it a comparison is lost for every nine of exposure.
_COPY_FROM = 18.0
_EXPOSED_FOR_ONE_LOST = 9.0
# From this size on the way of halving makes next to no difference, and the quick one is ten times as fast.
_LARGE_PIXELS = 10_000
_GREY_MODES = ("1", "L", "I", "F")
_LARGEST_JPEG_SIDE = 65500
_JPEG_QUALITY = 75
_TINY_SIDE = 16
_FLAT_BELOW = 4
_CLEAR_STEP = 2

Judgement = Tuple[float, Tuple[str, ...]]


def judge(steps: List[int], image: Image.Image) -> Judgement:
    """Return the confidence, 0 to 1 in steps of 0.001, and the reasons when it is under ``THRESHOLD``.

    Reasons: ``flat`` (next to no comparison has two greys to tell apart), ``tiny`` (a side under 16 pixels),
    ``near-ties`` (too many comparisons are within the noise).

    :param steps: the 64 differences that the hash is made of.
    :param image: the decoded picture that they are of.
    """
    clear = sum([step > _CLEAR_STEP or step < -_CLEAR_STEP for step in steps])
    side = min(image.size)
    if clear < _FLAT_BELOW:
        return clear / 10, ("flat",)
    if side < _TINY_SIDE:
        return round(side / _TINY_SIDE * THRESHOLD / 2, 3), ("tiny",)
    exposure = _exposure(steps, side)
    lost = exposure / _EXPOSED_FOR_ONE_LOST
    if exposure >= _COPY_FROM and max(image.size) // 2 <= _LARGEST_JPEG_SIDE:
        lost = _lost(steps, compare(_copy(image)))
    value = _value(lost)
    return value, () if value >= THRESHOLD else ("near-ties",)


def _exposure(steps: List[int], side: int) -> float:
    """Sum over the comparisons: 1 for a tie, next to nothing for a difference well above the noise of that size."""
    return sum(map(_weights(side).__getitem__, steps))


@cache
def _weights(side: int) -> Dict[int, float]:
    # From 335 pixels on a cell averages so much that only the rounding to grey levels is left.
    if side > 335:
        return _weights(335)
    noise = max(0.3, (150 / side) ** 1.5)
    return {step: math.exp(-abs(step) / noise) for step in range(-255, 256)}


def _value(lost: float) -> float:
    return round(max(0.0, 1 - (1 - THRESHOLD) * lost / _LOST_AT_THRESHOLD), 3)


def _lost(steps: List[int], copied: List[int]) -> float:
    turned = [new for old, new in zip(steps, copied) if (old > 0) != (new > 0)]
    return len(turned) + _TURNED_CLEARLY * sum(new > 1 or new < 0 for new in turned)


def _copy(image: Image.Image) -> Image.Image:
    """Return ``image`` as a JPEG copy at half size shows it, without the container that a file would need."""
    mode = "L" if image.mode.startswith(_GREY_MODES) else "RGB"
    colours = image if image.mode == mode else image.convert(mode)
    width, height = image.size
    large = width * height >= _LARGE_PIXELS
    half = colours.reduce(2) if large else colours.resize((width // 2, height // 2), LANCZOS)
    coded = half.tobytes("jpeg", mode, _JPEG_QUALITY)
    return Image.frombytes(mode, half.size, coded, "jpeg", mode, "")
