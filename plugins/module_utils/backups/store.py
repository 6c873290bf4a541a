# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup store: byte-for-byte copies of a library in one folder, each with a checksum and a sidecar."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

from ..clock import utc_now
from ..errors import MobiusError
from ..storage.lock import WAIT, Locked, refuse_if_held, wait_for_lock, writing
from ..storage.paths import checked_path, locate_library, refuse_moved
from ..storage.replace import (
    ABSENT,
    FILE_MODE,
    DurabilityUnknown,
    Version,
    copy_of,
    create_exclusively,
    make_folders,
    read_version,
    replace_whole,
    sweep_matching,
    sync_folder,
)
from ..storage.state import library_owner
from . import names, sidecar
from .checksums import compose_line
from .examine import Backup, examine
from .names import BACKUP, CHECKSUM, SIDECAR, Name
from .validity import judge

__all__ = ["Backup", "Store", "create_backup", "describe", "ensure_backup", "examine", "list_backups"]

#: A library changed within this time may still be changing unnoticed, because timestamps are coarse.
_YOUNG_NS = 1_000_000_000


@dataclass(frozen=True)
class Store:
    """The backups of one library.

    :param library_path: as given by the operator; its last component starts the names of the backups.
    :param owner: of new files; None for the library's if this user may assign it. Likewise ``group``.
    """

    library_path: str
    folder: str
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None
    mode: int = FILE_MODE

    @classmethod
    def of(cls, library_path: str, backup_dir: Optional[str] = None, **ownership: Any) -> Store:
        folder = names.backup_folder(checked_path(library_path), backup_dir)
        return cls(library_path, checked_path(folder), **ownership)

    @property
    def bases(self) -> tuple[str, ...]:
        return names.library_bases(self.library_path)

    def paths(self) -> List[tuple[Name, str]]:
        """Return all backups and snapshots, newest first by the time in the name. Nothing is opened."""
        bases = self.bases
        parsed = ((names.parse(bases, name), str(Path(self.folder) / name)) for name in self._listing())
        return sorted(((name, path) for name, path in parsed if name is not None), reverse=True)

    def orphans(self) -> List[str]:
        """Return checksums and sidecars without a backup, left by a run killed while it made or pruned one."""
        present = self._listing()
        found = []
        for name in sorted(present):
            backup = names.backup_of(name)
            if backup is not None and backup not in present and names.parse(self.bases, backup):
                found.append(str(Path(self.folder) / name))
        return found

    def _listing(self) -> set[str]:
        try:
            return set(os.listdir(self.folder))
        except FileNotFoundError:
            return set()
        except NotADirectoryError as error:
            raise MobiusError("The backup folder is not a folder", self.folder, "name another backup_dir") from error

    def backups(self, *, verify: bool = True) -> Iterator[Backup]:
        """Yield the backups, newest first, each read only on demand."""
        for name, path in self.paths():
            with suppress(FileNotFoundError):
                yield examine(path, name, verify=verify)

    def holding(self, sha256: str, kind: str = BACKUP) -> Optional[Backup]:
        """Return the newest verified backup if it has these bytes.

        Backups dated in the future (the clock was set back) are skipped, so they do not hide others.
        """
        moment = utc_now()
        for each in self.backups():
            if each.kind == kind and each.verified:
                if each.sha256 == sha256:
                    return each
                if each.created <= moment:
                    return None
        return None

    def durable(self, sha256: str, kind: str = BACKUP) -> Optional[Backup]:
        """Like :meth:`holding`, and make it durable, because its run may have been killed before doing so.

        :raises DurabilityUnknown: the folder cannot be synced.
        """
        existing = self.holding(sha256, kind)
        if existing is not None:
            sync_folder(self.folder)
        return existing

    def is_new(self, library: str) -> bool:
        """Whether no backup can have the library's bytes: none has its size, and it was not changed just now."""
        facts = os.stat(library)
        age = time.time_ns() - max(facts.st_mtime_ns, facts.st_ctime_ns)
        if age < _YOUNG_NS:
            return False
        for name, path in self.paths():
            with suppress(FileNotFoundError):
                if name.kind == BACKUP and os.lstat(path).st_size == facts.st_size:
                    return False
        return True

    def path_of(self, name: Name) -> str:
        """Return the path of a backup of this name, existing or not."""
        return str(Path(self.folder) / names.compose(self.bases[0], name))

    def next_name(self, kind: str) -> Name:
        """Return the name of the next backup: this second, with a number if that name is taken."""
        moment = utc_now()
        for number in range(1, 1000):
            name = Name(moment, number, kind)
            path = self.path_of(name)
            if not any(os.path.lexists(path + suffix) for suffix in ("", CHECKSUM, SIDECAR)):
                return name
        raise MobiusError("Too many backups within one second", self.folder, "check the clock of the host")

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Create the folder if missing, lock it against other runs, and sweep leftovers of killed runs."""
        uid, gid = self._ownership()
        make_folders(self.folder, owner=uid, group=gid)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._lock(descriptor)
            sweep_matching(self.folder, names.temporaries(self.bases))
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        refusal = Locked(
            "Another process is writing to the backup folder", self.folder, f"find it: fuser -v {self.folder}"
        )
        # Some network file systems cannot lock a folder; the library's lock is held anyway.
        with suppress(OSError):
            wait_for_lock(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), WAIT, lambda: refusal)

    def add(
        self, source: str, version: Optional[Version], kind: str = BACKUP, *, problem: Optional[str] = None
    ) -> Backup:
        """Copy ``source``, which must have the bytes of ``version`` if given. Call it inside :meth:`exclusively`.

        Sidecar and checksum become visible first, so every visible backup verifies; a run killed in between leaves them
        without a backup, and the next prune removes them.

        :param problem: why the library is not valid; empty if it is known to be valid, None to check a backup here.
        """
        name = self.next_name(kind)
        path = self.path_of(name)
        uid, gid = self._ownership()
        sequence = 1 + max((known["sequence"] for known in self._sidecars()), default=0)
        found = [problem]

        def write_beside(temporary: str, written: Version) -> None:
            if problem is None and kind == BACKUP:
                found[0] = judge(temporary, written.sha256, self.library_path)
            document = sidecar.compose(source, written, sequence, found[0])
            create_exclusively(path + SIDECAR, document, owner=uid, group=gid, mode=self.mode)
            line = compose_line(written.sha256, path, self.library_path)
            create_exclusively(path + CHECKSUM, line, owner=uid, group=gid, mode=self.mode)

        try:
            written = replace_whole(
                path,
                copy_of(source),
                expected=ABSENT,
                sha256=version.sha256 if version else None,
                before_rename=write_beside,
                owner=uid,
                group=gid,
                mode=self.mode,
            )
        except BaseException:
            # next_name found the names free under the lock, so both files are ours.
            if not os.path.lexists(path):
                for suffix in (CHECKSUM, SIDECAR):
                    with suppress(OSError):
                        os.unlink(path + suffix)
            raise
        return Backup(
            path, written.sha256, written.size, name, True, "the checksum matches", problem=found[0], sequence=sequence
        )

    def _sidecars(self) -> Iterator[sidecar.Sidecar]:
        for _name, path in self.paths():
            document = sidecar.read(path)
            if document is not None:
                yield document

    def with_problem(self, backup: Backup) -> Backup:
        """Return the backup with ``problem`` filled in; backups of older versions lack it."""
        if backup.problem is not None or not backup.verified or backup.sha256 is None:
            return backup
        return replace(backup, problem=judge(backup.path, backup.sha256, self.library_path))

    def _ownership(self) -> tuple[Union[str, int, None], Union[str, int, None]]:
        uid, gid = library_owner(self.library_path)
        return uid if self.owner is None else self.owner, gid if self.group is None else self.group


def list_backups(library_path: str, backup_dir: Optional[str] = None, verify: bool = True) -> List[Backup]:
    """All backups and snapshots of a library, newest first by the time in the name."""
    return list(Store.of(library_path, backup_dir).backups(verify=verify))


def ensure_backup(
    library_path: str,
    backup_dir: Optional[str],
    version: Version,
    *,
    deployment: Optional[str] = None,
    **ownership: Any,
) -> Backup:
    """Return a verified backup of exactly the bytes of ``version``: the newest one if it has them, else a new one.

    The caller has read these bytes as a library, so they count as valid.

    :raises MobiusError: the backup cannot be made durable.
    """
    store = Store.of(library_path, backup_dir, **ownership)
    try:
        with writing(library_path, deployment, required=False), store.exclusively():
            return store.durable(version.sha256) or store.add(locate_library(library_path), version, problem="")
    except DurabilityUnknown as error:
        what = "The backup cannot be made durable, so nothing was changed"
        raise MobiusError(what, error.where, error.remedy) from error


def create_backup(
    path: str,
    backup_dir: Optional[str] = None,
    *,
    check_mode: bool = False,
    owner: Union[str, int, None] = None,
    group: Union[str, int, None] = None,
    mode: int = FILE_MODE,
    deployment: Optional[str] = None,
    expected_real_path: Optional[str] = None,
) -> Dict[str, Any]:
    """Back up a library, unless the newest verified backup has its bytes.

    An invalid library is backed up as well; the backup is marked, and a restore uses it only if it is named.

    :param expected_real_path: required path of the library, links followed; see :func:`..storage.paths.refuse_moved`.
    :returns: ``changed``, ``backup`` (see :meth:`Backup.facts`), ``real_path``, ``diff``, ``warnings``.
    :raises Locked: someone else holds the library.
    """
    refuse_moved(path, expected_real_path)
    library = locate_library(path)
    store = Store.of(path, backup_dir, owner=owner, group=group, mode=mode)
    if check_mode:
        refuse_if_held(library, deployment)
        version = read_version(library)
        existing = store.holding(version.sha256)
        return _result(library, existing, existing or _predicted(store, library, version))
    with writing(library, deployment, required=False), store.exclusively():
        if store.is_new(library):
            # Hashed while it is copied, which saves a pass over the file.
            return _result(library, None, store.add(library, None))
        version = read_version(library)
        existing = store.durable(version.sha256)
        if existing is not None:
            existing = store.with_problem(existing)
        return _result(library, existing, existing or store.add(library, version))


def _predicted(store: Store, library: str, version: Version) -> Backup:
    name = store.next_name(BACKUP)
    problem = judge(library, version.sha256, store.library_path)
    return Backup(store.path_of(name), version.sha256, version.size, name, True, "it would be created", problem=problem)


def _result(library: str, existing: Optional[Backup], backup: Backup) -> Dict[str, Any]:
    after = describe(backup.path, backup.sha256, backup.size)
    before = after if existing is not None else ""
    warnings = []
    if backup.problem:
        warnings.append(
            f"The library {library} is not valid: {backup.problem}. The backup {backup.path} is marked as invalid: a "
            "restore uses it only if it is named."
        )
    return {
        "changed": existing is None,
        "backup": backup.facts(),
        "real_path": library,
        "diff": {"before": before, "after": after, "before_header": backup.path, "after_header": backup.path},
        "warnings": warnings,
    }


def describe(path: str, sha256: Optional[str], size: int) -> str:
    """Describe a file in one line, for a diff without content."""
    return f"{path} sha256={sha256} size={size}\n"
