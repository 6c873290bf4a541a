# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount points: which file system a path is on, and whether the one that should be there is missing."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import List, NamedTuple, Optional

from ..errors import MobiusError
from .paths import is_below

_OCTAL = re.compile(rb"\\([0-7]{3})")
#: Entries that a new file system or this collection leaves in an otherwise empty folder.
_NOT_COUNTED = re.compile(r"lost\+found|\..+\.dhash")


class Mount(NamedTuple):
    """One line of the mount table. ``root`` is the part of the file system that is mounted, ``/`` for all of it."""

    point: str
    root: str
    kind: str
    source: str
    read_only: bool


def mounts() -> List[Mount]:
    """Return everything mounted now, in mount order; empty if the system does not expose it."""
    found: List[Mount] = []
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
            before, _dash, after = line.partition(b" - ")
            fields, behind = before.split(b" "), after.split(b" ")
            if len(fields) >= 6 and len(behind) >= 3:
                options = {*fields[5].split(b","), *behind[2].split(b",")}
                point, root, kind, source = map(_text, (fields[4], fields[3], behind[0], behind[1]))
                found.append(Mount(point, root, kind, source, b"ro" in options))
    return found


def mount_of(path: str) -> Optional[Mount]:
    """Return the mount that holds a path, links followed; None if the system does not expose it."""
    real = os.path.realpath(path)
    holding = [each for each in mounts() if each.point == real or is_below(real, each.point)]
    # The last mount on a mount point covers the earlier ones.
    return max(reversed(holding), key=lambda each: len(each.point), default=None)


def refuse_unmounted(path: str, expected: Optional[str] = None) -> None:
    """Refuse to create a missing library on a bare mount point.

    :param path: the library as given; nothing is checked while a file is there.
    :param expected: the mount point that held it when it was backed up, where that is known.
    :raises MobiusError: names the file system that is missing.
    """
    real = os.path.realpath(path)
    if os.path.lexists(real):
        return
    point = _missing_mount(real, expected)
    if point is not None:
        raise MobiusError(
            f"The library is missing because the file system at {point} is not mounted, and nothing is written onto "
            "the bare mount point",
            path,
            f"mount it: mount {point}; if the library is to live there without it, make an empty file first: "
            f": > {real}",
        )
    folder = os.path.dirname(real)
    # The target's folder is a mount of its own, so its file system is there.
    if os.path.islink(path) and _is_bare(folder) and _same_mount(path, folder):  # noqa: PTH114
        raise MobiusError(
            f"The library is a link to {real}, and {_state_of(folder)}; its file system may not be mounted",
            path,
            f"mount the file system of {folder}; if nothing is missing there, make an empty file first: : > {real}",
        )


def _missing_mount(real: str, expected: Optional[str]) -> Optional[str]:
    """Return the mount point above ``real`` that should be mounted but is not."""
    present = {each.point for each in mounts()}
    if not present:
        return None
    wanted = [expected] if expected else []
    wanted += [point for point in _fstab_points() if point != "/"]
    missing = [each for each in wanted if is_below(real, each) and each not in present]
    return max(missing, key=len, default=None)


def _fstab_points() -> List[str]:
    return fstab_points("/etc/fstab")


def fstab_points(fstab: str, *, at_boot: bool = False) -> List[str]:
    """The mount points that a table names; empty where it cannot be read.

    :param at_boot: only what is mounted at boot, and not by hand or when it is first used.
    """
    points = []
    with suppress(OSError):
        for line in Path(fstab).read_bytes().splitlines():
            fields = line.split()
            if len(fields) < 3 or fields[0].startswith(b"#") or not fields[1].startswith(b"/"):
                continue
            if not (at_boot and b"noauto" in b",".join(fields[3:4]).split(b",")):
                points.append(os.path.normpath(_text(fields[1])))
    return points


def is_mounted(point: str) -> bool:
    """Whether something is mounted there; a bind mount of the same file system counts."""
    present = {each.point for each in mounts()}
    return point in present if present else os.path.ismount(point)


def _is_bare(folder: str) -> bool:
    try:
        return not any(_NOT_COUNTED.fullmatch(name) is None for name in os.listdir(folder))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _same_mount(path: str, folder: str) -> bool:
    return mount_of(folder) == mount_of(os.path.dirname(os.path.abspath(path)))


def _state_of(folder: str) -> str:
    return f"{folder} is empty" if os.path.isdir(folder) else f"there is no folder {folder}"


def _text(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match.group(1), 8)]), field))
