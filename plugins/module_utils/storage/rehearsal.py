# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try a run's file operations before it begins: create, reserve space, sync, rename and remove.

Each fault is a clause that names the place, the cause and the remedy.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Union

from ..errors import MobiusError
from .metadata import apply_metadata, refusal_of_group, refusal_of_owner, resolve_ownership, user_name
from .mounts import mount_of, mounts
from .replace import FILE_MODE

# From <linux/fs.h>; the same number on every architecture with 64-bit longs.
_GET_FLAGS = 0x80086601
_IMMUTABLE, _APPEND = 0x10, 0x20
# A temporary file is named .NAME.123456789abc.tmp.
_AROUND = len("..tmp.") + 12


class Folder(NamedTuple):
    """A folder that a run writes to.

    :param names: of the files that it creates or replaces there; the longest ones are enough.
    :param size: their total size in bytes.
    :param owner: of new files, by name or number; None for this user. So is ``group``.
    """

    path: str
    names: List[str]
    size: int = 0
    owner: Union[str, int, None] = None
    group: Union[str, int, None] = None


def target_faults(path: str, what: str) -> Iterator[str]:
    """Yield why a file cannot be replaced by one with the same owner, group and mode. Nothing is written.

    :param what: the file's name in the message: ``the library``.
    """
    real = os.path.realpath(path)
    try:
        facts = os.lstat(real)
    except OSError:
        return
    if any(each.point == real for each in mounts()):
        yield (
            f"{what} {real} is a mount point of its own (a bind-mounted file, as with docker -v FILE:FILE), so it "
            "cannot be replaced atomically, and an interrupted write in place, even by a rollback, would leave it "
            "half written: mount its folder instead, or run where the file is not bind-mounted"
        )
    yield from _flag_faults(real, f"{what} {real}")
    yield from _ownership_faults(facts, f"{what} {real}")
    folder = os.stat(os.path.dirname(real))
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, folder.st_uid, facts.st_uid):
        yield (
            f"{what} {real} belongs to {user_name(facts.st_uid)} and its folder is sticky, so that "
            f"{user_name(os.geteuid())} cannot replace it: run as that user or with become: true, or chmod -t "
            f"{os.path.dirname(real)}"
        )


def _ownership_faults(facts: os.stat_result, what: str) -> Iterator[str]:
    if os.geteuid() == 0:
        return
    refusals = []
    if facts.st_uid != os.geteuid():
        refusals.append(refusal_of_owner(facts.st_uid))
    if facts.st_gid not in (os.getegid(), *os.getgroups()):
        refusals.append(refusal_of_group(facts.st_gid))
    for refusal, remedy in refusals:
        yield f"{refusal} for {what}: {remedy.replace('FILE', what.rpartition(' ')[2])}"


def folder_faults(folder: Folder, *, write: bool) -> List[str]:
    """Return why a run cannot write to a folder; the files of the rehearsal are removed again.

    :param write: false to write nothing.
    """
    existing = nearest(folder.path)
    faults = [*_flag_faults(existing, f"the folder {existing}"), *_name_faults(folder, existing)]
    mount = mount_of(existing)
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        point = f" (mounted at {mount.point})" if mount else ""
        faults.append(f"the file system of {existing}{point} is read-only: mount -o remount,rw")
    if not faults and not os.access(existing, os.W_OK | os.X_OK):
        faults.append(_no_permission(existing))
    return faults or (_tried(folder) if write else [])


def nearest(path: str) -> str:
    """Return the folder itself, or its nearest existing parent."""
    current = Path(path).absolute()
    # Path.exists raises if a parent folder may not be entered.
    while not os.path.exists(current) and current != current.parent:
        current = current.parent
    return str(current)


def _name_faults(folder: Folder, existing: str) -> Iterator[str]:
    try:
        most = os.pathconf(existing, "PC_NAME_MAX")
    except OSError:
        return
    longest = max(folder.names, key=lambda name: len(os.fsencode(name)))
    length = len(os.fsencode(longest)) + _AROUND
    if length > most:
        yield (
            f"the name {longest} is too long for {folder.path}: with its temporary file it takes {length} bytes, and "
            f"{most} are allowed: give the library a shorter name"
        )


