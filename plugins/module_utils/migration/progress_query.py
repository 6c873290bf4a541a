# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query the progress of a migration while it runs."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Optional

from ..errors import MobiusError
from ..json import is_number, load_json, load_object
from ..storage.lock import release
from ..storage.paths import resolve_library, state_dir
from ..storage.replace import FILE_MODE
from ..text import format_duration
from .progress import COMPARING, HASHING, NAME, POLLED, STOP

_LARGEST = 64 * 1024
_NUMBERS = ("done", "total", "failed", "rate", "eta", "started", "updated")
# The progress is written every second; older progress is from a killed run, or from a run in its last step.
_FRESH_SECONDS = 30.0
_STOP_SECONDS = 10.0


def query_progress(
    path: str, job: Optional[str] = None, *, stop: bool = False, deployment: Optional[str] = None
) -> Dict[str, Any]:
    """Return what the module ``dhash_progress`` documents.

    :param job: Ansible's state file of the background job that migrates; a query with it keeps the job running.
    :param stop: stop that job instead, wait for it, and remove that file.
    :param deployment: with ``stop``, the holder whose lock is released.
    """
    library = resolve_library(path)
    folder = Path(state_dir(library))
    progress = _read(folder / NAME)
    if job is not None and stop:
        _stop(library, folder, job, deployment)
    elif job is not None and progress is not None:
        _touch(folder / POLLED)
    running = progress is not None and abs(time.time() - progress["updated"]) < _FRESH_SECONDS
    result = {"changed": False, "running": running, "progress": progress or {}}
    return result if job is None else {**result, "finished": _finished(job)}


def _stop(library: str, folder: Path, job: str, deployment: Optional[str]) -> None:
    with suppress(FileNotFoundError):
        _touch(folder / STOP)
    until = time.monotonic() + _STOP_SECONDS
    while not _finished(job) and time.monotonic() < until:
        time.sleep(0.1)
    if not _finished(job):
        return
    for left in (job, folder / STOP):
        with suppress(OSError):
            os.unlink(left)
    if deployment is not None:
        release(library, deployment)


def format_progress(progress: Dict[str, Any]) -> str:
    """Describe a migration in progress in one line."""
    if not progress:
        return "reading the library"
    if progress["phase"] == COMPARING:
        return "comparing the pictures with the last run"
    if progress["phase"] != HASHING:
        return "writing the library"
    text = f"{progress['done']:,} of about {progress['total']:,} items, {progress['rate']:,.0f} a second"
    if progress["eta"] is not None:
        text += f", about {format_duration(progress['eta'])} left"
    return f"{text}, {progress['failed']:,} failed"


def _read(path: Path) -> Optional[Dict[str, Any]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        text = stream.read(_LARGEST)
    try:
        found = load_object(text)
        return {"phase": str(found["phase"]), **{name: _number(found[name], name) for name in _NUMBERS}}
    except (ValueError, KeyError) as error:
        raise MobiusError("The progress file of the migration is damaged", str(path), "remove it") from error


def _number(value: object, name: str) -> object:
    if not is_number(value) and not (value is None and name == "eta"):
        raise ValueError(name)
    return value


def _touch(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)


def _finished(job: str) -> bool:
    try:
        state = load_json(Path(job).read_bytes())
    except FileNotFoundError:
        return True
    except ValueError:
        return False  # it is being written
    return not isinstance(state, dict) or "started" not in state or bool(state.get("finished"))
