# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare two texts item by item at full speed, while their items are short and plain.

The standard library's parser decides from the later text alone what an item is and which of its bytes are owned. The
earlier text must have exactly the remaining bytes; otherwise its own owned members are removed likewise.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import window as windows
from .records import Owned
from .remainder import SHORT, Remainder
from .tail import Tail
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
        self._tail = Tail(after.names)
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
        holders, identical = after.holders, self._check.identical
        scan, least = after.parser.scanner()
        lead = _object.match(later, pos)
        while pos < to and before_pos < at and not last and message is None:
            if lead is None or lead.end() < least:
                break
            try:
                value, end = scan(lead.end())
            except (StopIteration, ValueError, RecursionError):
                after.parser.at(lead.end())
                break
            separator = _behind.match(later, end)
            if separator is None or (holders and _holds(value, holders)):
                break
            close = separator.end()
            size = close - pos
            if size < SHORT and earlier.startswith(later[pos:close], before_pos):
                message = identical()
            else:
                size, message = self._edited((pos, lead.end(), end, close), value, before_pos)
                if not size:
                    break
            begin = lead.end()
            if later[close - 1] != _COMMA:
                last, size, close = True, size - (close - end), end
            before_pos += size
            pos = close
            lead = _object.match(later, pos)
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
        if close - start < SHORT:
            found = self._tails(element, pos)
            if found is not None:
                return found
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

    def _tails(self, element: Tuple[int, int, int, int], pos: int) -> Optional[Tuple[int, Optional[str]]]:
        """As :meth:`_edited` for an element that is the same up to its owned members; None for any other."""
        start, begin, end, close = element
        data, earlier = self._after.window.data, self._before.window.data
        comma = self._tail.begin(data, begin, end)
        if comma < 0 or not earlier.startswith(data[start:comma], pos):
            return None
        now, then = self._tail.members(data, comma), self._tail.members(earlier, pos + comma - start)
        if now is None or now[2] != end or then is None or not earlier.startswith(data[now[1] : close], then[1]):
            return None
        return then[1] + close - now[1] - pos, self._judged(then[0], now[0])

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


def _holds(value: Dict[str, Any], holders: List[str]) -> bool:
    return any(isinstance(value.get(name), (list, dict)) for name in holders)
