# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore the bytes of a backup; the replaced bytes are kept in a snapshot first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional

from ..clock import timestamp, utc_now
from ..errors import MobiusError
from ..storage import state
from ..storage.lock import StillWriting, fence, refuse_if_held, writing
from ..storage.mounts import refuse_unmounted
from ..storage.paths import refuse_moved, resolve_library
from ..storage.replace import (
    ABSENT,
    DurabilityUnknown,
    Version,
    copy_of,
    read_version,
    replace_whole,
    warn_of_hard_links,
)
from ..storage.state import DamagedState, State
from .choose import DIGEST, LATEST, any_with_bytes, choose
from .names import BACKUP, SNAPSHOT, Name
from .remembered import Remembered, mount_point
from .store import Backup, Store, describe

ROLLED_BACK = "rolled_back"


@dataclass
class _Restoration:
    """One restore."""

    path: str
    library: str
    store: Store
    deployment: Optional[str]
    expected: Optional[str] = None
    warnings: List[str] = field(default_factory=list)
    actual: Version = ABSENT
    current: Optional[State] = None

    def prepare(self, wanted: str) -> Backup:
        """Read the current bytes and choose the backup."""
        self.look()
        if self.expected and self.actual is not ABSENT and self.actual.sha256 != self.expected:
            raise MobiusError(
                f"The library does not have the expected bytes (its sha256 is {self.actual.sha256}), so it stays as "
                "it is",
                self.library,
                "see what changed it, then restore without expected (playbooks/rollback.yml)",
            )
        backup = self.choose(wanted)
        if self.actual.sha256 != backup.sha256:
            self.warnings += warn_of_hard_links(self.library)
        return backup

    def look(self) -> None:
        """Read the library's bytes and its state."""
        try:
            self.actual = read_version(self.library)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise MobiusError(
                f"The library cannot be read ({error.strerror}), so it cannot be kept before it is replaced",
                self.library,
                f"move it away (mv {self.library} {self.library}.unreadable), then restore again",
            ) from error
        try:
            self.current = state.read_current(self.path, self.actual.sha256)
        except (DamagedState, OSError) as error:
            self.warnings.append(f"{error} The restore continues without it.")

    @property
    def edited(self) -> bool:
        """Whether the library was edited since the last deployment or restore."""
        recorded = (self.current or {}).get("sha256")
        return self.actual is not ABSENT and recorded not in (None, self.actual.sha256)

    def choose(self, wanted: str) -> Backup:
        """Return the backup to restore; the library itself if it already has the wanted bytes."""
        if self.actual is not ABSENT and wanted == f"{DIGEST}{self.actual.sha256}":
            return Backup(self.library, self.actual.sha256, self.actual.size, Name(utc_now(), 1, BACKUP), True, "")
        return choose(self.store, wanted, self.current, self.warnings)

    def keep(self) -> Optional[str]:
        """Keep the library's bytes in a snapshot, or reuse that of a killed restore. Returns its path."""
        if self.actual is ABSENT:
            return None
        try:
            with self.store.exclusively():
                existing = self.store.durable(self.actual.sha256, SNAPSHOT)
                return (existing or self.store.add(self.library, self.actual, SNAPSHOT)).path
        except OSError as error:
            kept = any_with_bytes(self.store, self.actual.sha256, self.current)
            if kept is not None:
                self.warnings.append(
                    f"No snapshot could be created ({error.strerror}); {kept.path} has the same bytes."
                )
                return kept.path
            raise MobiusError(
                f"The library could not be kept in a snapshot ({error.strerror}), so nothing was restored",
                self.store.folder,
                "free space there (playbooks/cleanup.yml) or name another backup_dir, then restore again",
            ) from error
        except MobiusError as error:
            what = f"The library could not be kept in a snapshot, so nothing was restored: {error.what}"
            raise MobiusError(what, error.where, error.remedy) from error

    def replace(self, backup: Backup) -> None:
        """Put the bytes of ``backup`` in place and update the state."""
        ownership = Remembered.of(backup, self.store, self.warnings) if self.actual is ABSENT else Remembered()
        noted = self._note(lambda: state.begin(self.path, self._state_after(backup), actual_sha256=self.actual.sha256))
        try:
            replace_whole(
                self.library,
                copy_of(backup.path),
                expected=self.actual,
                sha256=backup.sha256,
                before_rename=lambda temporary, _written: ownership.apply_attributes(temporary, self.warnings),
                owner=ownership.uid,
                group=ownership.gid,
                mode=ownership.mode,
            )
        except DurabilityUnknown:
            if noted:
                self._note(lambda: state.commit(self.path))
            raise
        if noted:
            self._note(lambda: state.commit(self.path))

    def settle(self, backup: Backup) -> None:
        """Update the state where the bytes are in place already, after a killed run or a manual rollback."""
        current = self.current or {}
        with suppress(DamagedState):
            recorded = (state.read_document(self.path) or {}).get("sha256")
            if recorded == self.actual.sha256 or not current:
                self._note(lambda: state.settle(self.path, self.actual.sha256))
            elif current.get("sha256") == self.actual.sha256:
                self._note(lambda: state.commit(self.path))
            elif (current.get("backup") or {}).get("sha256") == self.actual.sha256:
                after = {**self._state_after(backup), "backup": current["backup"]}
                if self._note(lambda: state.begin(self.path, after, actual_sha256=self.actual.sha256)):
                    self._note(lambda: state.commit(self.path))

    def _note(self, write: Callable[[], Any]) -> bool:
        """Write the state; a failure only warns, because the library matters more than the state."""
        try:
            write()
        except DurabilityUnknown as error:
            self.warnings.append(f"The state of the deployment: {error}")
        except (OSError, MobiusError) as error:
            self.warnings.append(f"The state of the deployment could not be written: {error}")
            return False
        return True

    def _state_after(self, backup: Backup) -> State:
        """Return the state once the library has the bytes of ``backup``.

        A deployment that rolls itself back, an undone review, and a snapshot that undoes a rollback make the previous
        state current again with its own rollback target. Any other restore is its own rollback target, so a second one
        changes nothing.
        """
        current = self.current or {}
        previous = current.get("previous") or {}
        known = previous if previous.get("sha256") == backup.sha256 else {}
        itself = self.deployment is not None and current.get("deployment") == self.deployment
        after: State = {key: value for key, value in known.items() if key != "previous"}
        reviewed = "reviewed" in current
        if not (known and (itself or reviewed or backup.kind == SNAPSHOT)):
            after["status"] = ROLLED_BACK
            after["backup"] = {"path": backup.path, "sha256": backup.sha256}
            if itself and isinstance(previous.get("backup"), dict):
                after["backup"] = previous["backup"]
        after.setdefault("deployment", self.deployment)
        after.update(sha256=backup.sha256, restored_at=timestamp())
        own = {key: value for key, value in current.items() if key not in ("previous", "rejected")}
        after["previous"] = own or None
        return after


