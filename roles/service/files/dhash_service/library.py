# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service knows of its library: read again, in a thread of its own, whenever the file has changed."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.json import is_number, is_whole
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import holder
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import DamagedState, read_current
from ansible_collections.mobius.dhash.plugins.module_utils.text import printable

from .index import Index, build
from .settings import Settings

METRICS = ("avg_hash_time", "p95_hash_time", "extraction_failures_rate", "low_confidence_queue_length")
HEALTHY = "healthy"
STARTING = "starting"
UNHEALTHY = "unhealthy"

_log = logging.getLogger("dhash_service")
_Key = Tuple[Any, ...]
_TRIES = 3


@dataclass(frozen=True)
class Reading:
    """What was found in the file that ``key`` stands for; at the end there is an index, or a ``problem``."""

    key: _Key
    sha256: str = ""
    size: int = 0
    index: Optional[Index] = None
    problem: str = ""

    @property
    def complete(self) -> bool:
        return self.index is not None or bool(self.problem)


@dataclass(frozen=True)
class View:
    """The library as one request sees it; ``reading`` is None until its bytes are hashed."""

    reading: Optional[Reading]
    state: Dict[str, Any] = field(default_factory=dict)
    state_problem: str = ""
    #: The live lease on the library; None where it is free, or cannot be read.
    lock: Optional[Dict[str, Any]] = None

    @property
    def status(self) -> str:
        if not self._judged:
            return STARTING
        return UNHEALTHY if self.reasons else HEALTHY

    @property
    def reasons(self) -> List[str]:
        if self.reading is None or not self._judged:
            return ["the library is being read"]
        reasons = [text for text in (self.reading.problem, self.state_problem) if text]
        deployed = self.state.get("sha256")
        if self.reading.sha256 and deployed and deployed != self.reading.sha256:
            reasons.append(
                f"the library does not hold the bytes that were deployed (sha256 {self.reading.sha256[:12]}, "
                f"deployed {str(deployed)[:12]})"
            )
        return reasons

    @property
    def as_deployed(self) -> bool:
        """Whether these are the bytes that a migration wrote, and parsed again before it put them in place."""
        known = self.reading is not None and self.reading.sha256 == self.state.get("sha256")
        return known and self.state.get("status") == "deployed"

    @property
    def _judged(self) -> bool:
        """A large library takes a while to parse; bytes that are known to be good need not wait for it."""
        return self.reading is not None and (self.reading.complete or self.as_deployed)

    @property
    def counts(self) -> Dict[str, Any]:
        """``items`` and ``with_dhash``, from the index or, while it grows, from the state; None when neither knows."""
        if self.reading is not None and self.reading.index is not None:
            return {"items": self.reading.index.items, "with_dhash": len(self.reading.index)}
        known = self.state if self.as_deployed else {}
        return {name: known[name] if is_whole(known.get(name)) else None for name in ("items", "with_dhash")}

    @property
    def deployed(self) -> Dict[str, Optional[str]]:
        """``deployment``, ``status`` and ``migrated_at`` of the state; None for what it does not have as text."""
        found = {name: self.state.get(name) for name in ("deployment", "status", "migrated_at")}
        return {name: printable(value) if isinstance(value, str) else None for name, value in found.items()}

    @property
    def metrics(self) -> Dict[str, Any]:
        """The four metrics as the migration measured them; None for what was not measured."""
        metrics = self.state.get("metrics")
        measured = metrics if isinstance(metrics, dict) else {}
        return {name: measured[name] if is_number(measured.get(name)) else None for name in METRICS}


class Library:
    """Watches one library without polling: each request costs two stat calls and reading the small state file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = ThreadPoolExecutor(1, "reader")
        self._lock = threading.Lock()
        self._pending: Optional[Future[Reading]] = None
        self._reading: Optional[Reading] = None

    async def look(self, wait: float = 0.5) -> View:
        """The library now; waits at most ``wait`` seconds for a reading that is under way."""
        for _unused in range(_TRIES):
            pending, _unused = await asyncio.to_thread(self._refresh)
            if pending is not None:
                await asyncio.wait([asyncio.wrap_future(pending)], timeout=wait)
            view, steady = await asyncio.to_thread(self._view)
            # If it is replaced between the two, library and state do not belong together.
            if steady:
                break
        return view

    def close(self) -> None:
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _refresh(self) -> Tuple[Optional[Future[Reading]], Optional[Reading]]:
        """What is being read, and what is known of the file as it is now."""
        key = self._key()
        with self._lock:
            if self._pending is not None and self._pending.done():
                self._reading, self._pending = self._pending.result(), None
            if self._reading is not None and self._reading.key != key:
                # Let go of before the new one grows: two indexes of a large library need twice the memory.
                self._reading = None
            if self._reading is None and self._pending is None:
                self._pending = self._reader.submit(self._read)
            return self._pending, self._reading

    def _view(self) -> Tuple[View, bool]:
        """The view, and whether the file stayed the same while it was taken."""
        _unused, reading = self._refresh()
        sha256 = reading.sha256 if reading is not None else None
        try:
            view = View(reading, read_current(self._settings.library_path, sha256) or {})
        except DamagedState as error:
            view = View(reading, {}, error.what)
        except (MobiusError, OSError) as error:
            view = View(reading, {}, f"the state cannot be read ({type(error).__name__})")
        with suppress(MobiusError, OSError):
            view = replace(view, lock=holder(self._settings.library_path))
        return view, reading is None or self._key() == reading.key

    def _key(self) -> _Key:
        try:
            facts = os.stat(self._settings.library_path)
        except OSError as error:
            return (error.errno,)
        # ctime too: after a chmod an unreadable file may be a readable one.
        return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    def _read(self) -> Reading:
        key = self._key()
        path = self._settings.library_path
        try:
            reading = self._read_file(key)
        except FileNotFoundError:
            reading = Reading(key, problem="the library is missing")
        except OSError as error:
            reading = Reading(key, problem=f"the library cannot be read: {error.strerror or type(error).__name__}")
        except MobiusError as error:
            reading = Reading(key, problem=_sentence(error))
        except Exception:
            _log.exception("reading %r failed", path)
            reading = Reading(key, problem="the library cannot be read: see the log of the service")
        if reading.index is None:
            _log.warning("library %r: %r", path, reading.problem)
        else:
            _log.info("library %r: %d items, sha256 %s", path, reading.index.items, reading.sha256)
        return reading

    def _read_file(self, key: _Key) -> Reading:
        settings = self._settings
        version = read_version(settings.library_path)
        hashed = Reading(key, version.sha256, version.size)
        with self._lock:
            # Known before the long part: the hash alone shows health whether these are the deployed bytes.
            self._reading = hashed
        try:
            with open_document(settings.library_path) as document:
                index = build(document.items(settings.items or None, settings.image_key), settings.image_key)
        except MobiusError as error:
            return replace(hashed, problem=_sentence(error))
        return replace(hashed, index=index)


def _sentence(error: MobiusError) -> str:
    return error.what[:1].lower() + error.what[1:]
