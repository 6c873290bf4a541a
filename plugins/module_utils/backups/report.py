# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backups of a library, for programs and for eyes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..storage import state
from . import names
from .store import Backup, Store


def info(path: str, backup_dir: Optional[str] = None, *, verify: bool = True) -> Dict[str, Any]:
    """List backups and snapshots, newest first.

    :param verify: read every backup and compare its bytes with its checksum.
    :returns: ``backups`` (each as :meth:`Backup.facts`, with ``judged``, ``way_back`` and ``line``), ``changed``,
        ``warnings``.
    """
    warnings: List[str] = []
    way_back = None
    try:
        named = ((state.read_document(path) or {}).get("backup") or {}).get("path")
        way_back = str(named) if named else None
    except (state.DamagedState, OSError) as error:
        warnings.append(str(error))
    backups = [_row(each, way_back) for each in Store.of(path, backup_dir).backups(verify=verify)]
    return {"changed": False, "backups": backups, "warnings": warnings}


def _row(backup: Backup, way_back: Optional[str]) -> Dict[str, Any]:
    needed = way_back is not None and names.same_place(backup.path, way_back)
    return {**backup.facts(), "judged": backup.judged, "way_back": needed, "line": _line(backup, needed)}


def _line(backup: Backup, needed: bool) -> str:
    facts = backup.facts()
    verdict = {True: "verified", False: f"NOT VERIFIED: {backup.reason}", None: "not read"}[backup.verified]
    mark = " (a rollback would use it)" if needed else ""
    return f"{facts['created']}  {backup.kind:8}  {human(backup.size):>9}  {backup.path}  {verdict}{mark}"


def human(size: int) -> str:
    """``1.2 MB``: decimal units, three digits at most before the point."""
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
