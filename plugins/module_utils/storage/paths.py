# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things are: the library behind its links, its state folder, and image paths that cannot leave their root."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Callable, List, NamedTuple, Optional

from ..errors import MobiusError
from .references import is_url, local_path

if TYPE_CHECKING:
    from .hints import Hints

#: Each kind of copy that takes a library back, and what follows the library's name in its name, and its checksum's.
INFIXES = {"backup": "bak", "snapshot": "pre-restore"}


class UnsafePath(MobiusError):
    """An image reference that names no file under the image root.

    ``reason`` is one of ``empty``, ``nul``, ``remote``, ``escapes-root``.
    """

    def __init__(self, what: str, where: str, reason: str) -> None:
        super().__init__(what, where)
        self.reason = reason


class LibraryMoved(MobiusError):
    """The path of the library leads somewhere else than when the run began; nothing was changed."""


def checked_path(path: str) -> str:
    """The path, which may come from anywhere.

    :raises MobiusError: it is empty or holds a NUL.
    """
    if not path or "\0" in path:
        raise MobiusError("Invalid path", repr(path), "name a file or folder")
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


def refuse_moved(path: str, expected_real_path: Optional[str]) -> None:
    """Stop where the library is no longer where it was when the run began: a link on the way was pointed elsewhere.

    :param expected_real_path: where it has to be, links followed, as ``library_preflight`` and ``library_lock`` return
        it; None or empty for anywhere.
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


def refuse_target(path: str, library_path: str, what: str) -> None:
    """Stop where a file that is going to be written or removed is the library or a part of what takes it back.

    :param what: what the file is to be, for the message: ``The report``.
    :raises MobiusError: the path is the library by any name, a backup of it, a checksum, or in its state folder.
    """
    given = os.path.abspath(checked_path(path))
    # What is removed is the name itself, what is written is behind it.
    places = {os.path.realpath(given), f"{os.path.realpath(os.path.dirname(given))}/{os.path.basename(given)}"}
    names = {os.path.basename(os.path.abspath(library_path)), os.path.basename(os.path.realpath(library_path))}
    folder, kept = state_dir(library_path), INFIXES.values()
    if _is_same_file(given, library_path):
        told = "the library itself"
    elif any(place == folder or is_below(place, folder) for place in places):
        told = "in the folder of the library's state"
    elif any(Path(place).name.startswith(f"{name}.{each}.") for place in places for name in names for each in kept):
        told = "a backup of the library"
    else:
        return
    raise MobiusError(f"{what} may not be {told}", path, "name another file; nothing was changed")


def _is_same_file(path: str, other: str) -> bool:
    with suppress(OSError):
        if os.path.samefile(path, other):
            return True
    return os.path.realpath(path) == os.path.realpath(other)


class Look(NamedTuple):
    """The real path of an image and its stat; ``linked`` when the last part of the path was a link."""

    path: str
    facts: os.stat_result
    linked: bool


class ImageRoot:
    """The folder that image paths resolve under.

    An absolute reference is read under it, unless it lies inside it as it stands. A ``file:`` URL and a reference that
    begins with ``//`` are files where they name one inside it. ``resolve`` and ``look`` raise :class:`UnsafePath` for a
    reference that is empty, holds a NUL, is remote, or leaves the folder through ``..`` or links.

    :param on_folder: called with each folder on the way and what it really is, once or more.
    """

    def __init__(self, folder: str, on_folder: Optional[Callable[[str, str], None]] = None) -> None:
        self._on_folder = on_folder
        self._cached = lru_cache(maxsize=4096)(self._resolved)
        given = os.path.abspath(folder)
        self._given = given.rstrip("/") + "/"
        self._real = self._cached(given).rstrip("/") + "/"
        self._hints: Optional[Hints] = None

    @property
    def names(self) -> List[str]:
        """The folder as it was given, and what it really is."""
        return [self._given, self._real]

    def _resolved(self, folder: str) -> str:
        real = os.path.realpath(folder)
        if self._on_folder is not None:
            self._on_folder(folder, real)
        return real

    def resolve(self, reference: str) -> str:
        """The real path of an image; the file need not exist."""
        path = self._joined(reference)
        return self._behind(path, reference) if os.path.islink(path) else path  # noqa: PTH114

    def look(self, reference: str) -> Look:
        """The real path of an image and its stat, with one system call where it is no link.

        :raises OSError: there is none, or it may not be looked at.
        """
        path = self._joined(reference)
        facts = os.lstat(path)
        if not stat.S_ISLNK(facts.st_mode):
            return Look(path, facts, linked=False)
        path = self._behind(path, reference)
        return Look(path, os.stat(path), linked=True)

    def hint(self, reference: str) -> str:
        """A clause that names the existing file which a reference probably means; empty where nothing is like it."""
        if self._hints is None:
            from .hints import Hints

            self._hints = Hints(self)
        return self._hints.meant(reference)

    def _joined(self, reference: str) -> str:
        if not reference:
            raise UnsafePath("The image path is empty", reference, "empty")
        path = self._of_url(reference) if is_url(reference) else reference
        if "\0" in path:
            raise UnsafePath("The image path holds a NUL", repr(reference), "nul")
        return self._under(self.inside(path), reference)

    def _of_url(self, reference: str) -> str:
        """The path that a URL stands for, when it can only be meant for this host or names a file under the folder."""
        local = local_path(reference)
        if local is None:
            raise UnsafePath("The image is remote", reference, "remote")
        if "\0" in local.path or os.path.lexists(self._under(self.inside(local.path), reference)):
            return local.path
        if not local.certain:
            raise UnsafePath("The image is remote", reference, "remote")
        if local.anchored and self.inside(local.path) == local.path:
            raise UnsafePath("The image is outside the image root", reference, "escapes-root")
        return local.path

    def inside(self, path: str) -> str:
        """An absolute path that lies in the folder as it stands, from there on; any other one as it is."""
        if path.startswith("/"):
            for each in (path, os.path.normpath(path)):
                for folder in (self._given, self._real):
                    if each.startswith(folder):
                        return each[len(folder) :]
        return path

    def _under(self, path: str, reference: str) -> str:
        joined = os.path.normpath(self._real + path.lstrip("/"))
        if not joined.startswith(self._real):
            raise UnsafePath("The image path leaves the image root", reference, "escapes-root")
        # The folder is resolved once for all files in it; a file that is no link resolves to itself.
        folder, _slash, name = joined.rpartition("/")
        return self._checked(f"{self._cached(folder or '/').rstrip('/')}/{name}", reference)

    def _behind(self, link: str, reference: str) -> str:
        return self._checked(os.path.realpath(link), reference)

    def _checked(self, path: str, reference: str) -> str:
        if not path.startswith(self._real):
            raise UnsafePath("The image path leaves the image root through a link", reference, "escapes-root")
        return path


def resolve_under(root: str, reference: str) -> str:
    """:meth:`ImageRoot.resolve` for one image."""
    return ImageRoot(root).resolve(reference)


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is strictly inside ``folder``; both absolute and normal."""
    return path.startswith(folder.rstrip("/") + "/")
