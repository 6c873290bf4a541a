# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a long migration is, in a small file that others may read, and the sign of life that keeps its lease."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Optional, Protocol

from ..errors import MobiusError
from ..storage.lock import acquire, holder, release
from ..storage.paths import state_dir
from ..storage.replace import FILE_MODE
from .tally import Counts

NAME = "progress.json"
#: Touched by whoever asks and wants the run to go on.
ASKED = "progress.asked"
#: Made by whoever asks and wants the run to end.
STOP = "progress.stop"
HASHING, COMPARING = "hashing", "comparing"
_WRITE_SECONDS = 1.0
_RENEW_SECONDS = 60.0


class GivenUp(MobiusError):
    """Told to stop, or nobody asked for too long."""


class Read(Protocol):
    """What is read while it lasts, such as a document; both in the same unit."""

    @property
    def size(self) -> int: ...

    @property
    def read(self) -> int: ...


class Progress:
    """Writes ``progress.json`` at most once a second and removes it at the end.

    It holds ``phase`` (comparing with the last run, hashing), ``done`` and ``total`` (items; the total is an estimate
    until all are read), ``failed``, ``rate`` (items a second), ``eta`` (seconds left, or null), ``started`` and
    ``updated`` (seconds since 1970).

    :param write: false to write nothing at all.
    :param patience: seconds for which nobody may have asked before the run gives itself up; 0 for no such limit.
    :param limit: seconds after which the run gives itself up; 0 for no such limit.
    """

    def __init__(
        self,
        library_path: str,
        document: Read,
        deployment: Optional[str],
        *,
        write: bool,
        patience: float = 0.0,
        limit: float = 0.0,
    ) -> None:
        self._library = library_path
        self._document = document
        self._deployment = deployment
        self._path = str(Path(state_dir(library_path)) / NAME)
        self._asked = str(Path(state_dir(library_path)) / ASKED)
        self._stop = str(Path(state_dir(library_path)) / STOP)
        self._patience = patience
        self._limit = limit
        self._write = write
        self._started = time.time()
        self._clock = self._renewed = self._heard = time.monotonic()
        self._stamp = 0
        self._written = -_WRITE_SECONDS
        # Of a run before: it came too late for that one.
        self._forget(self._stop)

    def tell(self, tally: Counts, phase: str = HASHING) -> None:
        """Note how far it is, when the last time was long enough ago.

        :raises MobiusError: it is told to stop, nobody asked for longer than ``patience``, or the ``limit`` is over.
        """
        now = time.monotonic()
        if not self._write:
            return
        if self._limit and now - self._clock > self._limit:
            # Ansible's own limit misses a process that started before it was put into its group.
            raise MobiusError(
                f"The migration did not end within its timeout of {self._limit:g} seconds; nothing was changed",
                self._library,
                "run it again with a longer timeout: pictures that were hashed are not hashed again",
            )
        if now - self._written >= _WRITE_SECONDS:
            self._written = now
            with suppress(OSError):
                self._note(tally, phase)
            if self._patience:
                self._listen(now)
        if now - self._renewed >= _RENEW_SECONDS:
            self._renewed = now
            with suppress(OSError, MobiusError):
                self._renew()

    def end(self) -> None:
        self._forget(self._path, self._asked, self._stop)

    def _forget(self, *paths: str) -> None:
        for path in paths if self._write else ():
            with suppress(OSError):
                os.unlink(path)

    def _listen(self, now: float) -> None:
        if os.path.lexists(self._stop):
            raise self._given_up("This migration was stopped by what started it; nothing was changed")
        # A stamp that differs, not one that is late enough: the clock of the host may be set.
        stamp = self._stamp
        with suppress(OSError):
            stamp = os.stat(self._asked).st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._heard = stamp, now
        elif now - self._heard > self._patience:
            raise self._given_up(
                f"Nobody has asked about this migration for {self._patience:g} seconds, so what started it is gone; "
                "nothing was changed"
            )

    def _given_up(self, what: str) -> GivenUp:
        if self._deployment is not None:
            # There is nobody left who would do it.
            with suppress(OSError, MobiusError):
                release(self._library, self._deployment)
        return GivenUp(what, self._library, "run it again: pictures that were hashed are not hashed again")

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
        # Not durable: nobody needs it after a power cut.
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
