# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run calls on untrusted files, each in its own process, which may hang, crash or exhaust its memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Callable, Deque, Iterable, Iterator, NamedTuple, Optional

_GRACE = 2.0


class Bounds(NamedTuple):
    """Limits of one call: ``seconds`` of wall time, ``memory`` in bytes beyond this process, ``answer`` in bytes."""

    seconds: float = 10.0
    memory: int = 1 << 30
    answer: int = 256 * 1024


def run_isolated(calls: Iterable[Optional[Callable[[], bytes]]], bounds: Bounds) -> Iterator[Optional[bytes]]:
    """Yield the result of each call, in order; None for None and for a call that raises or exceeds its bounds.

    One process per processor runs in parallel. Closing the iterator ends them.
    """
    ahead = len(os.sched_getaffinity(0))
    waiting = iter(calls)
    started: Deque[Optional[_Child]] = deque()
    try:
        while True:
            for call in islice(waiting, ahead - len(started)):
                started.append(None if call is None else _Child(call, bounds))
            if not started:
                return
            child = started.popleft()
            yield child.answer() if child else None
    finally:
        for child in started:
            if child:
                child.end()


class _Child:
    """The process of one call, which writes the result to a pipe."""

    def __init__(self, call: Callable[[], bytes], bounds: Bounds) -> None:
        self._bounds = bounds
        self._until = time.monotonic() + bounds.seconds + _GRACE
        self._pipe, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _serve(call, writing, bounds)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writing)

    def answer(self) -> Optional[bytes]:
        data = bytearray()
        while len(data) <= self._bounds.answer:
            left = self._until - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                break
            block = os.read(self._pipe, 1 << 16)
            if not block:
                break
            data += block
        return bytes(data) if self.end() and len(data) <= self._bounds.answer else None

    def end(self) -> bool:
        """Reap the process, killing it if need be; True when it exited with 0 by itself."""
        os.close(self._pipe)
        while time.monotonic() < self._until:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return status == 0
            time.sleep(0.001)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        return False


def _serve(call: Callable[[], bytes], writing: int, bounds: Bounds) -> None:
    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, bounds.seconds)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, pages * resource.getpagesize() + bounds.memory),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    with os.fdopen(writing, "wb") as out:
        out.write(call())
