# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is deployed, read from the state beside the library."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from ..backups.choose import choose
from ..backups.names import BACKUP
from ..backups.store import Store
from ..errors import MobiusError
from ..json import is_number
from ..library.validate import find_problems
from ..storage.lock import holder
from ..storage.paths import resolve_library
from ..storage.replace import read_version
from ..storage.state import read_current

_QUEUE = "low_confidence_queue_length"
# The members of a lease that are returned.
_LEASE = ("id", "purpose", "user", "host", "pid", "taken_at", "expires_at", "info")


def deployed(path: str, backup_dir: Optional[str] = None, backup: Optional[str] = None) -> Dict[str, Any]:
    """Return what is deployed.

    :param backup: the backup that a rollback would be given, as in :func:`..backups.choose.choose`; None reads none.
    :returns: ``current`` (the state, ``{}`` where there is none), ``sha256`` of the library (None: it is missing),
        ``as_recorded`` (the library still has the bytes of the state), ``baseline``, the length of the review queue
        before the last deployment, or None where that was not measured, ``lock`` (a live lease, or None) and
        ``rollback_target`` (see :func:`rollback_target`; None without ``backup``).
    :raises DamagedState: the state cannot be read.
    """
    try:
        sha256: Optional[str] = read_version(resolve_library(path)).sha256
    except FileNotFoundError:
        sha256 = None
    current = read_current(path, sha256) or {}
    return {
        "changed": False,
        "current": current,
        "sha256": sha256,
        "as_recorded": sha256 is not None and current.get("sha256") == sha256,
        "baseline": _queue(current.get("previous")),
        "lock": _lease(path),
        "rollback_target": None if backup is None else rollback_target(path, backup_dir, backup, current),
    }


def _lease(path: str) -> Optional[Dict[str, Any]]:
    lease = holder(path)
    return None if lease is None else {name: lease.get(name) for name in _LEASE}


def rollback_target(path: str, backup_dir: Optional[str], wanted: str, current: Dict[str, Any]) -> Dict[str, Any]:
    """The backup that a rollback would restore; it is verified.

    :param wanted: as in :func:`..backups.choose.choose`.
    :param current: the state, ``{}`` where there is none.
    :returns: ``path``, ``sha256``, ``verified``, ``reason`` (why not, or what to know) and ``older`` (path of the
        newest other backup that could be restored, where this one cannot; else None).
    """
    warnings: List[str] = []
    store = Store.of(path, backup_dir)
    try:
        found = choose(store, wanted, current, warnings)
    except (MobiusError, OSError) as error:
        where, what = (error.where, error.what) if isinstance(error, MobiusError) else (error.filename, error.strerror)
        older = _older(store, current, str(where))
        return {"path": where, "sha256": None, "verified": False, "reason": what, "older": older}
    reason = " ".join(warnings)
    return {"path": found.path, "sha256": found.sha256, "verified": True, "reason": reason, "older": None}


def _older(store: Store, current: Dict[str, Any], than: str) -> Optional[str]:
    """The newest backup that could be restored instead; one that is older than ``than`` comes first."""
    rejected = [*(current.get("rejected") or []), *([current["sha256"]] if current.get("sha256") else [])]
    try:
        usable = [
            each.path
            for each in store.backups()
            if each.kind == BACKUP and each.verified and each.sha256 not in rejected and _is_valid(each.path)
        ]
    except (MobiusError, OSError):
        return None
    before = [path for path in usable if path < than] if os.path.dirname(than) == store.folder else []
    return next(iter([*before, *usable]), None)


def _is_valid(path: str) -> bool:
    try:
        return not any(each["severity"] == "error" for each in find_problems(path, 1, warnings=False))
    except (MobiusError, OSError):
        return False


def _queue(state: Any) -> Optional[float]:
    metrics = state.get("metrics") if isinstance(state, dict) else None
    value = metrics.get(_QUEUE) if isinstance(metrics, dict) else None
    return float(value) if is_number(value) and value >= 0 else None
