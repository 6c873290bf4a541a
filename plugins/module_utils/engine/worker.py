# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One hash process: reads lists of paths, writes lists of rows, under limits that the kernel enforces."""

from __future__ import annotations

import gc
import json
import mmap
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, List, NamedTuple, Set

from ..dhash.picture import EXACT, PictureError, hash_picture, prepare

try:
    import ctypes
except ImportError:  # some builds of Python lack it
    ctypes = None  # type: ignore[assignment]

_FLUSH_SECONDS = 0.25
_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_MEMORY = 160 * 1024 * 1024
_LARGEST_KEPT_PIECE = 32 * 1024 * 1024  # glibc's maximum


class Limits(NamedTuple):
    """Limits of one picture: ``seconds`` of wall time, ``pixels``, ``memory`` in bytes beyond an idle worker's.

    ``mode`` is :data:`EXACT` or :data:`FAST`.
    """

    seconds: float
    pixels: int
    memory: int
    mode: str = EXACT


def serve(tasks: int, results: int, slot: memoryview[float], limits: Limits, parent: int) -> None:
    """Hash lines of JSON lists of paths from the descriptor ``tasks`` until it ends, writing rows to ``results``.

    A row is ``[place, dhash, confidence, reasons, error, seconds]``; places count from the first path. A picture that
    exceeds its time is ended by the kernel's alarm signal, which ends the process.
    """
    _settle(tasks, results, limits, parent)
    first = 0
    with os.fdopen(tasks, "rb") as lines:
        for line in lines:
            paths = json.loads(line)
            _batch(first, paths, results, slot, limits, parent)
            first += len(paths)


def shared_slot() -> memoryview[float]:
    """Return memory shared with the parent: number of the current path (-1 for none), monotonic start."""
    slot: memoryview[float] = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")
    mark(slot, -1)
    return slot


def mark(slot: memoryview[float], place: int) -> None:
    """Note the path that starts now, in an order in which a reader never sees a path with another one's time."""
    slot[0] = -1
    slot[1] = time.monotonic()
    slot[0] = place


def _batch(first: int, paths: List[str], results: int, slot: memoryview[float], limits: Limits, parent: int) -> None:
    rows: List[List[Any]] = []
    sent = time.monotonic()
    for place, path in enumerate(paths, first):
        if os.getppid() != parent:
            os._exit(0)
        started = time.monotonic()
        mark(slot, place)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds)
        row = _row(path, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        now = time.monotonic()
        rows.append([place, *row, now - started])
        if now - sent > _FLUSH_SECONDS and place + 1 < first + len(paths):
            mark(slot, -1)
            _send(results, rows)
            rows, sent = [], now
    mark(slot, -1)
    _send(results, rows)


def _row(path: str, limits: Limits) -> List[Any]:
    try:
        picture = hash_picture(path, limits.pixels, limits.mode)
    except PictureError as error:
        return [None, 0.0, [error.code], error.text]
    return [picture.dhash, picture.confidence, picture.reasons, None]


def _send(results: int, rows: List[List[Any]]) -> None:
    view = memoryview(json.dumps(rows).encode() + b"\n")
    while view:
        view = view[os.write(results, view) :]


def _settle(tasks: int, results: int, limits: Limits, parent: int) -> None:
    """Drop everything inherited from the parent: signal handlers, open files, standard streams."""
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # Ctrl-C reaches the whole process group; the parent handles it and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # a worker also checks for its parent before each picture
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    gc.freeze()  # the parent's objects are not finalized here
    _close_all_but({tasks, results})
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.stdin = sys.stdout = sys.stderr = os.fdopen(nowhere, "r+")
    prepare()
    _keep_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(limits.memory)


def _close_all_but(kept: Set[int]) -> None:
    """Close inherited descriptors, so no lock or pipe of the parent outlives it."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in kept:
            with suppress(OSError):  # the descriptor of the listing itself is closed already
                os.close(descriptor)


def _keep_memory() -> None:
    """Keep freed memory for the next picture, because the kernel clears returned memory page by page on reuse."""
    with suppress(OSError, AttributeError):  # not glibc
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT_PIECE)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_MEMORY)


def _limit_memory(extra: int) -> None:
    base = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = base + extra if hard == resource.RLIM_INFINITY else min(base + extra, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
