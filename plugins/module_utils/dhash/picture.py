# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One picture file -> dHash, confidence and reasons, bit for bit as ImageHash 4.3 with the same Pillow."""

from __future__ import annotations

import os
import stat
import struct
import sys
import warnings
from typing import IO, List, NamedTuple, Tuple

from . import decode, shrink
from .comparisons import dhash_of, differences
from .confidence import judge

try:
    from PIL import Image, UnidentifiedImageError
except ImportError:  # versions() tells the operator what to install
    Image = None  # type: ignore[assignment]

# Where Pillow itself refuses by default.
MAX_PIXELS = 178_956_970
# Formats that Pillow hands to another program, or only pretends to read.
_REFUSED = frozenset({"EPS", "WMF", "FPX", "MIC", "MPEG", "BUFR", "GRIB", "HDF5"})
# Asked first, as pictures of games mostly are one of them; no two know the same file.
_USUAL = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_formats: List[str] = []


class Picture(NamedTuple):
    """``dhash`` is 16 lower-case hex digits, ``confidence`` 0 to 1, ``reasons`` codes for a low one."""

    dhash: str
    confidence: float
    reasons: Tuple[str, ...]


class PictureError(Exception):
    """A picture that cannot be hashed.

    :param code: a stable word: missing, unreadable, not-a-file, empty, not-a-picture, truncated, broken,
        too-many-pixels, bomb, out-of-memory; the engine adds timeout and crashed.
    :param text: one sentence for people, printable, at most 200 characters.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = "".join(c if c.isprintable() else "?" for c in text[:200])
        super().__init__(code, self.text)


def hash_picture(path: str, max_pixels: int = MAX_PIXELS) -> Picture:
    """Hash the first frame of the picture at ``path``: no EXIF rotation, alpha ignored, as ImageHash does.

    :param max_pixels: the most pixels (width times height) that are decoded.
    :raises PictureError: with the code of the reason, whatever the file holds.
    """
    with _open(path) as stream:
        try:
            return _hash(stream, max_pixels)
        except PictureError:
            raise
        except Exception as error:
            raise _explain(error) from error


def prepare() -> None:
    """Load Pillow's plugins, so that worker processes share them, and keep its warnings off the standard streams."""
    if not _formats:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        Image.init()
        rest = [name for name in Image.ID if name not in _REFUSED and name not in _USUAL]
        _formats.extend([name for name in _USUAL if name in Image.ID] + rest)
    if "numpy" in sys.modules:
        hurry()


def hurry() -> None:
    """Load what makes large pictures faster and takes a moment to load: NumPy, simplejpeg. Hashes are the same."""
    shrink.load()
    decode.load()


def _open(path: str) -> IO[bytes]:
    """Open a regular file, and nothing else: a FIFO blocks, and opening a device can act on it."""
    try:
        _regular(os.stat(path))
        # O_NONBLOCK: the file may have become a FIFO since.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError("missing", "no such file") from error
    except (OSError, ValueError) as error:
        raise PictureError("unreadable", getattr(error, "strerror", None) or str(error)) from error
    stream = os.fdopen(descriptor, "rb")
    try:
        _regular(os.fstat(descriptor))
    except PictureError:
        stream.close()
        raise
    return stream


def _regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("not-a-file", "not a regular file")
    if status.st_size == 0:
        raise PictureError("empty", "the file has no bytes")


def _hash(stream: IO[bytes], max_pixels: int) -> Picture:
    prepare()
    # Pillow raises above twice this, also for frames that show their size late.
    Image.MAX_IMAGE_PIXELS = max_pixels
    with Image.open(stream, formats=_formats) as image:
        # Given a name, as ImageHash gives one, Pillow maps uncompressed files, and finds more of them too short.
        image.filename = f"/proc/self/fd/{stream.fileno()}"
        width, height = image.size
        if width * height > max_pixels:
            raise PictureError("too-many-pixels", f"{width} x {height} pixels, the limit is {max_pixels}")
        pixels = decode.decode(image, stream) or image
        steps = differences(shrink.greys(pixels))
        value, reasons = judge(steps, pixels)
    return Picture(dhash_of(steps), value, reasons)


def _explain(error: Exception) -> PictureError:
    text = f"{type(error).__name__}: {error}"
    lowered = text.lower()
    if isinstance(error, Image.DecompressionBombError):
        return PictureError("too-many-pixels", text)
    if isinstance(error, MemoryError) or "out of memory" in lowered:
        return PictureError("out-of-memory", "decoding it takes more memory than a picture may")
    if isinstance(error, UnidentifiedImageError):
        return PictureError("not-a-picture", "no picture format that Pillow knows")
    if "truncated" in lowered or "eof" in lowered or isinstance(error, (EOFError, struct.error)):
        return PictureError("truncated", text)
    if "too large" in lowered or "too much memory" in lowered:
        return PictureError("bomb", text)
    return PictureError("broken", text)
