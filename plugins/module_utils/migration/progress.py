# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a long migration, in a small file that others may read, and the renewal of its lock."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Optional, Protocol

from ..errors import MobiusError
from ..storage.lock import acquire, check_lease, holder, release
from ..storage.paths import state_dir
from ..storage.replace import FILE_MODE
from .tally import Counts

NAME = "progress.json"
#: Touched by each query of the process that started the run.
POLLED = "progress.asked"
#: Created by the process that started the run, to stop it.
STOP = "progress.stop"
HASHING, COMPARING = "hashing", "comparing"
_WRITE_SECONDS = 1.0
_RENEW_SECONDS = 60.0


class Cancelled(MobiusError):
    """The process that started the migration stopped it, or did not query its progress for too long."""


class Read(Protocol):
    """The progress of reading, such as a document; both in the same unit."""

    @property
    def size(self) -> int:
        """How much there is."""

    @property
    def read(self) -> int:
        """How much of it has been read."""


class Progress:
    """Writes ``progress.json`` at most once a second and removes it at the end.

    It holds ``phase`` (comparing with the last run, hashing), ``done`` and ``total`` (items; the total is an estimate
    until all are read), ``failed``, ``rate`` (items a second), ``eta`` (seconds left, or null), ``started`` and
    ``updated`` (seconds since 1970).

    :param write: false to write nothing at all.
    :param idle_timeout: seconds without a query after which the run cancels itself; 0 for no such limit.
    :param limit: seconds after which the run cancels itself; 0 for no such limit.
    """

    def __init__(
        self,
        library_path: str,
        document: Read,
        deployment: Optional[str],
        *,
        write: bool,
        idle_timeout: float = 0.0,
        limit: float = 0.0,
    ) -> None:
        self._library = library_path
        self._document = document
        self._deployment = deployment
        self._path = str(Path(state_dir(library_path)) / NAME)
        self._polled = str(Path(state_dir(library_path)) / POLLED)
        self._stop = str(Path(state_dir(library_path)) / STOP)
        self._idle_timeout = idle_timeout
        self._limit = limit
        self._write = write
        self._started = time.time()
        self._clock = self._renewed = self._heard = time.monotonic()
        self._stamp = 0
        self._written = -_WRITE_SECONDS
        # Left over from an earlier run.
        self._forget(self._stop)

    def update(self, tally: Counts, phase: str = HASHING) -> None:
        """Write the progress file if the last one is more than a second old.

        :raises MobiusError: the run was stopped, was not queried for ``idle_timeout``, or exceeded its ``limit``.
        """
        now = time.monotonic()
        if not self._write:
            return
        if self._limit and now - self._clock > self._limit:
            # Ansible's own limit misses a process that started before it joined its process group.
            raise MobiusError(
                f"The migration did not end within its timeout of {self._limit:g} seconds; nothing was changed",
                self._library,
                "run it again with a longer timeout; pictures that were hashed are not hashed again",
            )
        if now - self._written >= _WRITE_SECONDS:
            self._written = now
            # A run that has ended, or whose lock was broken, should stop hashing early.
            check_lease(self._library, self._deployment)
            with suppress(OSError):
                self._note(tally, phase)
            if self._idle_timeout:
                self._listen(now)
        if now - self._renewed >= _RENEW_SECONDS:
            self._renewed = now
            with suppress(OSError, MobiusError):
                self._renew()

    def end(self) -> None:
        self._forget(self._path, self._polled, self._stop)

    def _forget(self, *paths: str) -> None:
        for path in paths if self._write else ():
            with suppress(OSError):
                os.unlink(path)

    def _listen(self, now: float) -> None:
        if os.path.lexists(self._stop):
            raise self._cancelled("The migration was canceled by the process that started it; nothing was changed")
        # Compares for inequality, because the clock of the host may be set.
        stamp = self._stamp
        with suppress(OSError):
            stamp = os.stat(self._polled).st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._heard = stamp, now
        elif now - self._heard > self._idle_timeout:
            raise self._cancelled(
                f"The migration was canceled: its progress was not queried for {self._idle_timeout:g} seconds, so the "
                "process that started it is gone; nothing was changed"
            )

    def _cancelled(self, what: str) -> Cancelled:
        if self._deployment is not None:
            # No other process is left to release the lock.
            with suppress(OSError, MobiusError):
                release(self._library, self._deployment)
        return Cancelled(what, self._library, "run it again; pictures that were hashed are not hashed again")

    def _note(self, tally: Counts, phase: str) -> None:
        done = tally.hashed + tally.unchanged + tally.failed + tally.without_picture
        read = max(1, min(self._document.read, self._document.size))
        total = max(tally.items, round(tally.items * self._document.size / read))
        elapsed = max(0.001, time.monotonic() - self._clock)
        rate = done / elapsed
        document = {
            "phase": phase,
            "done": done,
            "total": total,
            "failed": tally.failed,
            "rate": round(rate, 1),
            "eta": round((total - done) / rate, 1) if rate else None,
            "started": round(self._started, 3),
            "updated": round(time.time(), 3),
        }
        temporary = f"{self._path}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(temporary, flags, FILE_MODE), "w", encoding="ascii") as stream:  # noqa: PTH123
            json.dump(document, stream)
        # Not durable: useless after a power cut.
        os.replace(temporary, self._path)

    def _renew(self) -> None:
        lease = holder(self._library)
        if self._deployment is not None and lease is not None and lease.get("id") == self._deployment:
            acquire(
                self._library,
                self._deployment,
                purpose=str(lease.get("purpose")),
                ttl=int(lease["ttl"]),
                pid=lease.get("pid"),
            )
