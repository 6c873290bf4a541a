# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace files atomically and durably: at every instant they hold either the old bytes or the new ones."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Callable, ContextManager, Dict, Iterator, Optional, Union, cast

from ..errors import MobiusError
from .metadata import Ownership, apply_metadata, resolve_ownership
from .paths import kind_of
from .read_back import HashedFile

BLOCK = 256 * 1024
COPIED = 1024 * 1024
#: Seconds after which an idle temporary file is considered a leftover of a killed run.
ABANDONED_SECONDS = 3600.0
FILE_MODE = 0o640
FOLDER_MODE = 0o750
# Guards of this process: real path -> context that must be entered while that file is replaced.
_guards: Dict[str, Callable[[], ContextManager[None]]] = {}


@dataclass(frozen=True)
class Version:
    """The content of a file at one time: ``size`` in bytes, ``sha256`` as 64 hex digits."""

    sha256: str
    size: int
    device: int
    inode: int
    mtime_ns: int


#: As ``expected``: the file must not exist.
ABSENT = Version("", -1, -1, -1, -1)


class ChangedMeanwhile(MobiusError):
    """The file is no longer the one that was read; nothing was replaced."""


class DurabilityUnknown(MobiusError):
    """Applied, but the folder could not be synced: a power cut may still undo the change."""


@contextmanager
def open_regular(path: str, *, follow: bool = True) -> Iterator[io.FileIO]:
    """Open a regular file for reading, and never block on anything else.

    :raises MobiusError: it is a folder, a FIFO, a device, or a link with ``follow`` false, or the path is invalid.
    :raises OSError: it is missing or unreadable.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:
        # A NUL or a lone surrogate: the path may come from a document that somebody edited.
        raise MobiusError("Invalid path", ascii(path), "name a file") from error
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise MobiusError("It is a link, not a regular file", path) from error
        if error.errno == errno.ENXIO:
            raise MobiusError("It is a socket or a device, not a regular file", path) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise MobiusError(f"It is {kind_of(mode)}, not a regular file", path)
    with io.FileIO(descriptor, "r") as stream:
        yield stream


def read_version(path: str, *, follow: bool = True) -> Version:
    """Hash a file in one pass.

    :raises MobiusError: it is not a regular file.
    :raises OSError: it is missing or unreadable.
    """
    with open_regular(path, follow=follow) as stream:
        before = os.fstat(stream.fileno())
        digest, size = hash_stream(stream)
    return Version(digest, size, before.st_dev, before.st_ino, before.st_mtime_ns)


def hash_stream(stream: io.FileIO) -> tuple[str, int]:
    """SHA-256 and the number of bytes from here to the end."""
    digest = hashlib.sha256()
    block = bytearray(BLOCK)
    view = memoryview(block)
    size = 0
    while True:
        count = stream.readinto(block)
        if not count:
            return digest.hexdigest(), size
        digest.update(view[:count])
        size += count


def replace_whole(
    path: str,
    write: Callable[[BinaryIO], Any],
    *,
    expected: Optional[Version] = None,
    sha256: Optional[str] = None,
    before_rename: Optional[Callable[[str, Version], Any]] = None,
    owner: Union[str, int, None] = None,
    group: Union[str, int, None] = None,
    mode: Optional[int] = None,
) -> Version:
    """Atomically replace ``path`` with the bytes that ``write`` sends to the stream it is called with.

    Owner, group, mode, ACL and extended attributes of an existing file are kept unless given. A new file is 0640 and
    missing folders become 0750, whatever the umask. A link is followed. A failed or killed call leaves the old file and
    at most one temporary file, which ``sweep_temporaries`` removes.

    :param expected: refuse unless the file still has these bytes (``ABSENT``: unless it does not exist).
    :param sha256: hash that the new bytes must have, for a copy of a known file.
    :param before_rename: called with the path of the temporary file and the version that was read back; an exception
        stops the replacement.
    :raises ChangedMeanwhile: the file is not the ``expected`` one, or the bytes are not those of ``sha256``.
    :raises DurabilityUnknown: replaced, but the folder could not be synced.
    :raises MobiusError: the owner or an attribute cannot be kept (nothing was written), or the re-read differs.
    :raises OSError: no space, no permission, or a broken disk; the old file is unchanged.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    wanted = resolve_ownership(owner, group, mode)
    make_folders(folder, owner=owner, group=group)
    with _opened_folder(folder) as folder_descriptor:
        temporary = _temporary_name(path)
        try:
            version = _write_temporary(path, temporary, write, wanted)
            if sha256 is not None and version.sha256 != sha256:
                raise ChangedMeanwhile("The source changed while it was being copied", path, "run again")
            if before_rename is not None:
                before_rename(temporary, version)
            _check_expected(path, expected)
            with _guards.get(path, nullcontext)():
                os.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder_descriptor, path)
    return version


