# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owned members where an item usually has them: as its last ones, in their usual order, with plain values.

A match is certain without a parser: it consists of whole tokens without a backslash and ends at the brace of the item,
so it starts outside of strings, in the item itself and not in an object inside it.
"""

from __future__ import annotations

import re
from os.path import commonprefix
from typing import Optional, Sequence, Tuple

from .records import Owned
from .window import NUMBER, SPACE

_STRING = rb'"[^"\\\x00-\x1f]*"'
_PLAIN = (
    rb"(?:" + _STRING + rb"|" + NUMBER + rb"|\[" + SPACE + rb"(?:" + _STRING + SPACE
    + rb"(?:," + SPACE + _STRING + SPACE + rb"){0,9})?\])"
)  # fmt: skip
_BLANK, _BACKSLASH = 0x20, 0x5C


class Tail:
    """
    :param names: of the owned members, in the order in which an item has them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = [name.encode() for name in names]
        self._first = b'"' + commonprefix(list(names)).encode()
        member = rb"(?:," + SPACE + rb'"%b"' + SPACE + rb":" + SPACE + rb"(" + _PLAIN + rb")|)"
        members = b"".join(member % re.escape(name) for name in self._names)
        #: All that follows the last member that is not owned, up to the brace and with it.
        self._members = re.compile(members + SPACE + rb"\}")

    def begin(self, data: bytes, begin: int, end: int) -> int:
        """Return the index of the comma before the owned members of an item, or -1 where they take a closer look."""
        key = data.find(self._first, begin, end)
        comma = data.rfind(b",", begin, key) if key > 0 else -1
        if comma < 0 or data[comma - 1] <= _BLANK:
            return -1
        # An escape may spell the name of an owned member.
        if data.find(_BACKSLASH, begin, comma) >= 0 and data.find(b"\\u00", begin, comma) >= 0:
            return -1
        return comma

    def members(self, data: bytes, begin: int) -> Optional[Tuple[Owned, int, int]]:
        """Return the owned members from there on, the index behind them, and that behind the brace of the item."""
        if data[begin : begin + 1] == b"}":
            return {}, begin, begin + 1
        match = self._members.match(data, begin)
        if match is None:
            return None
        last = match.lastindex
        if last is None:
            return {}, begin, match.end()
        values = match.groups()[:last]
        owned = dict(zip(self._names, values))
        if None in values:
            owned = {name: value for name, value in owned.items() if value is not None}
        return owned, match.end(last), match.end()
