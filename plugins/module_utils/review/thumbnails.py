# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small copies of pictures that nobody vouches for: each is decoded by a process of its own, under limits."""

from __future__ import annotations

import base64
import io
import os
import resource
import select
import signal
import time
import warnings
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any, Deque, Iterable, Iterator, NamedTuple, Optional

from ..storage.replace import open_regular

try:
    from PIL import Image, features
except ImportError:
    Image = None  # type: ignore[assignment]

EDGE = 192
LARGEST = 256 * 1024
# Formats that people put on the web or a disk; the rare decoders are the least looked after.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "TGA", "ICO", "AVIF", "JPEG2000", "MPO")
_GRACE = 2.0
_ORIENTATION = 0x0112
# EXIF orientation -> Pillow's transpose number.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


class Limits(NamedTuple):
    """Of one picture: ``seconds`` of wall time, ``pixels``, ``memory`` in bytes beside what this process has."""

    seconds: float
    pixels: int
    memory: int = 1 << 30


def available() -> bool:
    """Whether this Python has Pillow."""
    return Image is not None


def thumbnails(paths: Iterable[Optional[str]], limits: Limits) -> Iterator[Optional[str]]:
    """For each path the picture within ``EDGE`` x ``EDGE`` pixels as a ``data:`` URI, None where it cannot be had.

    The same file gives the same text with the same Pillow.
    """
    if Image is not None:
        Image.init()
    ahead = len(os.sched_getaffinity(0))
    waiting = iter(paths)
    started: Deque[Optional[_Child]] = deque()
    try:
        while True:
            for path in islice(waiting, ahead - len(started)):
                started.append(_Child(path, limits) if path is not None and Image is not None else None)
            if not started:
                return
            child = started.popleft()
            yield child.finish() if child else None
    finally:
        for child in started:
            if child:
                child.end()


class _Child:
    """A process that decodes one picture and writes its small copy to a pipe."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._until = time.monotonic() + limits.seconds + _GRACE
        self._pipe, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _serve(path, writing, limits)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writing)

    def finish(self) -> Optional[str]:
        data = bytearray()
        while len(data) <= LARGEST:
            left = self._until - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                break
            block = os.read(self._pipe, 1 << 16)
            if not block:
                break
            data += block
        kind = _kind(bytes(data)) if self.end() and len(data) <= LARGEST else None
        return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}" if kind else None

    def end(self) -> bool:
        """Make sure that the process is gone; True when it had ended well by itself."""
        os.close(self._pipe)
        while time.monotonic() < self._until:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return status == 0
            time.sleep(0.001)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        return False


def _serve(path: str, writing: int, limits: Limits) -> None:
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    with os.fdopen(writing, "wb") as out:
        out.write(_small(path, limits.pixels))


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
        # After shrinking: turning a large picture takes its memory twice.
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


def _kind(data: bytes) -> Optional[str]:
    for start, kind in ((b"RIFF", "webp"), (b"\x89PNG", "png"), (b"\xff\xd8", "jpeg")):
        if data.startswith(start):
            return kind
    return None
