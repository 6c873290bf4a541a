# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata of a backup: ``NAME.bak.TIMESTAMP.meta``, a small JSON file.

It holds whether the library was valid, the order of the backups (``sequence``, independent of the clock), the library's
owner and permissions, and its mount point. Backups of older versions have none. Later versions may add members; unknown
members are ignored.
"""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import stat
from contextlib import suppress
from typing import Any, Dict, Optional

from ..errors import MobiusError
from ..json import is_whole, load_object
from ..storage.metadata import read_attributes
from ..storage.mounts import mount_of
from ..storage.replace import Version, open_regular
from .names import SIDECAR

_LIMIT = 1024 * 1024
_VERSION = 1

Sidecar = Dict[str, Any]


def compose(library: str, written: Version, sequence: int, problem: Optional[str]) -> bytes:
    """Return the bytes of the sidecar for a backup of the file ``library``.

    :param problem: why the library is not valid; empty if it is, None if unknown.
    """
    facts = os.stat(library)
    mount = mount_of(library)
    document: Sidecar = {
        "version": _VERSION,
        "sha256": written.sha256,
        "size": written.size,
        "sequence": sequence,
        "mount_point": mount.point if mount else None,
        "uid": facts.st_uid,
        "user": _name(lambda: pwd.getpwuid(facts.st_uid).pw_name),
        "gid": facts.st_gid,
        "group": _name(lambda: grp.getgrgid(facts.st_gid).gr_name),
        "mode": f"{stat.S_IMODE(facts.st_mode):04o}",
        "attributes": {
            name: base64.b64encode(value).decode("ascii") for name, value in read_attributes(library).items()
        },
    }
    if problem is not None:
        document.update(valid=not problem, problem=problem)
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")


def read(backup_path: str) -> Optional[Sidecar]:
    """Return the sidecar of a backup, or None if it is missing or unusable.

    The caller must compare ``sha256`` with the bytes of the backup.
    """
    try:
        with open_regular(backup_path + SIDECAR, follow=False) as stream:
            document = load_object(stream.read(_LIMIT))
    except (OSError, MobiusError, ValueError):
        return None
    if not isinstance(document.get("sha256"), str):
        return None
    if not is_whole(document.get("sequence")):
        document["sequence"] = 0
    return document


def problem_in(document: Optional[Sidecar], sha256: Optional[str]) -> Optional[str]:
    """Return why the library of this backup is not valid; empty if it is, None if the sidecar does not have it."""
    if document is None or document["sha256"] != sha256 or not isinstance(document.get("valid"), bool):
        return None
    return "" if document["valid"] else str(document.get("problem") or "it is not valid JSON")


def _name(look_up: Any) -> Optional[str]:
    with suppress(KeyError):
        return str(look_up())
    return None