def _flag_faults(path: str, what: str) -> Iterator[str]:
    flags = _flags(path)
    if flags & _IMMUTABLE:
        yield f"{what} is immutable: chattr -i {path}"
    if flags & _APPEND:
        yield f"{what} is append-only: chattr -a {path}"


def _flags(path: str) -> int:
    """Return the attributes that ``lsattr`` shows; 0 if the file system has none or access is denied."""
    with suppress(OSError, OverflowError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            buffer = array.array("l", [0])
            fcntl.ioctl(descriptor, _GET_FLAGS, buffer, True)
            return buffer[0] & 0xFFFFFFFF
        finally:
            os.close(descriptor)
    return 0


def _tried(folder: Folder) -> List[str]:
    try:
        for index, name in enumerate(folder.names):
            _try_file(folder, name, 0 if index else folder.size)
    except MobiusError as error:
        return [f"{error.what} in {folder.path}: {error.remedy}" if error.remedy else error.what]
    except OSError as error:
        return [_reason(error, folder)]
    return []


def _try_file(folder: Folder, name: str, size: int) -> None:
    """Create, reserve, sync, rename and remove files that are named like the run's temporary files.

    What a killed rehearsal leaves is therefore swept like them. A missing folder is not created, because removing it
    again could disturb another run; its nearest existing parent is used.
    """
    paths = [str(Path(nearest(folder.path)) / f".{name}.{secrets.token_hex(6)}.tmp") for _each in range(2)]
    wanted = resolve_ownership(folder.owner, folder.group, None)
    like = os.path.realpath(Path(folder.path) / name)
    descriptor = os.open(paths[0], os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        apply_metadata(descriptor, like, wanted, default_mode=FILE_MODE)
        _reserve(descriptor, size)
        os.pwrite(descriptor, b"rehearsal\n", 0)
        os.fsync(descriptor)
        # Another run may have swept it in the meantime.
        with suppress(FileNotFoundError):
            os.rename(paths[0], paths[1])
    finally:
        os.close(descriptor)
        for path in paths:
            with suppress(FileNotFoundError):
                os.unlink(path)


def _reserve(descriptor: int, size: int) -> None:
    """Reserve space, which also detects quotas; does nothing if the file system cannot."""
    if size <= 0:
        return
    try:
        call = ctypes.CDLL(None, use_errno=True).fallocate
    except (OSError, AttributeError):
        return
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong]
    if call(descriptor, 0, 0, size) and ctypes.get_errno() in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _no_permission(folder: str) -> str:
    user = user_name(os.geteuid())
    for each in [*reversed(Path(folder).absolute().parents), Path(folder)]:
        if not os.access(each, os.X_OK):
            how = "chmod or setfacl there, or run with become: true"
            return f"no permission to enter {each} as {user} (x is missing): {how}"
    how = "chown, chmod or setfacl there, or run with become: true"
    return f"no permission to write in {folder} as {user}: {how}"


def _reason(error: OSError, folder: Folder) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        existing = nearest(folder.path)
        if os.access(existing, os.W_OK | os.X_OK):
            return f"files in {existing} cannot be created, renamed and removed: {error.strerror}"
        return _no_permission(existing)
    if error.errno == errno.EDQUOT:
        return (
            f"the quota of {user_name(os.geteuid())} is too small for {folder.size} bytes in {folder.path}: remove "
            "old files (playbooks/cleanup.yml), or raise the quota"
        )
    if error.errno == errno.ENOSPC:
        return f"{folder.path} has no space for {folder.size} bytes: remove old files (playbooks/cleanup.yml)"
    if error.errno == errno.EFBIG:
        return f"a file of {folder.size} bytes is too large for {folder.path} or for the limit of this user (ulimit -f)"
    return f"{folder.path} cannot be written to: {error.strerror}"


def named_folder(path: Optional[str], size: int = 0) -> List[Folder]:
    """Return the folder of one file that the run replaces; empty without a file."""
    if not path:
        return []
    real = os.path.realpath(path)
    return [Folder(os.path.dirname(real), [os.path.basename(real)], size)]
