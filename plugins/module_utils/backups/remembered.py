# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata of a restored library that was missing: owner, group, mode, ACL and extended attributes."""

from __future__ import annotations

import base64
import grp
import os
import pwd
import stat
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from ..storage import state
from ..storage.metadata import group_name, user_name
from ..text import printable
from . import sidecar
from .store import Backup, Store


@dataclass(frozen=True)
class Remembered:
    """Arguments of :func:`..storage.replace.replace_whole`; -1 and None mean this user's defaults."""

    uid: Optional[int] = None
    gid: Optional[int] = None
    mode: Optional[int] = None
    attributes: Dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, backup: Backup, store: Store, warnings: List[str]) -> Remembered:
        """Take the metadata from the backup's sidecar, else from the newest sidecar, else from the backup file.

        An owner or group that this user cannot assign becomes a warning.
        """
        document = sidecar.read(backup.path) or _newest(store)
        if document is None:
            uid, gid = state.library_owner(backup.path)
            return cls(uid, gid, stat.S_IMODE(os.stat(backup.path).st_mode))
        uid, gid = _uid(document), _gid(document)
        if uid != os.geteuid() and os.geteuid() != 0:
            warnings.append(f"The library belonged to {user_name(uid)}, which this user cannot restore.")
            uid = -1
        if os.geteuid() != 0 and gid not in (os.getegid(), *os.getgroups()):
            warnings.append(f"The library belonged to {group_name(gid)}, which this user cannot restore.")
            gid = -1
        return cls(uid, gid, _mode(document), _attributes(document))

    def apply_attributes(self, temporary: str, warnings: List[str]) -> None:
        """Set ACL and extended attributes; a failure only warns and never stops the restore."""
        if not self.attributes:
            return
        for name, value in self.attributes.items():
            try:
                os.setxattr(temporary, name, value)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                warnings.append(f"The attribute {printable(name)} of the library could not be restored: {reason}.")
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self.mode is not None:
                # An ACL changes the mode.
                os.fchmod(descriptor, self.mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def mount_point(store: Store) -> Optional[str]:
    """Return the mount point of the library's file system at the last backup; None if unknown."""
    point = (_newest(store) or {}).get("mount_point")
    return point if isinstance(point, str) and point != "/" else None


def _newest(store: Store) -> Optional[sidecar.Sidecar]:
    known = [document for document in (sidecar.read(path) for _name, path in store.paths()) if document is not None]
    return max(known, key=lambda each: each["sequence"], default=None)


def _uid(document: sidecar.Sidecar) -> int:
    """Look up the user by name, because ids may differ between hosts, else by number."""
    try:
        return pwd.getpwnam(str(document.get("user"))).pw_uid
    except (KeyError, ValueError):
        return _number(document.get("uid"))


def _gid(document: sidecar.Sidecar) -> int:
    try:
        return grp.getgrnam(str(document.get("group"))).gr_gid
    except (KeyError, ValueError):
        return _number(document.get("gid"))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 - 1 else -1


def _mode(document: sidecar.Sidecar) -> Optional[int]:
    try:
        mode = int(str(document.get("mode")), 8)
    except ValueError:
        return None
    if not 0 <= mode <= 0o7777:
        return None
    # A file that can be executed never becomes setuid or setgid because of a sidecar.
    return mode & 0o1777 if mode & 0o111 else mode


def _attributes(document: sidecar.Sidecar) -> Dict[str, bytes]:
    given = document.get("attributes")
    found: Dict[str, bytes] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        try:
            found[str(name)] = base64.b64decode(str(value), validate=True)
        except ValueError:
            continue
    return found
