# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``current.json``, the state: what is deployed. It stays correct when a run is killed at any instant.

A writer notes the pending state (``begin``), replaces the library, then makes the pending state current (``commit``).
A reader compares the library's hash with a leftover pending state to see whether the replacement happened.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional, cast

from ..errors import MobiusError
from ..json import load_json
from .mounts import refuse_unmounted
from .paths import is_path, state_dir
from .replace import make_folders, open_regular, read_version, write_json

State = Dict[str, Any]

# How many rolled-back deployments are remembered; far more than the number of backups kept.
_REJECTED = 200


class DamagedState(MobiusError):
    """``current.json`` cannot be read; the library and its backups do not depend on it."""


def current_path(library_path: str) -> str:
    """Return the path of this library's state."""
    return str(Path(state_dir(library_path)) / "current.json")


def read_document(library_path: str) -> Optional[State]:
    """Return the whole document, ``pending`` included; None when there is none.

    :raises DamagedState: it is not a JSON object, or a member that is read from has another type.
    """
    path = current_path(library_path)
    try:
        with open_regular(path) as stream:
            document = load_json(stream.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, MobiusError) as error:
        raise _damaged(path) from error
    if not _is_state(document) or not isinstance(document.get("pending", {}), dict):
        raise _damaged(path)
    return cast(State, document)


def _is_state(document: Any) -> bool:
    """Whether the members that others read from have their types; a rollback must not stumble over an edited one."""
    if not isinstance(document, dict) or not isinstance(document.get("rejected", []), list):
        return False
    inner = [document[name] for name in ("pending", "previous") if document.get(name) is not None]
    return _is_backup(document.get("backup") or {}) and all(map(_is_state, inner))


def _is_backup(backup: Any) -> bool:
    if not isinstance(backup, dict):
        return False
    path, sha256 = backup.get("path"), backup.get("sha256")
    return (path is None or is_path(path)) and (sha256 is None or isinstance(sha256, str))


def _damaged(path: str) -> DamagedState:
    return DamagedState("The state of the deployment is damaged", path, f"inspect it, then remove it: rm {path}")


def read_current(library_path: str, actual_sha256: Optional[str] = None) -> Optional[State]:
    """Return what is deployed, or None.

    :param actual_sha256: hash of the library's bytes; with it, a killed run's pending state counts if it matches.
    :raises DamagedState: see :func:`read_document`.
    """
    document = read_document(library_path)
    return None if document is None else _settled(document, actual_sha256)


def _settled(document: State, actual_sha256: Optional[str]) -> Optional[State]:
    """Resolve ``pending``: return it if it matches the library, else the state before it."""
    before = {key: value for key, value in document.items() if key != "pending"}
    pending = document.get("pending")
    if pending is not None and actual_sha256 is not None and pending.get("sha256") == actual_sha256:
        return _with_rejected(_with_previous(pending, before), before)
    return before or None


def _with_rejected(now: State, before: State) -> State:
    """Return ``now`` with the hashes of rolled-back deployments, except one that is deployed or restored again."""
    rejected = [sha256 for sha256 in before.get("rejected", []) if sha256 != now.get("sha256")]
    rolled_back = "restored_at" in now and before.get("status") == "deployed"
    if rolled_back and before.get("sha256") not in [now.get("sha256"), *rejected]:
        rejected.append(before["sha256"])
    marked = {key: value for key, value in now.items() if key != "rejected"}
    return {**marked, "rejected": rejected[-_REJECTED:]} if rejected else marked


def _with_previous(now: State, before: State) -> State:
    """Return ``now`` with the state before it as ``previous``, unless it has a ``previous`` already."""
    if "previous" in now:
        return dict(now)
    previous = {key: value for key, value in before.items() if key not in ("previous", "rejected")}
    return {**now, "previous": previous or None}


