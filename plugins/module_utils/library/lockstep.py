# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two texts item by item at full speed, while their items are short and plain.

The standard library's parser decides from the later text alone what an item is and which of its bytes are owned. The
earlier text must have exactly the remaining bytes; otherwise its own owned members are removed likewise.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional, Tuple

from . import window as windows
from .records import Owned
from .remainder import SHORT, Remainder
from .window import SPACE

_object = re.compile(SPACE + rb"(?=\{)")
_behind = re.compile(SPACE + rb"[,\]]")
_COMMA = 0x2C


class ItemCheck:
    """Judges the items of the later text one by one, in the order in which they end.

    Both methods return what is wrong, or None.
    """

    def identical(self) -> Optional[str]:
        """Called when the item has the same owned members in both texts, if any."""
        return None

    def edited(self, before: Owned, after: Owned) -> Optional[str]:
        """Called with the owned members of the item in the earlier and the later text."""
        return None


class Difference(NamedTuple):
    """What is wrong with an item, its JSON pointer, and the byte offset of the item in the later text."""

    message: str
    pointer: str
    offset: int


class Lockstep:
    def __init__(self, before: Remainder, after: Remainder, check: ItemCheck) -> None:
        self._before = before
        self._after = after
        self._check = check

    def run(self) -> Optional[Difference]:
        """Advance both texts, which are at the same list element, past all items that need no closer look."""
        while True:
            count, last, difference = self._run()
            if difference or last or not count:
                return difference

    def _run(self) -> Tuple[int, bool, Optional[Difference]]:
        """Like :meth:`run`, within both windows; returns the number of items, and whether the list ends there."""
        before, after = self._before, self._after
        a, b = before.window, after.window
        a.ready()
        b.ready()
        earlier, later, low = a.data, b.data, windows.LOW
        at, to = (len(each.data) - (0 if each.ended else low) for each in (a, b))
        before_pos, pos, begin = a.pos, b.pos, b.pos
        count, last, message = 0, False, None
        holders, parse, identical = after.holders, after.parser.at, self._check.identical
        while pos < to and before_pos < at and not last and message is None:
            lead = _object.match(later, pos)
            parsed = parse(lead.end()) if lead else None
            if lead is None or parsed is None:
                break
            value, end = parsed
            separator = _behind.match(later, end)
            if separator is None or any(isinstance(value.get(name), (list, dict)) for name in holders):
                break
            close = separator.end()
            size = close - pos
            if size < SHORT and earlier[before_pos : before_pos + size] == later[pos:close]:
                message = identical()
            else:
                size, message = self._edited((pos, lead.end(), end, close), value, before_pos)
                if not size:
                    break
            if later[close - 1] != _COMMA:
                last, size, close = True, size - (close - end), end
            before_pos += size
            pos, begin = close, lead.end()
            count += 1
        offset = b.start + begin
        pointer = after.pointer_of(count - 1)
        if count:
            a.pos, b.pos = before_pos, pos
            before.passed(count, last=last)
            after.passed(count, last=last)
        return count, last, None if message is None else Difference(message, pointer, offset)

    def _edited(self, element: Tuple[int, int, int, int], value: Any, pos: int) -> Tuple[int, Optional[str]]:
        """Return the element's size in the earlier text (0 if it needs a closer look) and what is wrong.

        :param element: indexes of its first byte, white space included, of its brace, its end, and what follows it.
        """
        start, begin, end, close = element
        data, earlier = self._after.window.data, self._before.window.data
        remainder = self._after.without_owned(data[begin:end], value)
        if remainder is None:
            return 0, None
        text, owned = remainder
        left = data[start:begin] + text + data[end:close]
        if earlier.startswith(left, pos):
            return len(left), self._judged({}, owned)
        before = self._remainder_before(pos)
        if before is None or before[0] != left:
            return 0, None
        return before[2], self._judged(before[1], owned)

    def _judged(self, before: Owned, after: Owned) -> Optional[str]:
        return self._check.identical() if before == after else self._check.edited(before, after)

    def _remainder_before(self, pos: int) -> Optional[Tuple[bytes, Owned, int]]:
        """Return the remaining bytes, the owned members and the size of the earlier text's element at ``pos``."""
        data = self._before.window.data
        lead = _object.match(data, pos)
        parsed = self._before.parser.at(lead.end()) if lead else None
        separator = _behind.match(data, parsed[1]) if parsed else None
        if lead is None or parsed is None or separator is None:
            return None
        remainder = self._before.without_owned(data[lead.end() : parsed[1]], parsed[0])
        if remainder is None:
            return None
        left = data[pos : lead.end()] + remainder[0] + data[parsed[1] : separator.end()]
        return left, remainder[1], separator.end() - pos
