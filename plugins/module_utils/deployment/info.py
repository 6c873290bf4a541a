# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is deployed, read from the record beside the library."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..backups.choose import choose
from ..backups.store import Store
from ..errors import MobiusError
from ..storage.lock import holder
from ..storage.paths import resolve_library
from ..storage.replace import read_version
from ..storage.state import read_current

_QUEUE = "low_confidence_queue_length"


# Of a lease, what people need to know.
_TOLD = ("id", "purpose", "user", "host", "pid", "taken_at", "expires_at")


def deployed(path: str, backup_dir: Optional[str] = None, backup: Optional[str] = None) -> Dict[str, Any]:
    """Tell what is deployed.

    :param backup: what a rollback would be asked for, as in :func:`..backups.choose.choose`; None reads no backup.
    :returns: ``current`` (the record, ``{}`` where there is none), ``sha256`` of the library (None: it is missing),
        ``as_recorded`` (the library still has the bytes on record), ``baseline``, the length of the review queue
        before the last deployment, or None where that was not measured, ``lock`` (a live lease, or None) and
        ``way_back`` (``path``, ``sha256``, ``verified``, ``reason``; None when not asked for).
    :raises DamagedState: the record cannot be read.
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
        "way_back": None if backup is None else _way_back(path, backup_dir, backup, current),
    }


def _lease(path: str) -> Optional[Dict[str, Any]]:
    lease = holder(path)
    return None if lease is None else {name: lease.get(name) for name in _TOLD}


def _way_back(path: str, backup_dir: Optional[str], wanted: str, current: Dict[str, Any]) -> Dict[str, Any]:
    warnings: List[str] = []
    try:
        found = choose(Store.of(path, backup_dir), wanted, current, warnings)
    except MobiusError as error:
        return {"path": error.where, "sha256": None, "verified": False, "reason": error.what}
    return {"path": found.path, "sha256": found.sha256, "verified": True, "reason": " ".join(warnings)}


def _queue(state: Any) -> Optional[float]:
    metrics = state.get("metrics") if isinstance(state, dict) else None
    value = metrics.get(_QUEUE) if isinstance(metrics, dict) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
