# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a library of any size, one item at a time."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from typing import Any, Dict, Iterator, NoReturn, Optional, Sequence

from ..errors import MobiusError
from ..storage.paths import locate_library
from ..storage.replace import open_regular
from .fields import IMAGE_KEY
from .layout import Layout
from .selectors import parse_selectors
from .text_reader import TextReader
from .validate import find_problems
from .walk import Item, NotParsed, Walk

__all__ = ["Document", "Item", "LibraryError", "open_document"]


class LibraryError(MobiusError):
    """The library cannot be used. ``line`` and ``column``, from 1, locate a JSON error, or are None."""

    def __init__(
        self, what: str, where: str, remedy: str, line: Optional[int] = None, column: Optional[int] = None
    ) -> None:
        super().__init__(what, where, remedy)
        self.line = line
        self.column = column


@contextmanager
def open_document(path: str) -> Iterator[Document]:
    """Open a library for reading; a link is followed.

    :raises MobiusError: it does not exist, or is not a regular file.
    """
    real = locate_library(path)
    with open_regular(real) as stream:
        yield Document(path, real, stream.fileno())


class Document:
    """The content of one file, read again by each call. ``size`` in bytes; ``path`` as given."""

    def __init__(self, path: str, real: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        #: Layout of the root object with the block marked, once all items were read; None if the root is not an object.
        self.root: Optional[Layout] = None
        self._walk: Optional[Walk] = None
        self._real = real
        self._checked = False
        self._block: Any = None
        self._walked = False

    def items(self, selectors: Optional[Sequence[str]] = None, image_key: str = IMAGE_KEY) -> Iterator[Item]:
        """Yield every item in document order; an item that holds further items comes after them.

        Values other than objects are skipped, and so is an object that holds lists of further items and has no member
        ``image_key``, such as a game that only holds components.

        :param selectors: where the items are; None or empty for ``selectors.DEFAULTS``.
        :raises LibraryError: the file is not strict JSON (raised at the end of the items at the latest), or has no
            item there.
        """
        items = self._items(selectors or None, image_key)
        first = next(items, None)
        if first is not None:
            yield first
            yield from items
        else:
            shown = ", ".join(selectors) if selectors else "any of the default selectors"
            raise LibraryError(
                f"The library has no item at {shown}",
                self.path,
                'name the lists of its items, for example items: ["assets[].pictures[]"] (mobius_items)',
            )

    @property
    def block(self) -> Optional[Dict[str, Any]]:
        """The migration's block, or None; a member of that name that is not an object does not count.

        :raises LibraryError: the file is not strict JSON.
        """
        if not self._walked:
            for _unused in self._items(None, IMAGE_KEY):
                pass
        return self._block if isinstance(self._block, dict) else None

    @property
    def read(self) -> int:
        """Bytes read so far, up to the last item that was yielded."""
        if self._walk is None:
            return 0
        return self.size if self._walk.ended else self._walk.reached

    def _items(self, selectors: Optional[Sequence[str]], image_key: str) -> Iterator[Item]:
        steps = parse_selectors(selectors)
        try:
            text = TextReader(self.descriptor)
            self._walk = walk = Walk(text, steps, image_key, self._check)
            yield from walk.items()
        except (NotParsed, UnicodeDecodeError) as error:
            self._checked = False
            self._check()
            self._refuse(error)
        self.root, self._block, self._walked = walk.root, walk.block, True

    def _check(self) -> None:
        """Read the whole file strictly, once.

        :raises LibraryError: names its first error.
        """
        if self._checked:
            return
        for problem in find_problems(self._real, 1, warnings=False):
            raise LibraryError(
                f"The library is not strict JSON, line {problem['line']} column {problem['column']}: "
                f"{problem['message']}",
                self.path,
                _remedy(self.path, problem),
                problem["line"],
                problem["column"],
            )
        self._checked = True

    def _refuse(self, error: Exception) -> NoReturn:
        offset = getattr(error, "offset", 0)
        raise LibraryError(
            f"The library cannot be read as JSON from byte {offset} on",
            self.path,
            "see whether another program is writing it, then run again",
        ) from error


def _remedy(path: str, problem: Dict[str, Any]) -> str:
    for encoding in ("UTF-32", "UTF-16"):
        if encoding in problem["message"]:
            quoted = shlex.quote(path)
            return f"convert it: iconv -f {encoding} -t UTF-8 {quoted} > {quoted}.utf8, and check the result"
    return "fix that place in an editor; nothing was changed"
