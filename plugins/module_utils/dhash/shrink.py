# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shrink a picture to 9 x 8 greys, bit for bit like Pillow's ``convert("L").resize((9, 8), LANCZOS)``.

Pillow's resize multiplies bytes by fixed-point numbers with 22 fractional bits. 64-bit floats represent all of its sums
exactly, so NumPy's matrix product gives the same bits in a fifth of the time. Without NumPy, Pillow does it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple

try:
    from PIL import Image
    from PIL import __version__ as _pillow
except ImportError:  # versions() tells the operator what to install
    Image, _pillow = None, "0"  # type: ignore[assignment]

if TYPE_CHECKING:
    import numpy

COLUMNS, ROWS = 9, 8
LANCZOS = 1  # Pillow's constant, so this file can be imported without Pillow
_LOBES = 3.0
_ONE = float(1 << 22)
# Versions whose arithmetic is known. From 13 on, tall pictures are shrunk vertically first; those are left to Pillow.
_KNOWN_PILLOW = range(9, 14)
_SMALLEST_SIDE = 16
# For a longer side, the weights take more memory than a picture may use.
_LONGEST_SIDE = 1 << 15
# Weights of up to this many pixels are cached. For larger ones, computing them is cheap compared with the decoding.
_KEPT_SIDE, _KEPT_SIZES = 1024, 512
# Coefficients this close to a half may round differently in Pillow's arithmetic; such a size is left to Pillow.
_AMBIGUOUS = 1e-7
# Pixels per matrix product: OpenBLAS starts threads for larger ones.
_PRODUCT = 28_000
_BAND = 1 << 20
_THREADS = "OPENBLAS_NUM_THREADS"

np: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Import NumPy within, so that it starts no threads, which would only compete with the processes that hash."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[_THREADS]
        if before is not None:
            os.environ[_THREADS] = before


def load() -> bool:
    """Use NumPy from now on if it is installed and agrees with Pillow; returns whether it does."""
    global np
    if np is None and int(_pillow.split(".")[0]) in _KNOWN_PILLOW:
        with one_thread():
            try:
                np = import_module("numpy")
            except Exception:  # a build for another processor or Python raises more than ImportError
                np = None
        if np is not None and not _agrees():
            np = None
    return np is not None


def greys(image: Image.Image, box: Optional[Tuple[float, float, float, float]] = None) -> bytes:
    """Return the 72 greys, row by row from the top left.

    :param box: the part that is the picture, as (left, top, right, bottom); None for all.
    """
    grey = image.convert("L")
    matrices = _matrices(*grey.size) if np is not None and box is None else None
    if matrices is None:
        return grey.resize((COLUMNS, ROWS), LANCZOS, box).tobytes()
    return _product(grey, *matrices)


def _product(grey: Image.Image, across: numpy.ndarray[Any, Any], down: numpy.ndarray[Any, Any]) -> bytes:
    width, height = grey.size
    cells = np.empty((height, COLUMNS))
    step = max(1, _PRODUCT // width)
    top = 0
    for band in _bands(grey):
        pixels = np.frombuffer(band.tobytes(), np.uint8).reshape(-1, width)
        for start in range(0, len(pixels), step):
            part = pixels[start : start + step]
            np.dot(part, across, out=cells[top : top + len(part)])
            top += len(part)
    found: bytes = _rounded(np.dot(down, _rounded(cells))).astype(np.uint8).tobytes()
    return found


def _bands(grey: Image.Image) -> Iterator[Image.Image]:
    """Cut a large picture into parts that fit into the processor's cache."""
    width, height = grey.size
    step = max(1, _BAND // width)
    if step >= height:
        yield grey
        return
    for top in range(0, height, step):
        yield grey.crop((0, top, width, min(height, top + step)))


def _rounded(sums: Any) -> Any:
    sums += 0.5
    np.floor(sums, out=sums)
    np.maximum(sums, 0, out=sums)
    return np.minimum(sums, 255, out=sums)


def _matrices(width: int, height: int) -> Optional[Any]:
    if min(width, height) < _SMALLEST_SIDE or max(width, height) > _LONGEST_SIDE:
        return None
    if height - ROWS > 2 * (width - COLUMNS):
        return None
    across, down = _weights(width, COLUMNS), _weights(height, ROWS)
    return None if across is None or down is None else (across, down.T)


def _weights(size: int, cells: int) -> Optional[Any]:
    return _kept_weights(size, cells) if size <= _KEPT_SIDE else _coefficients(size, cells)


def _coefficients(size: int, cells: int) -> Optional[Any]:
    """Return the weights of ``size`` pixels in each of fewer ``cells``, as Pillow's Resample.c computes them.

    :return: a float matrix (``size``, ``cells``) of whole multiples of 2**-22; None where one is uncertain.
    """
    scale = size / cells
    half = (cells + 1) // 2
    centres = (np.arange(half) + 0.5)[:, None] * scale
    weights = _lanczos((np.arange(size) - centres + 0.5) / scale)
    weights *= _ONE / weights.sum(axis=1, keepdims=True)
    rounded = np.trunc(weights + np.copysign(0.5, weights))
    if np.any(np.abs(np.abs(weights - rounded) - 0.5) < _AMBIGUOUS):
        return None
    whole = np.empty((size, cells))
    whole[:, cells - half :] = rounded[::-1, ::-1].T
    whole[:, :half] = rounded.T
    whole /= _ONE
    return whole


_kept_weights = lru_cache(maxsize=_KEPT_SIZES)(_coefficients)


def _lanczos(x: Any) -> Any:
    """Return sinc(x) sinc(x / 3) between -3 and 3, with sin 3a = 3 sin a - 4 sin^3 a, and 0 beyond."""
    x[x == 0] = 1e-9
    x *= np.pi / _LOBES
    squares = np.sin(x)
    squares *= squares
    beyond = np.abs(x) >= np.pi
    squares[beyond] = 0
    return squares * (_LOBES - 4 * squares) / (_LOBES * x * x)


def _agrees() -> bool:
    """Whether NumPy and Pillow give the same greys for noise, which exposes every rounding difference."""
    noise = hashlib.shake_128(b"noise").digest(173 * 131)
    for size in ((173, 131), (91, 97), (131, 33), (16, 20)):
        picture = Image.frombytes("L", size, noise[: size[0] * size[1]])
        matrices = _matrices(*size)
        if matrices and _product(picture, *matrices) != picture.resize((COLUMNS, ROWS), LANCZOS).tobytes():
            return False
    return True