@contextmanager
def guarded(path: str, guard: Callable[[], ContextManager[None]]) -> Iterator[None]:
    """While active, this process replaces the file at the real path ``path`` only inside ``guard()``."""
    outer = _guards.get(path)
    _guards[path] = guard
    try:
        yield
    finally:
        if outer is None:
            del _guards[path]
        else:
            _guards[path] = outer


def _write_temporary(path: str, temporary: str, write: Callable[[BinaryIO], Any], wanted: Ownership) -> Version:
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    raw = HashedFile(descriptor)
    stream = io.BufferedWriter(raw, BLOCK)
    try:
        # Before the first byte, so a file whose owner cannot be kept is refused, not half written.
        apply_metadata(descriptor, path, wanted, default_mode=FILE_MODE)
        write(cast(BinaryIO, stream))
        stream.flush()
        os.fsync(descriptor)
        # Dropped from the cache, so the re-read reaches the disk where the kernel allows it.
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        facts = os.fstat(descriptor)
        same = raw.reads_back()
    finally:
        # First, so buffered bytes are never flushed to another file that reuses this descriptor number.
        raw.close()
        os.close(descriptor)
    if not same:
        raise MobiusError("The written data reads back differently", path, "check the disk; the old file is unchanged")
    return Version(raw.digest.hexdigest(), raw.size, facts.st_dev, facts.st_ino, facts.st_mtime_ns)


def _check_expected(path: str, expected: Optional[Version]) -> None:
    if expected is None:
        return
    remedy = "find out which program writes it, then run again; its change was kept"
    if expected is ABSENT:
        if os.path.lexists(path):
            raise ChangedMeanwhile("The file appeared while its content was being prepared", path, remedy)
        return
    try:
        actual = read_version(path)
    except FileNotFoundError as error:
        raise ChangedMeanwhile("The file disappeared while its replacement was being prepared", path, remedy) from error
    if (actual.sha256, actual.size) != (expected.sha256, expected.size):
        raise ChangedMeanwhile("The file changed while its replacement was being prepared", path, remedy)
    facts = os.stat(path)
    # Last check before the rename: a write during the hashing changes the inode or the mtime.
    if (facts.st_dev, facts.st_ino, facts.st_mtime_ns) != (actual.device, actual.inode, actual.mtime_ns):
        raise ChangedMeanwhile("The file changed while its replacement was being prepared", path, remedy)


def warn_of_hard_links(path: str) -> list[str]:
    """Return a warning if the file has more than one hard link."""
    with suppress(OSError):
        names = os.stat(path).st_nlink
        if names > 1:
            return [f"{path} has another name (a hard link), which keeps the bytes from before"]
    return []


def copy_of(source: str) -> Callable[[BinaryIO], None]:
    """Return a ``write`` for :func:`replace_whole` that copies a regular file; a link is not followed.

    It raises ChangedMeanwhile if the file's times, size or inode change during the copy.
    """

    def write(stream: BinaryIO) -> None:
        with open_regular(source, follow=False) as original:
            before = _moment(os.fstat(original.fileno()))
            block = memoryview(bytearray(COPIED))
            while True:
                count = original.readinto(block)
                if not count:
                    break
                stream.write(block[:count])
            if before != _moment(os.fstat(original.fileno())) or before != _moment(os.stat(source)):
                raise ChangedMeanwhile("The source changed while it was being copied", source, "run again")

    return write


