# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decode JPEG files directly with libjpeg-turbo if the package simplejpeg is installed: the same pixels, faster.

Pillow decodes through a similar library, with two more copies of every pixel. It remains authoritative: a file that it
does not open is not decoded here, and unusual or damaged files, or those with decoder warnings, are left to it.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
from contextlib import suppress
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, Optional

try:
    from PIL import Image, features
except ImportError:  # versions() tells the operator what to install
    Image = features = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Number of pixels for which memory is reused, so the kernel need not clear it each time.
KEPT_PIXELS = 32_000_000
_BYTES_A_PIXEL = 4
_LARGEST_FILE = 256 * 1024 * 1024
# Baseline, extended and progressive frames with Huffman codes, which every libjpeg decodes.
_FRAMES = (0xC0, 0xC1, 0xC2)
_NO_FRAMES = (0xC4, 0xC8, 0xCC)
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8))
# Factors (across, down) of the first component, and of the others, whose upsampling _agrees() compares.
_LUMA, _CHROMA = ((1, 1), (2, 1), (2, 2)), (1, 1)
# Older versions smooth incomplete progressive pictures differently.
_OLDEST_LIBJPEG_TURBO = (2, 1)
_MODES = {"RGB": ("RGBX", 4), "L": ("GRAY", 1)}

_decode: Any = None
_kept: Any = None


def load() -> bool:
    """Use simplejpeg from now on if it is installed and agrees with Pillow; returns whether it does."""
    global _decode, _kept
    if _decode is None and _comparable():
        try:
            _decode = import_module("simplejpeg").decode_jpeg
        except Exception:  # one built for another NumPy raises more than ImportError
            _decode = None
        if _decode is not None and not _agrees():
            _decode = None
        if _decode is not None and _kept is None:
            with suppress(OSError, ValueError):
                # Private: shared memory would be common to all workers forked later.
                _kept = mmap.mmap(-1, KEPT_PIXELS * _BYTES_A_PIXEL, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                _kept.madvise(mmap.MADV_HUGEPAGE)
    return _decode is not None


def forget() -> None:
    """Leave decoding to Pillow again."""
    global _decode
    _decode = None


def decode(image: ImageFile, stream: IO[bytes]) -> Optional[Image.Image]:
    """Return the pixels of ``image`` in memory that the next call overwrites, RGBX or L; None where Pillow must decode.

    :param image: as Pillow has just opened it.
    :param stream: the file that it is open on; its position is kept.
    """
    if _decode is None or not _usual(image):
        return None
    (width, height), (space, depth) = image.size, _MODES[image.mode]
    position = stream.tell()
    try:
        data = _content(stream)
        if _frame(data) not in _FRAMES:
            return None
        memory = _memory(width * height * depth)
        found = _decode(data, space, buffer=memory)
    except (ValueError, KeyError, RuntimeError, MemoryError, OSError):
        return None
    finally:
        stream.seek(position)
    if found.shape != (height, width, depth):
        return None
    mode = "RGBX" if depth == _BYTES_A_PIXEL else "L"
    return Image.frombuffer(mode, image.size, memory, "raw", mode, 0, 1)


def _usual(image: Any) -> bool:
    if image.format != "JPEG" or image.mode not in _MODES or len(image.tile) != 1:
        return False
    name, extent, offset, arguments = image.tile[0]
    if (name, tuple(extent), offset, tuple(arguments)) != ("jpeg", (0, 0, *image.size), 0, (image.mode, "")):
        return False
    first, *others = [(across, down) for _unused, across, down, _table in image.layer]
    return first in _LUMA and all(factors == _CHROMA for factors in others)


def _content(stream: IO[bytes]) -> bytes:
    size = stream.seek(0, os.SEEK_END)
    if size > _LARGEST_FILE:
        raise ValueError("left to Pillow, which reads it in blocks")
    stream.seek(0)
    return stream.read(size)


def _frame(data: bytes) -> int:
    """Return the marker of the first frame, 0 if there is none."""
    at, end = 2, len(data) - 4
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            return marker
        if marker == 0xFF:
            at += 1
        else:
            at += 2 if marker in _WITHOUT_LENGTH else 2 + (data[at + 2] << 8 | data[at + 3])
    return 0


def _memory(size: int) -> Any:
    return _kept if _kept is not None and size <= len(_kept) else bytearray(size)


def _comparable() -> bool:
    if features is None or not features.check_feature("libjpeg_turbo"):
        return False
    numbers = str(features.version_feature("libjpeg_turbo")).split(".")
    return all(map(str.isdigit, numbers[:2])) and tuple(map(int, numbers[:2])) >= _OLDEST_LIBJPEG_TURBO


def _agrees() -> bool:
    """Whether both decode small pictures of each kind that _usual() accepts to the same pixels."""
    noise = hashlib.shake_128(b"noise").digest(3 * 9 * 7)
    colours = Image.frombytes("RGB", (9, 7), noise).resize((61, 47))
    for subsampling, progressive, mode in ((0, False, "RGB"), (1, False, "RGB"), (2, True, "RGB"), (0, False, "L")):
        file = io.BytesIO()
        picture = colours.convert(mode)
        picture.save(file, "JPEG", quality=60, subsampling=subsampling, progressive=progressive)
        space, depth = _MODES[picture.mode]
        try:
            pixels = _decode(file.getvalue(), space)
        except Exception:
            return False
        with Image.open(file) as expected:
            if pixels.shape != (47, 61, depth) or expected.tobytes() != pixels[..., :3].tobytes():
                return False
    return True
