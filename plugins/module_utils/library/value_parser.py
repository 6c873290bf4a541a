# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse whole objects and lists of a window with the standard library's parser, which is written in C.

The bytes are decoded as Latin-1, so an index into the text is an index into the bytes. Structure, numbers and ASCII
keys are the same as in UTF-8.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable, NoReturn, Optional, Tuple

from .window import Window

#: Characters that nesting too deep for the parser takes at least.
_DEEP = 500

Hook = Callable[[Any], Any]


class Refused(ValueError):
    """A value that the parser accepts but strict JSON does not."""


def _no_constant(name: str) -> NoReturn:
    raise Refused(name)


class ValueParser:
    """
    :param hook: called with the pairs of each object for what it becomes; it may raise :class:`Refused`.
    """

    def __init__(self, window: Window, hook: Optional[Hook] = None) -> None:
        decoder = json.JSONDecoder(object_pairs_hook=hook, parse_constant=_no_constant)
        self._decode = decoder.raw_decode
        #: What ``raw_decode`` calls: the scanner that is written in C.
        self._scan: Callable[[str, int], Tuple[Any, int]] = vars(decoder)["scan_once"]
        self._window = window
        self._data = b""
        self._text = ""
        self._from = 0

    def scanner(self) -> Tuple[Callable[[int], Tuple[Any, int]], int]:
        """Return the scanner of the bytes that the window has now, and the least index to call it with.

        It raises what the standard library's does; an index that it fails at has to be passed to :meth:`at`.
        """
        return partial(self._scan, self._decoded()), self._from - self._window.start

    def at(self, begin: int) -> Optional[Tuple[Any, int]]:
        """Return the value at this index of the window's bytes and its end; None if it cannot be parsed."""
        if self._window.start + begin < self._from:
            return None
        try:
            return self._decode(self._decoded(), begin)
        except json.JSONDecodeError as error:
            self.not_before(error.pos)
        except RecursionError:
            self.not_before(begin + _DEEP)
        except ValueError:
            # The position of the error is unknown; skipping ahead bounds repeated reading.
            self.not_before(begin + 1)
        return None

    def _decoded(self) -> str:
        if self._data is not self._window.data:
            self._data = self._window.data
            self._text = self._data.decode("latin-1")
        return self._text

    def not_before(self, index: int) -> None:
        """Do not try values before this index, because a failed value would be retried for each of its parts."""
        self._from = self._window.start + index

    def value(self, data: bytes) -> Any:
        """The value that ``data`` is, or an exception of its own."""
        try:
            value, end = self._decode(data.decode("latin-1"))
        except (ValueError, RecursionError):
            return Refused
        return value if end == len(data) else Refused
