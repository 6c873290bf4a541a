# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the backups of a library, as data and as one line each."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..storage import state
from . import names
from .store import Backup, Store


def info(path: str, backup_dir: Optional[str] = None, *, verify: bool = True) -> Dict[str, Any]:
    """List backups and snapshots, newest first.

    :param verify: read every backup and compare its bytes with its checksum.
    :returns: ``backups`` (each as :meth:`Backup.facts`, with ``judged``, ``rollback_target`` and ``line``),
        ``changed``, ``warnings``.
    """
    warnings: List[str] = []
    target = None
    try:
        named = ((state.read_document(path) or {}).get("backup") or {}).get("path")
        target = str(named) if named else None
    except (state.DamagedState, OSError) as error:
        warnings.append(str(error))
    backups = [_row(each, target) for each in Store.of(path, backup_dir).backups(verify=verify)]
    return {"changed": False, "backups": backups, "warnings": warnings}


def _row(backup: Backup, rollback_target: Optional[str]) -> Dict[str, Any]:
    named = rollback_target is not None and names.same_place(backup.path, rollback_target)
    return {
        **backup.facts(),
        "judged": backup.judged,
        "way_back": named,
        "rollback_target": named,
        "line": _line(backup, named),
    }


def _line(backup: Backup, named: bool) -> str:
    facts = backup.facts()
    verdict = {True: "verified", False: f"NOT VERIFIED: {backup.reason}", None: "not read"}[backup.verified]
    if backup.problem:
        verdict += f", NOT A VALID LIBRARY: {backup.problem}"
    if named and (backup.verified is False or backup.problem):
        verdict += " (a rollback needs it and cannot use it: name another one)"
    elif named:
        verdict += " (a rollback would use it)"
    return f"{facts['created']}  {backup.kind:8}  {human(backup.size):>9}  {backup.path}  {verdict}"


def human(size: int) -> str:
    """``1.2 MB``: decimal units, three digits at most before the point."""
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
