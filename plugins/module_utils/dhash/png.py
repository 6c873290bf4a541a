# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inflate PNG files with zlib-ng or libdeflate if a package of one is installed: the same pixels, faster.

A small picture spends most of its time on inflating, and the zlib of most systems is slow. Pillow remains
authoritative and undoes the filters of PNG: if there are any, it gets the inflated bytes as a stream that is stored,
not compressed. Unusual or damaged files are left to Pillow from the start.
"""

from __future__ import annotations

import io
import os
import re
import struct
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Union

try:
    from PIL import Image
except ImportError:  # versions() tells the operator what to install
    Image = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Eight bits per channel: Pillow's raw mode equals the mode of the picture.
_BYTES_A_PIXEL = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# Metadata that programs write after the pixels. Text under Pillow's own names (transparency) can change the pixels.
_HARMLESS = re.compile(rb"tEXt(?:[A-Z]|date:)|tIME")
# Bytes of the pixels, and of the file. The pixels are briefly in memory four times.
_LARGEST = 16 * 1024 * 1024
_CHUNK = struct.Struct(">I4s")
_CHUNK_ENDS = 12  # length, name and checksum
_STORED = struct.Struct("<BHH")
_LARGEST_STORED = 65535

Bytes = Union[bytes, bytearray, memoryview]


class _Zlib(NamedTuple):
    """``inflate`` takes a whole zlib stream and its expected size, and raises ValueError if it does not match."""

    inflate: Callable[[Bytes, int], Bytes]
    crc32: Callable[[Bytes], int]


_zlib: Optional[_Zlib] = None


def load() -> bool:
    """Use libdeflate or else zlib-ng from now on if it is installed and agrees with Pillow; returns whether it does."""
    global _zlib
    for package in (_libdeflate, _zlib_ng):
        if _zlib is None and Image is not None:
            try:
                _zlib = package()
                agrees = _agrees()
            except Exception:  # another version, or a build for another Python
                agrees = False
            if not agrees:
                _zlib = None
    return _zlib is not None


def forget() -> None:
    """Leave inflating to Pillow again."""
    global _zlib
    _zlib = None


def _zlib_ng() -> _Zlib:
    package = import_module("zlib_ng.zlib_ng")

    def inflate(data: Bytes, size: int) -> bytes:
        inflating = package.decompressobj()
        try:
            lines: bytes = inflating.decompress(data, size)
        except package.error as error:
            raise ValueError("no zlib stream") from error
        if len(lines) != size or not inflating.eof or inflating.unused_data:
            raise ValueError("not as many bytes as the picture has")
        return lines

    return _Zlib(inflate, package.crc32)


def _libdeflate() -> _Zlib:
    package = import_module("deflate")
    decompress, adler32, refusal = package.zlib_decompress, package.adler32, package.DeflateError

    def inflate(data: Bytes, size: int) -> bytearray:
        try:
            lines: bytearray = decompress(data, size)
        except refusal as error:
            raise ValueError("no zlib stream") from error
        # It accepts bytes after the stream.
        if len(lines) != size or adler32(lines).to_bytes(4, "big") != data[-4:]:
            raise ValueError("not as many bytes as the picture has")
        return lines

    return _Zlib(inflate, package.crc32)


def decode(image: ImageFile, stream: IO[bytes]) -> Optional[Image.Image]:
    """Return the pixels of ``image``, in its mode; None where Pillow must decode.

    :param image: as Pillow has just opened it.
    :param stream: the file that it is open on; its position is kept.
    """
    if _zlib is None or not _usual(image):
        return None
    width, height = image.size
    row = 1 + width * _BYTES_A_PIXEL[image.mode]
    if height * row > _LARGEST:
        return None
    position = stream.tell()
    try:
        if stream.seek(0, os.SEEK_END) > _LARGEST:
            return None
        stream.seek(image.tile[0][2] - _CHUNK.size)
        compressed = _compressed(stream.read(), _zlib.crc32)
        lines = _zlib.inflate(compressed, height * row)
        found = Image.new(image.mode, image.size, None)
        # Each line begins with the number of its filter; 0 means none.
        if any(lines[::row]):
            found.frombytes(_stored(lines, compressed[-4:]), "zip", image.mode, 0)
        else:
            found.frombytes(memoryview(lines)[1:], "raw", image.mode, row)
    except (ValueError, struct.error, MemoryError, OSError):
        return None
    finally:
        stream.seek(position)
    # Pillow marks a palette as loaded once it is attached to a picture.
    found.palette, found.info = image.palette and image.palette.copy(), image.info
    return found


def _usual(image: Any) -> bool:
    if image.format != "PNG" or image.mode not in _BYTES_A_PIXEL or len(image.tile) != 1:
        return False
    name, extent, _unused, raw_mode = image.tile[0]
    whole = (name, tuple(extent), raw_mode) == ("zip", (0, 0, *image.size), image.mode)
    # The rest of the file is far below Pillow's limit of text.
    short = image.png.text_memory < _LARGEST
    return whole and short and image.n_frames == 1 and not image.info.get("interlace")


def _compressed(data: bytes, crc32: Callable[[Bytes], int]) -> Bytes:
    """Return the content of the IDAT chunks at the start of ``data``.

    :raises ValueError: something up to the end of the picture is unusual or damaged; struct.error likewise.
    """
    at, behind, view = 0, False, memoryview(data)
    parts: List[memoryview] = []
    while True:
        length, name = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK_ENDS + length
        if end > len(data) or crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise ValueError("a chunk that is damaged or not whole")
        if name == b"IEND":
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if name == b"IDAT" and not behind:
            parts.append(view[at + 8 : end - 4])
        elif _HARMLESS.match(data, at + 4):
            behind = True
        else:
            raise ValueError("a chunk that is not usual here")
        at = end


def _stored(lines: Bytes, checksum: Bytes) -> bytes:
    """Return ``lines`` as a zlib stream of stored blocks (RFC 1950 and 1951).

    :param checksum: the Adler-32 of ``lines``, which has just been found right.
    """
    parts: List[Bytes] = [b"\x78\x01"]
    for start in range(0, len(lines), _LARGEST_STORED):
        block = lines[start : start + _LARGEST_STORED]
        parts += [_STORED.pack(start + len(block) == len(lines), len(block), len(block) ^ 0xFFFF), block]
    parts.append(checksum)
    return b"".join(parts)


def _agrees() -> bool:
    """Whether test pictures survive unchanged: one with filters and several blocks, one without filters."""
    noise = Image.effect_noise((173, 131), 60)
    return all(_comes_out(each) for each in (noise.convert("RGBA"), noise.convert("P")))


def _comes_out(picture: Image.Image) -> bool:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    with Image.open(file) as image:
        found = decode(image, file)
    return found is not None and found.tobytes() == picture.tobytes()
