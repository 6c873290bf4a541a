# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thumbnails of untrusted pictures: each is decoded in its own process, under limits."""

from __future__ import annotations

import base64
import io
import warnings
from functools import partial
from typing import Any, Iterable, Iterator, Optional

from ..engine.isolated import Bounds, run_isolated
from ..storage.replace import open_regular

try:
    from PIL import Image, features
except ImportError:
    Image = None  # type: ignore[assignment]

EDGE = 192
LARGEST = 256 * 1024
# Common formats only, because rare decoders are the least maintained.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "TGA", "ICO", "AVIF", "JPEG2000", "MPO")
_ORIENTATION = 0x0112
# EXIF orientation -> Pillow's transpose number.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


def available() -> bool:
    """Whether this Python has Pillow."""
    return Image is not None


def thumbnails(paths: Iterable[Optional[str]], seconds: float, pixels: int) -> Iterator[Optional[str]]:
    """For each path the picture within ``EDGE`` x ``EDGE`` pixels as a ``data:`` URI, None where it cannot be had.

    The same file gives the same text with the same Pillow.

    :param seconds: that one picture may take.
    :param pixels: the most (width times height) that are decoded.
    """
    if Image is not None:
        Image.init()
    calls = (partial(_small, path, pixels) if path is not None and available() else None for path in paths)
    for data in run_isolated(calls, Bounds(seconds=seconds, answer=LARGEST)):
        yield _data_uri(data) if data else None


def _small(path: str, pixels: int) -> bytes:
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = pixels
    out = io.BytesIO()
    with (
        open_regular(path) as stream,
        Image.open(stream, formats=[name for name in _FORMATS if name in Image.OPEN]) as opened,
    ):
        if opened.width * opened.height > pixels:
            raise ValueError("too many pixels")
        opened.draft("RGB", (2 * EDGE, 2 * EDGE))
        see_through = opened.mode in ("LA", "PA", "RGBA") or "transparency" in opened.info
        image = opened.convert("RGBA" if see_through else "RGB")
        image.thumbnail((EDGE, EDGE))
        # After shrinking, because rotating a large picture doubles its memory.
        image = _upright(image, opened.getexif().get(_ORIENTATION))
    if features.check("webp"):
        image.save(out, "WEBP", quality=75, method=4)
    elif see_through:
        image.quantize(255, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    else:
        image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _upright(image: Any, orientation: Optional[int]) -> Any:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _data_uri(data: bytes) -> Optional[str]:
    for start, kind in ((b"RIFF", "webp"), (b"\x89PNG", "png"), (b"\xff\xd8", "jpeg")):
        if data.startswith(start):
            return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return None