def begin(library_path: str, pending: State, *, actual_sha256: Optional[str] = None) -> None:
    """Note the state that a replacement is about to make current.

    :param pending: a whole state (``deployment``, ``status``, ``sha256``, ``backup``, ...); ``previous`` is filled in.
        A deployment names the bytes it replaces in ``replaced``, see :func:`replaced_by`.
    :param actual_sha256: hash of the library's bytes now, to settle a killed run's pending state; read when needed.
    """
    try:
        document = read_document(library_path)
    except DamagedState:
        # Kept under another name for inspection.
        path = current_path(library_path)
        with suppress(OSError):
            os.replace(path, f"{path}.damaged")
        document = None
    if document is not None and "pending" in document and actual_sha256 is None:
        with suppress(OSError):
            actual_sha256 = read_version(library_path).sha256
    before = _settled(document or {}, actual_sha256) or {}
    _write(library_path, {**before, "pending": pending})


def commit(library_path: str) -> State:
    """Make the pending state of ``begin`` current, and return it.

    :raises MobiusError: there is no pending state.
    """
    document = read_document(library_path) or {}
    pending = document.get("pending")
    if pending is None:
        raise MobiusError("There is nothing to commit", current_path(library_path))
    state = _settled(document, pending.get("sha256")) or {}
    _write(library_path, state)
    return state


def settle(library_path: str, actual_sha256: str) -> None:
    """Settle a killed run's pending state: commit it if the library matches it, drop it if the state matches."""
    document = read_document(library_path) or {}
    pending = document.pop("pending", None)
    if pending is not None and pending.get("sha256") == actual_sha256:
        commit(library_path)
    elif pending is not None and document.get("sha256") == actual_sha256:
        _write(library_path, document)


def withdraw(library_path: str) -> None:
    """Drop the pending state of ``begin``: the library was not replaced."""
    document = read_document(library_path) or {}
    if document.pop("pending", None) is not None:
        _write(library_path, document)


def replaced_by(library_path: str, deployment: str) -> Optional[str]:
    """Return the hash of the bytes that a deployment replaced, or was about to replace; None if it replaced nothing.

    :raises DamagedState: see :func:`read_document`.
    """
    document = read_document(library_path) or {}
    for noted in (document.get("pending") or {}, document):
        if noted.get("deployment") == deployment and isinstance(noted.get("replaced"), str):
            return str(noted["replaced"])
    return None


def named_backups(library_path: str) -> List[Dict[str, Any]]:
    """Return every backup that the state names: of the current, the pending and the previous state.

    :raises DamagedState: see :func:`read_document`.
    """
    document = read_document(library_path) or {}
    states = [document, document.get("pending"), document.get("previous")]
    backups = [state.get("backup") for state in states if isinstance(state, dict)]
    return [backup for backup in backups if isinstance(backup, dict)]


def prepare_folder(library_path: str) -> str:
    """Create the state folder, owned like the library where this user may do that, and return it.

    :raises MobiusError: the folder of the library is missing.
    """
    folder = state_dir(library_path)
    refuse_unmounted(library_path)
    if not Path(folder).parent.is_dir():
        raise MobiusError(
            "The folder of the library is missing",
            str(Path(folder).parent),
            "check the path of the library, and whether its file system is mounted",
        )
    uid, gid = library_owner(library_path)
    # Not durable: it is created again when needed.
    make_folders(folder, owner=uid, group=gid, durable=False)
    return folder


def library_owner(library_path: str) -> tuple[int, int]:
    """Return the user and group for files beside the library: the library's own, or its folder's when it is missing.

    ``-1`` for an owner that this user cannot assign.
    """
    for path in (library_path, os.path.dirname(os.path.realpath(library_path))):
        with suppress(OSError):
            facts = os.stat(path)
            root = os.geteuid() == 0
            return facts.st_uid if root else -1, facts.st_gid if root or facts.st_gid in os.getgroups() else -1
    return -1, -1


def _write(library_path: str, document: State) -> None:
    prepare_folder(library_path)
    uid, gid = library_owner(library_path)
    write_json(current_path(library_path), document, owner=uid, group=gid)
