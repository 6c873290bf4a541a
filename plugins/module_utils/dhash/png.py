# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files inflated by zlib-ng or libdeflate, where a package of one is there: the same pixels, sooner.

Inflating is what a small picture takes most of its time for, and the zlib of most systems is slow. Pillow stays the
judge, and undoes the filters of PNG: where there are any, it is given the inflated bytes as a stream that is stored,
not compressed. What is unusual or damaged in any way is left to Pillow from the start.
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

# Eight bits a channel: what Pillow calls the bytes of a pixel is the mode of the picture.
_BYTES_A_PIXEL = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# What programs write about a picture behind its pixels. Text of Pillow's own names (transparency) can change them.
_HARMLESS = re.compile(rb"tEXt(?:[A-Z]|date:)|tIME")
# Bytes of the pixels, and of the file. The pixels are in memory four times for a moment.
_LARGEST = 16 * 1024 * 1024
_CHUNK = struct.Struct(">I4s")
_CHUNK_ENDS = 12  # length, name and checksum
_STORED = struct.Struct("<BHH")
_LARGEST_STORED = 65535

Bytes = Union[bytes, bytearray, memoryview]


class _Zlib(NamedTuple):
    """``inflate`` takes a whole zlib stream, and the bytes that it must hold; a ValueError tells that it does not."""

    inflate: Callable[[Bytes, int], Bytes]
    crc32: Callable[[Bytes], int]


_zlib: Optional[_Zlib] = None


def load() -> bool:
    """Use libdeflate or else zlib-ng from now on, if it is there and agrees with Pillow; True if so."""
    global _zlib
    for package in (_libdeflate, _zlib_ng):
        if _zlib is None and Image is not None:
            try:
                _zlib = package()
                agrees = _agrees()
            except Exception:  # one of another version, or built for another Python
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
        # It does not mind bytes behind the stream.
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
        # Each line begins with the number of its filter; 0 is none.
        if any(lines[::row]):
            found.frombytes(_stored(lines, compressed[-4:]), "zip", image.mode, 0)
        else:
            found.frombytes(memoryview(lines)[1:], "raw", image.mode, row)
    except (ValueError, struct.error, MemoryError, OSError):
        return None
    finally:
        stream.seek(position)
    # A palette notes that it has been given to a picture.
    found.palette, found.info = image.palette and image.palette.copy(), image.info
    return found


def _usual(image: Any) -> bool:
    if image.format != "PNG" or image.mode not in _BYTES_A_PIXEL or len(image.tile) != 1:
        return False
    name, extent, _unused, raw_mode = image.tile[0]
    whole = (name, tuple(extent), raw_mode) == ("zip", (0, 0, *image.size), image.mode)
    # What the file can hold beside that is far from the most text that Pillow takes.
    short = image.png.text_memory < _LARGEST
    return whole and short and image.n_frames == 1 and not image.info.get("interlace")


def _compressed(data: bytes, crc32: Callable[[Bytes], int]) -> Bytes:
    """Return what is in the IDAT chunks that ``data`` begins with.

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
    """Whether pictures come out as they went in: one with filters and several blocks, one without filters."""
    noise = Image.effect_noise((173, 131), 60)
    return all(_comes_out(each) for each in (noise.convert("RGBA"), noise.convert("P")))


def _comes_out(picture: Image.Image) -> bool:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    with Image.open(file) as image:
        found = decode(image, file)
    return found is not None and found.tobytes() == picture.tobytes()
