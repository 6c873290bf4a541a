# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The backup store: byte-for-byte copies of a library, each with its checksum, in one folder."""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

from ..clock import timestamp, utc_now
from ..errors import MobiusError
from ..storage.lock import PATIENCE, Locked, patiently, refuse_if_held, writing
from ..storage.paths import checked_path, kind_of, locate_library
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
from . import names
from .checksums import NoChecksum, compose_line, recorded
from .names import BACKUP, CHECKSUM, Name

#: A library changed this lately may be in the middle of a change; its times would not tell.
_YOUNG_NS = 1_000_000_000


@dataclass(frozen=True)
class Backup:
    """One file of the store.

    ``sha256`` is that of its bytes, or the recorded one where the bytes were not read. ``verified`` is None where it
    was not asked. ``size`` in bytes. ``reason`` says why it is verified or not. ``judged`` is false where
    nobody can tell: a file without a checksum or one that cannot be read, or a link, a folder or the like under a
    backup's name.
    """

    path: str
    sha256: Optional[str]
    size: int
    name: Name
    verified: Optional[bool]
    reason: str
    judged: bool = True

    @property
    def created(self) -> datetime:
        return self.name.created

    @property
    def kind(self) -> str:
        return self.name.kind

    def facts(self) -> Dict[str, Any]:
        """As modules return it."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "size": self.size,
            "created": timestamp(self.created),
            "kind": self.kind,
            "verified": self.verified,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Store:
    """The backups of one library.

    :param library_path: as the operator gives it; its last part is the first part of the names.
    :param owner: of new files; None for the library's where this user may give files away. So is ``group``.
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
        """Every name of a backup or snapshot, newest first by the time in the name. Nothing is opened."""
        bases = self.bases
        parsed = ((names.parse(bases, name), str(Path(self.folder) / name)) for name in self._listing())
        return sorted(((name, path) for name, path in parsed if name is not None), reverse=True)

    def orphans(self) -> List[str]:
        """Checksum files whose backup is gone: what a run killed while making or pruning a backup leaves."""
        present = self._listing()
        found = [name for name in present if name.endswith(CHECKSUM) and name[: -len(CHECKSUM)] not in present]
        return sorted(
            str(Path(self.folder) / name) for name in found if names.parse(self.bases, name[: -len(CHECKSUM)])
        )

    def _listing(self) -> set[str]:
        try:
            return set(os.listdir(self.folder))
        except FileNotFoundError:
            return set()
        except NotADirectoryError as error:
            raise MobiusError("The backup folder is not a folder", self.folder, "name another backup_dir") from error

    def backups(self, *, verify: bool = True) -> Iterator[Backup]:
        """Newest first, each read only when it is asked for."""
        for name, path in self.paths():
            with suppress(FileNotFoundError):
                yield examine(path, name, verify=verify)

    def holding(self, sha256: str, kind: str = BACKUP) -> Optional[Backup]:
        """The newest verified one, if it has these bytes. One from the future (a clock set back) hides no other."""
        moment = utc_now()
        for each in self.backups():
            if each.kind == kind and each.verified:
                if each.sha256 == sha256:
                    return each
                if each.created <= moment:
                    return None
        return None

    def lasting(self, sha256: str, kind: str = BACKUP) -> Optional[Backup]:
        """As :meth:`holding`, made durable: the run that made it may have been killed before it was.

        :raises DurabilityUnknown: the folder cannot be synced.
        """
        existing = self.holding(sha256, kind)
        if existing is not None:
            sync_folder(self.folder)
        return existing

    def unlike(self, library: str) -> bool:
        """Whether no backup can have the bytes of a library that nobody is writing: none has its size."""
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
        """Where a backup of this name is, or would be."""
        return str(Path(self.folder) / names.compose(self.bases[0], name))

    def next_name(self, kind: str) -> Name:
        """The name of the next backup: this second, with a number when the second is taken."""
        moment = utc_now()
        for number in range(1, 1000):
            name = Name(moment, number, kind)
            path = self.path_of(name)
            if not os.path.lexists(path) and not os.path.lexists(path + CHECKSUM):
                return name
        raise MobiusError("There are too many backups of one second", self.folder, "check the clock of the host")

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Make the folder where missing, keep other runs out of it, and sweep what killed ones left."""
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
            "Another process is writing into the backup folder", self.folder, f"see who: fuser -v {self.folder}"
        )
        # Some network file systems lock no folders; the lock of the library is held all the same.
        with suppress(OSError):
            patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), PATIENCE, refusal)

    def add(self, source: str, version: Optional[Version], kind: str = BACKUP) -> Backup:
        """Copy ``source``, which must have the bytes of ``version`` if given. Call it within :meth:`exclusively`.

        The checksum file becomes visible first, so that every visible backup verifies; a run killed in between leaves
        a checksum without a backup, which the next prune sweeps.
        """
        name = self.next_name(kind)
        path = self.path_of(name)
        uid, gid = self._ownership()

        def note(_temporary: str, written: Version) -> None:
            line = compose_line(written.sha256, path, self.library_path)
            create_exclusively(path + CHECKSUM, line, owner=uid, group=gid, mode=self.mode)

        try:
            written = replace_whole(
                path,
                copy_of(source),
                expected=ABSENT,
                sha256=version.sha256 if version else None,
                before_rename=note,
                owner=uid,
                group=gid,
                mode=self.mode,
            )
        except BaseException:
            # next_name found the name free within the lock, so a checksum without its backup is ours.
            if not os.path.lexists(path):
                with suppress(OSError):
                    os.unlink(path + CHECKSUM)
            raise
        return Backup(path, written.sha256, written.size, name, True, "the checksum matches")

    def _ownership(self) -> tuple[Union[str, int, None], Union[str, int, None]]:
        uid, gid = library_owner(self.library_path)
        return uid if self.owner is None else self.owner, gid if self.group is None else self.group


def examine(path: str, name: Name, *, verify: bool = True) -> Backup:
    """Look at one backup; never blocks on what is no regular file and never follows a link.

    :raises FileNotFoundError: it is gone.
    """
    facts = os.lstat(path)
    if not stat.S_ISREG(facts.st_mode):
        return Backup(path, None, 0, name, False, f"it is {kind_of(facts.st_mode)}, not a regular file", judged=False)
    hashes: List[str] = []
    reason = ""
    try:
        hashes = recorded(path)
    except NoChecksum as error:
        reason = error.what
        if not os.path.lexists(path + CHECKSUM):
            reason += f"; if you trust it, make one: {checksum_command(path)}"
    except OSError as error:
        return Backup(path, None, facts.st_size, name, False, f"its checksum cannot be read: {error.strerror}", False)
    if not verify:
        known = hashes[0] if hashes else None
        return Backup(path, known, facts.st_size, name, None if hashes else False, reason, bool(hashes))
    try:
        version = read_version(path, follow=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        return Backup(path, None, facts.st_size, name, False, f"it cannot be read: {error.strerror}", False)
    if not reason:
        reason = "the checksum matches" if version.sha256 in hashes else _mismatch(version, hashes)
    return Backup(path, version.sha256, version.size, name, version.sha256 in hashes, reason, bool(hashes))


def _mismatch(version: Version, hashes: List[str]) -> str:
    if version.size == 0:
        return "it is empty, which is not what its checksum says"
    return f"its bytes do not match its checksum: {hashes[0][:12]}... recorded, {version.sha256[:12]}... read"


def checksum_command(path: str) -> str:
    """The command that makes a checksum file for a backup that has none."""
    quoted = shlex.quote(path)
    return f"sha256sum {quoted} > {quoted}{CHECKSUM}"


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
    """A verified backup of exactly the bytes of ``version``: the newest one if it has them, else a new one.

    :raises MobiusError: there is none that is sure to last.
    """
    store = Store.of(library_path, backup_dir, **ownership)
    try:
        with writing(library_path, deployment, required=False), store.exclusively():
            return store.lasting(version.sha256) or store.add(locate_library(library_path), version)
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
) -> Dict[str, Any]:
    """Back a library up, unless the newest verified backup has its bytes.

    :returns: ``changed``, ``backup`` (see :meth:`Backup.facts`), ``diff``.
    :raises Locked: someone else holds the library.
    """
    library = locate_library(path)
    store = Store.of(path, backup_dir, owner=owner, group=group, mode=mode)
    if check_mode:
        refuse_if_held(path, deployment)
        version = read_version(library)
        existing = store.holding(version.sha256)
        return _result(existing, existing or _predicted(store, version))
    with writing(path, deployment, required=False), store.exclusively():
        if store.unlike(library):
            # Hashed while it is copied, which saves a whole pass over it.
            return _result(None, store.add(library, None))
        version = read_version(library)
        existing = store.lasting(version.sha256)
        return _result(existing, existing or store.add(library, version))


def _predicted(store: Store, version: Version) -> Backup:
    name = store.next_name(BACKUP)
    return Backup(store.path_of(name), version.sha256, version.size, name, True, "it would be made")


def _result(existing: Optional[Backup], backup: Backup) -> Dict[str, Any]:
    after = describe(backup.path, backup.sha256, backup.size)
    before = after if existing is not None else ""
    return {
        "changed": existing is None,
        "backup": backup.facts(),
        "diff": {"before": before, "after": after, "before_header": backup.path, "after_header": backup.path},
    }


def describe(path: str, sha256: Optional[str], size: int) -> str:
    """A file in one line, for a diff that shows no content."""
    return f"{path} sha256={sha256} size={size}\n"
