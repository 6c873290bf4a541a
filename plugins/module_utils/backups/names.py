# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of backups: the time is only in the name, so a copied or touched file keeps its position."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple, Optional

from ..clock import file_stamp, parse_file_stamp
from ..storage.paths import INFIXES

BACKUP = "backup"
SNAPSHOT = "snapshot"
CHECKSUM = ".sha256"
#: The metadata of a backup; see ``sidecar.py``.
SIDECAR = ".meta"
#: A time before this one is that of a clock that was never set, as after the battery of its chip ran down.
PLAUSIBLE_FROM = datetime(2000, 1, 1, tzinfo=timezone.utc)

_KINDS = {infix: kind for kind, infix in INFIXES.items()}
_TAIL = re.compile(r"\.(" + "|".join(_KINDS) + r")\.([0-9]{8}T[0-9]{6}Z)(?:-([1-9][0-9]{0,5}))?")


class Name(NamedTuple):
    """A parsed name. Sorts by time, then by number within the second (1 has no suffix)."""

    created: datetime
    number: int
    kind: str


def parse(bases: tuple[str, ...], name: str) -> Optional[Name]:
    """Parse the name of a backup of a library named one of ``bases``; None for any other name."""
    for base in bases:
        match = _TAIL.fullmatch(name[len(base) :]) if name.startswith(base) else None
        if match is None:
            continue
        try:
            created = parse_file_stamp(match.group(2))
        except ValueError:
            return None
        return Name(created, int(match.group(3) or 1), _KINDS[match.group(1)])
    return None


def compose(base: str, name: Name) -> str:
    """The inverse of :func:`parse`."""
    suffix = "" if name.number == 1 else f"-{name.number}"
    return f"{base}.{INFIXES[name.kind]}.{file_stamp(name.created)}{suffix}"


def backup_of(name: str) -> Optional[str]:
    """The name of the backup that a checksum or sidecar of this name belongs to; None for any other name."""
    for suffix in (CHECKSUM, SIDECAR):
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return None


def temporaries(bases: tuple[str, ...]) -> re.Pattern[str]:
    """Temporary files of unfinished backups."""
    return re.compile(rf"\.(?:{'|'.join(map(re.escape, bases))}){_TAIL.pattern}\.[0-9a-f]{{12}}\.tmp")


def library_bases(library_path: str) -> tuple[str, ...]:
    """Return the names that backups of this library may start with: the given name and that of a link's target."""
    given = os.path.basename(os.path.abspath(library_path))
    real = os.path.basename(os.path.realpath(library_path))
    return (given,) if given == real else (given, real)


def backup_folder(library_path: str, backup_dir: Optional[str]) -> str:
    """Return the absolute path of the given folder, by default ``backups`` beside the library."""
    if backup_dir:
        return os.path.abspath(backup_dir)
    return str(Path(os.path.abspath(library_path)).parent / "backups")


def same_place(one: str, other: str) -> bool:
    """Whether two paths are the same directory entry; a link as the last component is not followed."""
    (folder, name), (other_folder, other_name) = os.path.split(one), os.path.split(other)
    return name == other_name and os.path.realpath(folder) == os.path.realpath(other_folder)
