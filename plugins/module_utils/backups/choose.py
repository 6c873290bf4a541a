# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the backup of a restore: one that verifies and holds a valid library, or an error with the reason."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Collection, Dict, List, Optional

from ..clock import timestamp, utc, utc_now
from ..errors import MobiusError
from ..storage.paths import checked_path
from ..storage.state import State
from . import names, sidecar
from .names import BACKUP, Name
from .store import Backup, Store, examine

LATEST = "latest"
DEPLOYMENT = "deployment"
#: Prefix of 64 hex digits: any backup with these bytes.
DIGEST = "sha256:"


_LIST = "list the backups with library_backup_info (playbooks/backups.yml)"


def choose(store: Store, wanted: str, current: Optional[State], warnings: List[str]) -> Backup:
    """Return the verified backup that ``wanted`` names: ``latest``, ``deployment``, ``sha256:DIGEST``, or a file.

    ``latest`` and ``deployment`` never choose a backup whose library is not valid; a named file may hold anything.

    :param current: the state; names the backup that ``deployment`` means.
    :param warnings: warnings about the choice are appended.
    :raises MobiusError: there is none, or the choice is ambiguous.
    """
    if wanted == LATEST:
        return _latest(store, current, warnings)
    if wanted == DEPLOYMENT:
        return _of_deployment(store, current, warnings)
    if wanted.startswith(DIGEST):
        return _with_bytes(store, wanted[len(DIGEST) :], current)
    return _named(store, wanted, warnings)


def newest_good(store: Store, current: Optional[State]) -> Optional[Backup]:
    """Return the newest backup that a rollback can certainly use, or None."""
    rejected = (current or {}).get("rejected") or []
    for each in store.backups():
        if each.kind == BACKUP and each.verified and each.sha256 not in rejected and each.created <= utc_now():
            judged = store.with_problem(each)
            if judged.valid:
                return judged
    return None


def rollback_hint(library_path: str, backup_dir: Optional[str], current: Optional[State]) -> Dict[str, Any]:
    """Return details for an error about a missing or broken library: ``remedy`` (text) and ``rollback``.

    :returns: empty if there is no good backup; ``rollback`` has ``backup``, ``sha256`` and ``created``.
    """
    try:
        found = newest_good(Store.of(library_path, backup_dir), current)
    except (OSError, MobiusError):
        return {}
    if found is None:
        return {}
    return {
        "rollback": {"backup": found.path, "sha256": found.sha256, "created": timestamp(found.created)},
        "remedy": f"restore the verified backup of {timestamp(found.created)}: playbooks/rollback.yml "
        f"-e mobius_backup={shlex.quote(found.path)} (library_restore with this backup)",
    }


def _with_bytes(store: Store, sha256: str, current: Optional[State]) -> Backup:
    backup = any_with_bytes(store, sha256, current)
    if backup is not None:
        return backup
    raise MobiusError(f"No backup that verifies has the SHA-256 {sha256!r}", store.folder, _LIST)


def any_with_bytes(store: Store, sha256: str, current: Optional[State] = None) -> Optional[Backup]:
    """Return the newest backup or snapshot that verifies and has these bytes.

    :param current: the state; the backups it names are considered too, in any folder.
    """
    for each in store.backups():
        if each.verified and each.sha256 == sha256:
            return each
    for state in (current or {}, (current or {}).get("previous") or {}):
        named = state.get("backup") or {}
        if named.get("sha256") == sha256:
            found = _examined(store, str(named.get("path")))
            if found is not None and found.verified and found.sha256 == sha256:
                return found
    return None


def _latest(store: Store, current: Optional[State], warnings: List[str]) -> Backup:
    """Return the newest backup that holds a valid library and not a deployment that was rolled back.

    A backup that does not verify or is dated in the future is never skipped: an older one lacks later changes, so a
    person has to decide.
    """
    search = _Search(store, (current or {}).get("rejected") or [])
    search.run()
    chosen = search.chosen
    if search.damaged is not None and (chosen or search.future or search.skipped):
        raise MobiusError(
            f"The newest backup does not verify ({search.damaged.reason}), and an older one lacks later changes",
            search.damaged.path,
            f"{_newest_that_verifies(chosen or search.future)}; list all with library_backup_info "
            "(playbooks/backups.yml)",
        )
    if search.future is not None:
        raise _dated_in_the_future(search.future, chosen)
    if chosen is None:
        raise _none_that_can_be_used(store, search)
    _refuse_order(store, chosen)
    warnings.extend(f"Skipped a newer backup: {each}." for each in search.skipped[:3])
    if len(search.skipped) > 3:
        warnings.append(f"{len(search.skipped) - 3} more newer backups were skipped.")
    return chosen


class _Search:
    """A search of the backups, newest first, up to the first usable one."""

    def __init__(self, store: Store, rejected: Collection[str]) -> None:
        self._store = store
        self.rejected = rejected
        self.chosen: Optional[Backup] = None
        self.damaged: Optional[Backup] = None
        self.future: Optional[Backup] = None
        self.skipped: List[str] = []

    def run(self) -> None:
        for backup in self._store.backups():
            if backup.kind == BACKUP and self._ends_with(backup):
                return

    def _ends_with(self, backup: Backup) -> bool:
        if not backup.verified:
            self.damaged = self.damaged or backup
            return False
        if backup.sha256 in self.rejected:
            self._skip(f"{backup.path} holds a deployment that was rolled back")
            return False
        judged = self._store.with_problem(backup)
        if judged.problem:
            self._skip(f"the library in {backup.path} is not valid: {judged.problem}")
            return False
        if judged.created > utc_now():
            self.future = self.future or judged
            return False
        self.chosen = judged
        return True

    def _skip(self, why: str) -> None:
        self.skipped.append(why)


