# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths: the library with its links resolved, and its state folder."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from ..errors import MobiusError

#: For each kind of copy that a restore can use: the infix of its name, and of its checksum's name.
INFIXES = {"backup": "bak", "snapshot": "pre-restore"}


class LibraryMoved(MobiusError):
    """The library's path resolves to a different file than when the run began; nothing was changed."""


def is_path(value: Any) -> bool:
    """Whether a value, such as one read from a document, can be the path of a file."""
    try:
        return isinstance(value, str) and bool(value) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def checked_path(path: str) -> str:
    """Return the path if it is usable; it may come from any source.

    :raises MobiusError: it is empty, holds a NUL, or is not in the encoding of file names.
    """
    if not is_path(path):
        raise MobiusError("Invalid path", ascii(path), "name a file or folder")
    return path


def resolve_library(path: str) -> str:
    """The absolute path behind all links, whether or not a file is there.

    :raises MobiusError: the path is invalid, or it is not a regular file.
    """
    real = os.path.realpath(checked_path(path))
    try:
        mode = os.lstat(real).st_mode
    except FileNotFoundError:
        return real
    if stat.S_ISLNK(mode):
        raise MobiusError("The library is a link that leads to itself", path, "point the link at the library file")
    if not stat.S_ISREG(mode):
        raise MobiusError(
            f"The library is {kind_of(mode)}, not a regular file", path, "name the JSON file itself, or move this away"
        )
    return real


def locate_library(path: str) -> str:
    """The absolute path of an existing library, links followed.

    :raises MobiusError: nothing is there, or something other than a regular file.
    """
    real = resolve_library(path)
    if not Path(real).exists():
        raise MobiusError("The library does not exist", path, "check the path, or restore a backup (library_restore)")
    return real


def refuse_moved(path: str, expected_real_path: Optional[str]) -> None:
    """Refuse a library that moved since the run began because a link on its path changed.

    :param expected_real_path: the required path, links followed, as ``library_preflight`` and ``library_lock`` return
        it; None or empty accepts any path.
    :raises LibraryMoved: it is somewhere else.
    """
    if not expected_real_path:
        return
    expected = os.path.abspath(checked_path(expected_real_path))
    actual = os.path.realpath(checked_path(path))
    if actual != expected:
        raise LibraryMoved(
            f"The library has moved since this run began, from {expected} to {actual}, so nothing was changed",
            path,
            f"find out what switches that link, for example another deployment, and run again; the run's own library "
            f"is {expected}",
        )


def kind_of(mode: int) -> str:
    """Describe the file type of an ``st_mode`` for a message."""
    kinds = {
        stat.S_IFREG: "a regular file",
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def state_dir(library_path: str) -> str:
    """Return ``.NAME.dhash`` beside the library, the same for every link to it. Nothing is created."""
    folder, name = os.path.split(os.path.realpath(library_path))
    return str(Path(folder) / f".{name}.dhash")


def refuse_target(path: str, library_path: str, what: str) -> None:
    """Refuse to write or remove a file that is the library or that a rollback needs.

    :param what: the purpose of the file, for the message: ``The report``.
    :raises MobiusError: the path is the library by any name, a backup of it, a checksum, or in its state folder.
    """
    given = os.path.abspath(checked_path(path))
    # Removal affects the name itself, writing the file that a link points to.
    places = {os.path.realpath(given), f"{os.path.realpath(os.path.dirname(given))}/{os.path.basename(given)}"}
    names = {os.path.basename(os.path.abspath(library_path)), os.path.basename(os.path.realpath(library_path))}
    folder, kept = state_dir(library_path), INFIXES.values()
    if _is_same_file(given, library_path):
        place = "the library itself"
    elif any(place == folder or is_below(place, folder) for place in places):
        place = "in the folder of the library's state"
    elif any(Path(place).name.startswith(f"{name}.{each}.") for place in places for name in names for each in kept):
        place = "a backup of the library"
    else:
        return
    raise MobiusError(f"{what} may not be {place}", path, "name another file; nothing was changed")


def _is_same_file(path: str, other: str) -> bool:
    with suppress(OSError):
        if os.path.samefile(path, other):
            return True
    return os.path.realpath(path) == os.path.realpath(other)


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is strictly inside ``folder``; both absolute and normal."""
    return path.startswith(folder.rstrip("/") + "/")
