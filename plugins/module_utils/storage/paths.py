# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are: the library behind its links, its state folder, and image paths that cannot leave their root."""

from __future__ import annotations

import os
import re
import stat
from functools import lru_cache
from pathlib import Path

from ..errors import MobiusError

# A colon alone makes no URL: "Catan: Seafarers.png" is a file.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|(?:data|blob):", re.IGNORECASE)


class UnsafePath(MobiusError):
    """An image reference that names no file under the image root.

    ``reason`` is one of ``empty``, ``nul``, ``remote``, ``escapes-root``.
    """

    def __init__(self, what: str, where: str, reason: str) -> None:
        super().__init__(what, where)
        self.reason = reason


def checked_path(path: str) -> str:
    """The path, which may come from anywhere.

    :raises MobiusError: it is empty or holds a NUL.
    """
    if not path or "\0" in path:
        raise MobiusError("This is no path", repr(path), "name a file or folder")
    return path


def resolve_library(path: str) -> str:
    """The absolute path behind all links, whether or not a file is there.

    :raises MobiusError: something other than a regular file is there, or the path is none.
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
        raise MobiusError("There is no library", path, "check the path, or restore a backup with library_restore")
    return real


def kind_of(mode: int) -> str:
    """What a file of this ``st_mode`` is, for people."""
    kinds = {
        stat.S_IFREG: "a regular file",
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def state_dir(library_path: str) -> str:
    """``.NAME.dhash`` beside the library, the same for every link to it. Nothing is created."""
    folder, name = os.path.split(os.path.realpath(library_path))
    return str(Path(folder) / f".{name}.dhash")


def resolve_under(root: str, reference: str) -> str:
    """The real path of an image that an item refers to.

    An absolute reference is read under ``root``, unless it lies inside ``root`` as it stands.
    The file need not exist.

    :raises UnsafePath: empty, holds a NUL, is a URL, or leaves ``root`` through ``..`` or links.
    """
    if not reference:
        raise UnsafePath("The image path is empty", reference, "empty")
    if "\0" in reference:
        raise UnsafePath("The image path holds a NUL", repr(reference), "nul")
    if _URL.match(reference):
        raise UnsafePath("The image is remote", reference, "remote")
    real_root = _real_folder(os.path.abspath(root))
    relative = _inside(os.path.abspath(root), reference)
    joined = os.path.normpath(f"{real_root}/{relative}")
    if not is_below(joined, real_root):
        raise UnsafePath("The image path leaves the image root", reference, "escapes-root")
    # One lstat for the common case: the folder is resolved once, and a file that is no link resolves to itself.
    real = f"{_real_folder(os.path.dirname(joined)).rstrip('/')}/{os.path.basename(joined)}"
    if os.path.islink(real):  # noqa: PTH114
        real = os.path.realpath(real)
    if not is_below(real, real_root):
        raise UnsafePath("The image path leaves the image root through a link", reference, "escapes-root")
    return real


def _inside(root: str, reference: str) -> str:
    if reference.startswith(root.rstrip("/") + "/"):
        return reference[len(root.rstrip("/")) + 1 :]
    return reference.lstrip("/")


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is strictly inside ``folder``; both absolute and normal."""
    return path.startswith(folder.rstrip("/") + "/")


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)