def _moment(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def create_exclusively(path: str, data: bytes, *, owner: Any = None, group: Any = None, mode: int = FILE_MODE) -> None:
    """Create a small file durably or not at all; it must not exist.

    :raises FileExistsError: the file exists.
    """
    wanted = resolve_ownership(owner, group, mode)
    with _opened_folder(os.path.dirname(path)) as folder_descriptor:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            apply_metadata(descriptor, None, wanted, default_mode=mode)
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.write(data)
            os.fsync(descriptor)
            _sync_folder(folder_descriptor, path)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(path)
            if isinstance(error, DurabilityUnknown):
                raise MobiusError(
                    "The folder cannot be synced, so the file was not created", path, error.remedy
                ) from error
            raise
        finally:
            os.close(descriptor)


def write_json(path: str, document: Any, mode: int = FILE_MODE, *, owner: Any = None, group: Any = None) -> None:
    """Replace a JSON file durably; ``owner`` and ``group`` as for :func:`replace_whole`."""
    data = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")
    replace_whole(path, lambda stream: stream.write(data), owner=owner, group=group, mode=mode)


def remove_durably(path: str) -> bool:
    """Remove a file and sync its folder. False if it did not exist."""
    with _opened_folder(os.path.dirname(os.path.abspath(path))) as folder_descriptor:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        _sync_folder(folder_descriptor, path)
    return True


def sweep_temporaries(path: str, *, idle: float = 0.0) -> list[str]:
    """Remove what killed runs left beside ``path``.

    :param idle: seconds since the last write; 0 only while no other run can be writing there.
    """
    path = os.path.realpath(path)
    return sweep_matching(os.path.dirname(path), temporaries_of(re.escape(os.path.basename(path))), idle=idle)


def temporaries_of(names: str) -> re.Pattern[str]:
    """Return a pattern for the temporary files of files whose names match the pattern ``names``."""
    return re.compile(rf"\.(?:{names})\.[0-9a-f]{{12}}\.tmp")


def sweep_matching(folder: str, pattern: re.Pattern[str], *, idle: float = 0.0) -> list[str]:
    """Remove idle regular files of ``folder`` whose whole names match; returns their paths."""
    removed = []
    until = time.time() - idle
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    if not idle or entry.stat(follow_symlinks=False).st_mtime < until:
                        os.unlink(entry.path)
                        removed.append(entry.path)
    return removed


def make_folders(
    folder: str, *, mode: int = FOLDER_MODE, owner: Any = None, group: Any = None, durable: bool = True
) -> list[str]:
    """Create missing folders with exactly ``mode`` (and setgid if the parent has it); returns the created ones.

    :param durable: false for folders that are created again after a power cut.
    :raises MobiusError: a ``durable`` folder could not be synced, so it was not created.
    """
    missing = []
    current = Path(os.path.abspath(folder))
    while not current.exists():
        missing.append(current)
        current = current.parent
    wanted = resolve_ownership(owner, group, None)
    owned = (wanted.uid, wanted.gid) != (-1, -1)
    for each in reversed(missing):
        try:
            os.mkdir(each, mode)
        except FileExistsError:
            continue
        if owned:
            os.chown(each, wanted.uid, wanted.gid)
        os.chmod(each, mode | (os.stat(each).st_mode & stat.S_ISGID))
        if durable:
            _make_durable(each)
    return [str(each) for each in missing]


def _make_durable(folder: Path) -> None:
    try:
        sync_folder(str(folder.parent))
    except (OSError, DurabilityUnknown) as error:
        # Otherwise the next run would consider it durable.
        with suppress(OSError):
            os.rmdir(folder)
        remedy = "check the disk (dmesg), then run again"
        raise MobiusError("The folder cannot be created durably, so it was not created", str(folder), remedy) from error


def sync_folder(folder: str) -> None:
    """Make the changes in ``folder`` durable.

    :raises DurabilityUnknown: the folder cannot be synced.
    """
    with _opened_folder(folder) as descriptor:
        _sync_folder(descriptor, folder)


@contextmanager
def _opened_folder(folder: str) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sync_folder(descriptor: int, path: str) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems report that they cannot sync a folder.
        if error.errno in (errno.EINVAL, errno.ENOTSUP):
            return
        raise DurabilityUnknown(
            f"Applied, durability unknown: the folder could not be synced ({error.strerror})",
            path,
            "check the disk (dmesg), then run again",
        ) from error


def _temporary_name(path: str) -> str:
    folder, name = os.path.split(path)
    return f"{folder}/.{name}.{secrets.token_hex(6)}.tmp"