def restore(
    path: str,
    backup_dir: Optional[str] = None,
    backup: str = LATEST,
    *,
    check_mode: bool = False,
    deployment: Optional[str] = None,
    expected: Optional[str] = None,
    owner: Any = None,
    group: Any = None,
    mode: int = 0o640,
    expected_real_path: Optional[str] = None,
) -> Dict[str, Any]:
    """Restore a backup that verifies; a missing library is created with the metadata from its backup.

    Processes that ``deployment`` started earlier can no longer replace the library once this begins.

    :param backup: ``latest``, ``deployment``, ``sha256:DIGEST``, or a file name or path.
    :param expected: SHA-256 that the library must have to be replaced; protects later edits.
    :param owner: with ``group`` and ``mode``: of a new snapshot and its folder.
    :param expected_real_path: required path of the library, links followed; see :func:`..storage.paths.refuse_moved`.
    :returns: ``changed``, ``restored_from``, ``snapshot`` (path or None), ``sha256``, ``size``, ``sha256_before``,
        ``edited`` (the replaced library was edited since it was deployed), ``real_path``, ``diff``, ``warnings``.
    :raises MobiusError: no such backup, or it does not verify, or other bytes than expected, or the file system of the
        library is not mounted; the library is as it was.
    """
    refuse_moved(path, expected_real_path)
    store = Store.of(path, backup_dir, owner=owner, group=group, mode=mode)
    refuse_unmounted(path, mount_point(store))
    # From here on the same file, even if a link on the path changes.
    library = resolve_library(path)
    call = _Restoration(library, library, store, deployment, expected)
    if check_mode:
        refuse_if_held(library, deployment)
        chosen = call.prepare(backup)
        same = chosen.sha256 == call.actual.sha256
        snapshot = None if same or call.actual is ABSENT else _predicted_snapshot(call)
        return _result(call, chosen, snapshot)
    fenced = deployment is not None and fence(library, deployment)
    try:
        with writing(library, deployment):
            chosen = call.prepare(backup)
            if chosen.sha256 == call.actual.sha256:
                call.settle(chosen)
                return _result(call, chosen, None)
            snapshot = call.keep()
            call.replace(chosen)
    except StillWriting:
        chosen = call.prepare(backup)
        if not fenced or chosen.sha256 != call.actual.sha256:
            raise
        call.warnings.append(
            "A process that this run started is still running; it can no longer replace the library, and ends by "
            "itself."
        )
        return _result(call, chosen, None)
    return _result(call, chosen, snapshot)


def _predicted_snapshot(call: _Restoration) -> str:
    existing = call.store.holding(call.actual.sha256, SNAPSHOT)
    return existing.path if existing is not None else call.store.path_of(call.store.next_name(SNAPSHOT))


def _result(call: _Restoration, backup: Backup, snapshot: Optional[str]) -> Dict[str, Any]:
    before = "" if call.actual is ABSENT else describe(call.library, call.actual.sha256, call.actual.size)
    after = describe(call.library, backup.sha256, backup.size)
    edited = call.edited and backup.sha256 != call.actual.sha256
    if edited:
        what = "was changed since it was last deployed or rolled back; those bytes are kept in"
        call.warnings.append(f"{call.library} {what} {snapshot}.")
    return {
        "changed": backup.sha256 != call.actual.sha256,
        "restored_from": backup.path,
        "snapshot": snapshot,
        "sha256": backup.sha256,
        "size": backup.size,
        "sha256_before": call.actual.sha256 or None,
        "edited": edited,
        "real_path": call.library,
        "diff": {"before": before, "after": after, "before_header": call.path, "after_header": call.path},
        "warnings": call.warnings,
    }
