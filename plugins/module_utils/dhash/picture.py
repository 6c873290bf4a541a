# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash one picture file: dHash, confidence and reasons, bit for bit like ImageHash 4.3 with the same Pillow."""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import IO, TYPE_CHECKING, List, NamedTuple, Optional, Tuple

from . import png, shrink
from .comparisons import dhash_of, differences
from .confidence import judge

try:
    from PIL import Image, UnidentifiedImageError
except ImportError:  # versions() tells the operator what to install
    Image = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

EXACT, FAST = MODES = "exact", "fast"
# Pillow's own default limit.
MAX_PIXELS = 178_956_970
# Formats that Pillow passes to another program, or does not really read.
_REFUSED = frozenset({"EPS", "WMF", "FPX", "MIC", "MPEG", "BUFR", "GRIB", "HDF5"})
# Tried first, because the others are slow to load. No two of these accept the same file.
_USUAL = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
# Minimum sides in fast mode: a cell of the 9 x 8 greys still averages 14 x 16 pixels.
_REDUCED_SIDE = 128
_READ_AT_ONCE = 1024 * 1024
_usual: List[str] = []
_formats: List[str] = []
_accelerated: List[bool] = []


class Picture(NamedTuple):
    """``dhash`` is 16 lower-case hex digits, ``confidence`` 0 to 1, ``reasons`` codes for a low one."""

    dhash: str
    confidence: float
    reasons: Tuple[str, ...]


class PictureError(Exception):
    """A picture that cannot be hashed.

    :param code: a stable word: missing, unreadable, not-a-file, empty, not-a-picture, truncated, broken,
        too-many-pixels, bomb, out-of-memory; the engine adds timeout and crashed.
    :param text: one printable sentence of at most 200 characters.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = "".join(c if c.isprintable() else "?" for c in text[:200])
        super().__init__(code, self.text)


def hash_picture(path: str, max_pixels: int = MAX_PIXELS, mode: str = EXACT) -> Picture:
    """Hash the first frame of the picture at ``path``: no EXIF rotation, alpha ignored, as ImageHash does.

    :param max_pixels: upper limit of pixels (width times height) to decode.
    :param mode: EXACT, or FAST: JPEG pictures are decoded small and in grey, and their hashes may be a few bits off.
    :raises PictureError: for any file that cannot be hashed, with the code of the reason.
    """
    with _open(path) as file:
        try:
            return _hash(file, max_pixels, mode)
        except PictureError:
            raise
        except UnidentifiedImageError as error:
            raise PictureError("not-a-picture", _content(file)) from error
        except Exception as error:
            raise _explain(error) from error


def prepare() -> None:
    """Load Pillow's usual plugins, so that worker processes share them, and keep its warnings off the streams."""
    if not _usual:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        Image.preinit()
        with suppress(ImportError):
            import_module("PIL.WebPImagePlugin")
        _usual.extend(name for name in _USUAL if name in Image.OPEN)
        if "numpy" in sys.modules:
            load_accelerators()


def load_accelerators() -> bool:
    """Load what speeds up hashing without changing it but is slow to load: NumPy and decoders.

    :returns: whether something was loaded now, which processes forked earlier lack.
    """
    if _accelerated:
        return False
    _accelerated.append(True)
    return any([shrink.load(), png.load()])


def _open(path: str) -> IO[bytes]:
    """Open a regular file and nothing else: a FIFO blocks, and opening a device can have side effects."""
    try:
        _regular(os.stat(path))
        # O_NONBLOCK: the file may have become a FIFO in the meantime.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError("missing", "no such file") from error
    except (OSError, ValueError) as error:
        raise PictureError("unreadable", getattr(error, "strerror", None) or str(error)) from error
    try:
        _regular(os.fstat(descriptor))
    except PictureError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("not-a-file", "not a regular file")
    if status.st_size == 0:
        raise PictureError("empty", "the file has no bytes")


