# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group, mode, ACL and extended attributes of a file that replaces another one."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple, Union

from ..errors import MobiusError

# Bound to the inode or the content; copying them would make the new file unreadable.
_NOT_COPIED = {"security.ima", "security.evm"}


@dataclass(frozen=True)
class Ownership:
    """The requested owner, group and mode; ``-1`` and None keep what is there."""

    uid: int = -1
    gid: int = -1
    mode: Optional[int] = None


def resolve_ownership(owner: Union[str, int, None], group: Union[str, int, None], mode: Optional[int]) -> Ownership:
    """Turn names or numbers (also as strings) into ids.

    :raises MobiusError: a name is not known on this host.
    """
    return Ownership(
        _id(owner, lambda name: pwd.getpwnam(name).pw_uid, "user"),
        _id(group, lambda name: grp.getgrnam(name).gr_gid, "group"),
        mode,
    )


def _id(name: Union[str, int, None], look_up: Callable[[str], int], kind: str) -> int:
    if name is None or name == "":
        return -1
    if isinstance(name, int):
        return name
    try:
        return look_up(name)
    except KeyError:
        if name.isdigit() and int(name) < 2**32 - 1:
            return int(name)
        raise MobiusError(f"No such {kind} on this host", name, f"create the {kind}, or name another") from None


def apply_metadata(descriptor: int, like: Optional[str], wanted: Ownership, *, default_mode: int) -> None:
    """Give a new, open file the ``wanted`` ownership, and the rest of its metadata from the file ``like``.

    :raises MobiusError: the owner or an attribute cannot be kept.
    """
    try:
        model = os.stat(like) if like is not None else None
    except FileNotFoundError:
        model = None
    _apply_owner(descriptor, model, wanted, like)
    if model is not None and like is not None:
        _copy_attributes(like, descriptor)
    mode = wanted.mode
    if mode is None:
        mode = default_mode if model is None else stat.S_IMODE(model.st_mode)
    # Last, because a change of owner or ACL changes the mode.
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        os.fchmod(descriptor, mode)


def _apply_owner(descriptor: int, model: Optional[os.stat_result], wanted: Ownership, where: Optional[str]) -> None:
    now = os.fstat(descriptor)
    uid = wanted.uid if wanted.uid != -1 else (model.st_uid if model else now.st_uid)
    gid = wanted.gid if wanted.gid != -1 else (model.st_gid if model else now.st_gid)
    if (uid, gid) == (now.st_uid, now.st_gid):
        return
    # Separately, so the message names the one that cannot be kept.
    if uid != now.st_uid:
        _chown(descriptor, uid, -1, where, refusal_of_owner(uid))
    if gid != now.st_gid:
        _chown(descriptor, -1, gid, where, refusal_of_group(gid))


def _chown(descriptor: int, uid: int, gid: int, where: Optional[str], refusal: Tuple[str, str]) -> None:
    try:
        os.fchown(descriptor, uid, gid)
    except PermissionError as error:
        raise MobiusError(f"{refusal[0]}, so nothing was written", where, refusal[1]) from error


def refusal_of_owner(uid: int) -> Tuple[str, str]:
    """Return the message and remedy for an owner that this user cannot keep."""
    owner, user = user_name(uid), user_name(os.geteuid())
    return (
        f"The owner {owner} cannot be kept by the user {user}",
        f"run as {owner} or with become: true, or change the owner of the file first: chown {os.geteuid()} FILE",
    )


def refusal_of_group(gid: int) -> Tuple[str, str]:
    """Return the message and remedy for a group that this user cannot keep."""
    group, user = group_name(gid), user_name(os.geteuid())
    return (
        f"The group {group} cannot be kept by the user {user}, who is not a member of it",
        f"add the user to the group, run with become: true, or change the group of the file first: "
        f"chgrp {os.getegid()} FILE",
    )


def user_name(uid: int) -> str:
    """``alice (uid 1000)``, or ``uid 1000`` for one without a name."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def group_name(gid: int) -> str:
    """``operators (gid 33)``, or ``gid 33`` for one without a name."""
    try:
        return f"{grp.getgrgid(gid).gr_name} (gid {gid})"
    except KeyError:
        return f"gid {gid}"


def read_attributes(file: Union[str, int]) -> Dict[str, bytes]:
    """Return the ACL and extended attributes of a file, except those bound to its inode or content."""
    try:
        names = os.listxattr(file)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    return {name: os.getxattr(file, name) for name in names if name not in _NOT_COPIED}


def _copy_attributes(source: str, descriptor: int) -> None:
    there = read_attributes(descriptor)
    for name, value in read_attributes(source).items():
        if there.get(name) == value:
            continue
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:
            raise MobiusError(
                f"The extended attribute {name} cannot be kept ({error.strerror}), so nothing was written",
                source,
                f"run with become, or remove it with: setfattr -x {name} FILE",
            ) from error


def parse_mode(text: str) -> int:
    """An octal mode for a data file, such as ``0640``.

    :raises MobiusError: it is not an octal number, or it is one that YAML probably made from an unquoted mode: the
        owner cannot read, someone can execute, others can write, or someone can write but not read.
    """
    try:
        mode = int(str(text), 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777 or mode & 0o113 or not mode & 0o400 or mode & 0o060 == 0o020:
        raise MobiusError("Invalid mode for a data file", str(text), 'quote it, as in mode: "0640"')
    return mode