def _none_that_can_be_used(store: Store, search: _Search) -> MobiusError:
    over = f" ({search.skipped[0]})" if search.skipped else ""
    return MobiusError(
        f"There is no backup that verifies and can be used{over}",
        store.folder,
        "list the backups, with the reasons, by library_backup_info (playbooks/backups.yml)",
    )


def _dated_in_the_future(future: Backup, other: Optional[Backup]) -> MobiusError:
    or_other = f"; or the newest that is not, {other.path}" if other is not None else ""
    return MobiusError(
        f"The backup is dated {timestamp(future.created)} and it is {timestamp()} now, so the clock was wrong then or "
        "is wrong now, so the newest backup cannot be determined",
        future.path,
        f"check the clock, then name the one to restore: {_naming(future)}{or_other}",
    )


def _refuse_order(store: Store, chosen: Backup) -> None:
    """
    :raises MobiusError: a backup with an older name was made later, so the clock was set back in between, or may have
        been made later, because its clock was never set.
    """
    for name, path in store.paths():
        if name.kind != BACKUP or name >= chosen.name:
            continue
        doubt = _doubt_of_order(name, sidecar.read(path), chosen)
        if doubt:
            raise MobiusError(
                f"{path} {doubt}, so the newest backup cannot be determined",
                chosen.path,
                f"name the one to restore: {_naming(replace(chosen, path=path))}; or {chosen.path}",
            )


def _doubt_of_order(name: Name, document: Optional[sidecar.Sidecar], chosen: Backup) -> str:
    """Why a backup with an older name may be newer than the chosen one; empty where it is not."""
    if document is None:
        unset = name.created < names.PLAUSIBLE_FROM <= chosen.created
        return "is dated before 2000, by a clock that was not set" if unset else ""
    later = chosen.sequence and document["sequence"] > chosen.sequence
    return "was made after it, although its name is older: the clock was set in between" if later else ""


def _naming(backup: Backup) -> str:
    return f"playbooks/rollback.yml -e mobius_backup={shlex.quote(backup.path)}"


def _newest_that_verifies(backup: Optional[Backup]) -> str:
    if backup is None:
        return "no other backup verifies"
    return f"the newest that verifies is {backup.path}; to restore it: {_naming(backup)}"


def _of_deployment(store: Store, current: Optional[State], warnings: List[str]) -> Backup:
    """Return the backup from before the last deployment; never a substitute, which could hold the deployed bytes."""
    named = (current or {}).get("backup")
    if not isinstance(named, dict) or not isinstance(named.get("sha256"), str):
        warnings.append("No deployment of this library is known: the newest backup is used.")
        return _latest(store, current, warnings)
    path = str(named.get("path"))
    own = _examined(store, path)
    if own is None or not own.verified or own.sha256 != named["sha256"]:
        other = any_with_bytes(store, named["sha256"])
        if other is None:
            raise MobiusError(
                f"The backup from before the last deployment cannot be used: {_why_not(own)}",
                path,
                f"{_LIST}, then name the one to restore",
            )
        warnings.append(f"{path} cannot be used; {other.path} has the same bytes.")
        own = other
    problem = store.with_problem(own).problem
    if problem:
        raise MobiusError(
            f"The library in the backup from before the last deployment is not valid: {problem}",
            own.path,
            f"{_LIST}, then name the one to restore; to restore this one anyway: {_naming(own)}",
        )
    return own


def _why_not(own: Optional[Backup]) -> str:
    if own is None:
        return "it no longer exists"
    return own.reason if not own.verified else "its bytes have changed since then"


def _named(store: Store, wanted: str, warnings: List[str]) -> Backup:
    path = _located(store, wanted)
    backup = _examined(store, path)
    if backup is None:
        raise MobiusError("The backup does not exist", path, _LIST)
    if not backup.verified:
        raise MobiusError(f"The backup does not verify: {backup.reason}", path, "or restore another one")
    problem = store.with_problem(backup).problem
    if problem:
        warnings.append(f"The library in {path} is not valid: {problem}.")
    return backup


def _located(store: Store, wanted: str) -> str:
    """Resolve a relative path in the library's folder, else in the backup folder."""
    if os.path.isabs(checked_path(wanted)):
        return wanted
    beside = str(Path(os.path.abspath(store.library_path)).parent / wanted)
    inside = str(Path(store.folder) / wanted)
    return beside if os.path.lexists(beside) and not os.path.lexists(inside) else inside


def _examined(store: Store, path: str) -> Optional[Backup]:
    name = names.parse(store.bases, os.path.basename(path))
    try:
        if name is None:
            # Named by the operator; its time is only shown, never compared.
            changed = utc(os.lstat(path).st_mtime)
            name = Name(changed, 1, BACKUP)
        return examine(path, name)
    except (FileNotFoundError, NotADirectoryError):
        return None