def _hash(file: IO[bytes], max_pixels: int, mode: str) -> Picture:
    prepare()
    # Pillow raises above twice this limit, also for frames whose size is known late.
    Image.MAX_IMAGE_PIXELS = max_pixels
    image, stream = _identified(file)
    with image:
        # By name, as in ImageHash, because Pillow then maps uncompressed files and detects more truncated ones.
        image.filename = _name(file)
        width, height = image.size
        if width * height > max_pixels:
            raise PictureError("too-many-pixels", f"{width} x {height} pixels, the limit is {max_pixels}")
        box = _reduce(image) if mode == FAST else None
        pixels = (_decoded(image, stream) if box is None else None) or image
        steps = differences(shrink.greys(pixels, box))
        value, reasons = judge(steps, pixels, min(width, height))
    return Picture(dhash_of(steps), value, reasons)


def _identified(file: IO[bytes]) -> Tuple[ImageFile, IO[bytes]]:
    """Return the picture and its stream."""
    with suppress(UnidentifiedImageError):
        stream = _read_at_once(file) or file
        return Image.open(stream, formats=_usual), stream
    # By name, as ImageHash opens it: a file refuses some seeks that memory allows, and some plugins close a stream.
    return Image.open(_name(file), formats=all_formats()), file


def _name(file: IO[bytes]) -> str:
    """Return a name of this open file that stays valid if its path changes."""
    return f"/proc/self/fd/{file.fileno()}"


def all_formats() -> List[str]:
    """Return the names of all supported formats, including those of the package pillow-heif if installed."""
    if not _formats:
        Image.init()
        register_plugins()
        _formats.extend(name for name in Image.ID if name not in _REFUSED)
    return _formats


def register_plugins() -> None:
    """Let Pillow open HEIC pictures if the package pillow-heif is installed."""
    # A build for another libheif or Python raises more than ImportError.
    with suppress(Exception):
        import_module("pillow_heif").register_heif_opener()


def _read_at_once(file: IO[bytes]) -> Optional[io.BytesIO]:
    """Return the content of a small file, because Pillow reads in small pieces; None if it is larger or has changed."""
    size = os.fstat(file.fileno()).st_size
    if size <= _READ_AT_ONCE:
        data = file.read(size + 1)
        if len(data) <= size:
            return io.BytesIO(data)
        file.seek(0)
    return None


def _decoded(image: ImageFile, stream: IO[bytes]) -> Optional[Image.Image]:
    """Return the pixels if a faster decoder than Pillow supports the file."""
    return png.decode(image, stream) if image.format == "PNG" else None


def _reduce(image: Image.Image) -> Optional[Tuple[float, float, float, float]]:
    """Set a JPEG to be decoded in grey, down to an eighth of its size, and return the box that it fills then."""
    if image.format not in ("JPEG", "MPO"):
        return None
    drafted = image.draft("L", (_REDUCED_SIDE, _REDUCED_SIDE))
    return drafted[1] if drafted else None


def _content(file: IO[bytes]) -> str:
    """Describe what the file is instead of a picture, and the remedy."""
    from .content import HEAD, describe  # rarely needed

    descriptor = file.fileno()
    found = describe(os.pread(descriptor, HEAD, 0), os.fstat(descriptor).st_size, all_formats())
    return f"the file is {found.what}: {found.remedy}"


def _explain(error: Exception) -> PictureError:
    text = f"{type(error).__name__}: {error}"
    lowered = text.lower()
    if isinstance(error, Image.DecompressionBombError):
        return PictureError("too-many-pixels", text)
    if isinstance(error, MemoryError) or "out of memory" in lowered:
        return PictureError("out-of-memory", "decoding it needs more memory than the limit")
    if "truncated" in lowered or "eof" in lowered or isinstance(error, (EOFError, struct.error)):
        return PictureError("truncated", text)
    if "too large" in lowered or "too much memory" in lowered:
        return PictureError("bomb", text)
    return PictureError("broken", text)
