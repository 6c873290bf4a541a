# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image paths of items: resolved under the image root, which they cannot leave."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional

from ..errors import MobiusError
from .references import is_url, local_path

if TYPE_CHECKING:
    from .hints import Hints


class UnsafePath(MobiusError):
    """An image reference that does not name a file under the image root.

    ``reason`` is one of ``empty``, ``nul``, ``remote``, ``escapes-root``.
    """

    def __init__(self, what: str, where: str, reason: str) -> None:
        super().__init__(what, where)
        self.reason = reason


#: Last path components that cannot be file names.
_ODD_NAMES = frozenset({"", ".", ".."})
_MOST_FOLDERS = 4096


class Look(NamedTuple):
    """The real path of an image and its stat; ``linked`` when the last path component was a link."""

    path: str
    facts: os.stat_result
    linked: bool


class ImageRoot:
    """The folder that image paths resolve under.

    An absolute reference is resolved relative to it, unless it already lies inside it. A ``file:`` URL and a reference
    that begins with ``//`` count as files when they name one inside it. ``resolve`` and ``look`` raise
    :class:`UnsafePath` for a reference that is empty, holds a NUL, is remote, or leaves the folder through ``..`` or
    links.

    :param on_folder: called at least once with each folder on the way and its real path.
    """

    def __init__(self, folder: str, on_folder: Optional[Callable[[str, str], None]] = None) -> None:
        self._on_folder = on_folder
        self._cached = lru_cache(maxsize=4096)(self._resolved)
        given = os.path.abspath(folder)
        self._given = given.rstrip("/") + "/"
        self._real = self._cached(given).rstrip("/") + "/"
        self._hints: Optional[Hints] = None
        # Keyed by the text before the name, so plain references in one folder resolve it once.
        self._folders: Dict[str, str] = {}

    @property
    def names(self) -> List[str]:
        """Return the folder as given, and its real path."""
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
        """Return the real path of an image and its stat; one system call unless it is a link.

        :raises OSError: it does not exist or may not be accessed.
        """
        before, slash, name = reference.rpartition("/")
        folder = self._folders.get(before) if slash and name not in _ODD_NAMES and "\0" not in name else None
        path = self._joined(reference) if folder is None else folder + name
        facts = os.lstat(path)
        if folder is None and slash and not is_url(reference) and path.endswith("/" + name):
            if len(self._folders) >= _MOST_FOLDERS:
                self._folders.clear()
            self._folders[before] = path[: -len(name)]
        if not stat.S_ISLNK(facts.st_mode):
            return Look(path, facts, linked=False)
        path = self._behind(path, reference)
        return Look(path, os.stat(path), linked=True)

    def hint(self, reference: str) -> str:
        """Return a clause that names the existing file a reference probably means; empty when none is similar."""
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
        """Return the local path of a URL that can only mean this host or names a file under the folder."""
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
        """Make an absolute path inside the folder relative to it; return any other path unchanged."""
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
        # The folder is resolved once for all its files; a file that is not a link resolves to itself.
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
