# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which backup a restore uses: one that verifies, or an error that says why there is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Optional

from ..clock import utc, utc_now
from ..errors import MobiusError
from ..storage.paths import checked_path
from ..storage.state import State
from . import names
from .names import BACKUP, Name
from .store import Backup, Store, examine

LATEST = "latest"
DEPLOYMENT = "deployment"
#: Before 64 hex digits: whichever backup has these bytes.
DIGEST = "sha256:"


def choose(store: Store, wanted: str, current: Optional[State], warnings: List[str]) -> Backup:
    """The verified backup that ``wanted`` means: ``latest``, ``deployment``, ``sha256:DIGEST``, or a file.

    :param current: what is deployed; names the backup that ``deployment`` means.
    :param warnings: gains what the operator should know about the choice.
    :raises MobiusError: there is none.
    """
    if wanted == LATEST:
        return _latest(store, current, warnings)
    if wanted == DEPLOYMENT:
        return _way_back(store, current, warnings)
    if wanted.startswith(DIGEST):
        return _with_bytes(store, wanted[len(DIGEST) :])
    return _named(store, wanted)


def _with_bytes(store: Store, sha256: str) -> Backup:
    backup = any_with_bytes(store, sha256)
    if backup is not None:
        return backup
    raise MobiusError(
        f"No backup that verifies has the SHA-256 {sha256!r}",
        store.folder,
        "list the backups with library_backup_info (playbooks/backups.yml)",
    )


def any_with_bytes(store: Store, sha256: str) -> Optional[Backup]:
    """The newest backup or snapshot that verifies and has these bytes."""
    return next((each for each in store.backups() if each.verified and each.sha256 == sha256), None)


def _latest(store: Store, current: Optional[State], warnings: List[str]) -> Backup:
    """The newest that does not hold a deployment that was rolled back. One that does not verify is never passed over:
    an older one lacks what was done in between, and only a person can want that.
    """
    rejected = (current or {}).get("rejected") or []
    passed_over: List[str] = []
    damaged: Optional[Backup] = None
    for backup in store.backups():
        if backup.kind != BACKUP:
            continue
        if not backup.verified:
            damaged = damaged or backup
        elif backup.sha256 not in rejected:
            break
        elif damaged is None:
            passed_over.append(f"{backup.path} is newer, but it holds a deployment that was rolled back")
    else:
        raise MobiusError(
            "There is no backup that verifies" + (" and was not rolled back" if rejected else ""),
            store.folder,
            "list what is there, and why it does not verify, with library_backup_info (playbooks/backups.yml)",
        )
    if damaged is not None:
        raise MobiusError(
            f"The newest backup does not verify ({damaged.reason}), and an older one lacks what was done since",
            damaged.path,
            f"say which to restore: the newest that verifies is {backup.path}; all are told by library_backup_info "
            "(playbooks/backups.yml)",
        )
    warnings.extend(passed_over[:3])
    if len(passed_over) > 3:
        warnings.append(f"{len(passed_over) - 3} more that are newer are passed over.")
    if backup.created > utc_now():
        warnings.append(
            f"The time of {backup.path} lies in the future, so the clock was set back since: "
            "newer backups may exist under earlier times; name a file to choose another."
        )
    return backup


def _way_back(store: Store, current: Optional[State], warnings: List[str]) -> Backup:
    """The backup of before the last deployment. Never another one instead: that could hold the deployed bytes."""
    named = (current or {}).get("backup")
    if not isinstance(named, dict) or not isinstance(named.get("sha256"), str):
        warnings.append("No deployment of this library is on record: the newest backup is used.")
        return _latest(store, current, warnings)
    path = str(named.get("path"))
    own = _examined(store, path)
    if own is not None and own.verified and own.sha256 == named["sha256"]:
        return own
    other = any_with_bytes(store, named["sha256"])
    if other is not None:
        warnings.append(f"{path} cannot be used; {other.path} has the same bytes.")
        return other
    why = "it is gone" if own is None else own.reason if not own.verified else "it holds other bytes than it did then"
    raise MobiusError(
        f"The backup of before the last deployment cannot be used: {why}",
        path,
        "list the backups with library_backup_info (playbooks/backups.yml), then name the one to restore",
    )


def _named(store: Store, wanted: str) -> Backup:
    path = _located(store, wanted)
    backup = _examined(store, path)
    if backup is None:
        raise MobiusError("There is no such backup", path, "list them with library_backup_info (playbooks/backups.yml)")
    if not backup.verified:
        raise MobiusError(f"The backup does not verify: {backup.reason}", path, "or restore another one")
    return backup


def _located(store: Store, wanted: str) -> str:
    """An absolute path as it is; any other as seen from the library's folder, else from the backup folder."""
    if os.path.isabs(checked_path(wanted)):
        return wanted
    beside = str(Path(os.path.abspath(store.library_path)).parent / wanted)
    inside = str(Path(store.folder) / wanted)
    return beside if os.path.lexists(beside) and not os.path.lexists(inside) else inside


def _examined(store: Store, path: str) -> Optional[Backup]:
    name = names.parse(store.bases, os.path.basename(path))
    try:
        if name is None:
            # Chosen by hand under a name of its own; its time is only told, never compared.
            changed = utc(os.lstat(path).st_mtime)
            name = Name(changed, 1, BACKUP)
        return examine(path, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
