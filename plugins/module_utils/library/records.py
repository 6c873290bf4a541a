# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a text without its owned members, and the state of the objects that are open while reading it."""

from __future__ import annotations

from typing import Dict, FrozenSet, NamedTuple, Sequence, Tuple

from .selectors import Steps

#: Closing bracket by opening bracket.
END = {0x7B: 0x7D, 0x5B: 0x5D}
#: Owned members by name, each value in its original spelling.
Owned = Dict[bytes, bytes]


class Record(NamedTuple):
    """``text``: a piece of the remaining text; ``item`` and ``end``: where an item starts and ends; ``element``: before
    an element of a list that may be an item, where a reader of both texts may move on by itself.

    ``marks`` are pairs (index into ``text``, offset in the file), one for each stretch without a gap;
    ``owned`` holds what was removed from the item; ``holder`` is true for an object that only holds further items and
    has no image of its own, so the migration owns nothing in it.
    """

    kind: str
    marks: Sequence[Tuple[int, int]]
    text: bytes = b""
    pointer: str = ""
    owned: Owned = {}
    holder: bool = False

    def offset(self, index: int) -> int:
        """Return the offset in the file of the byte ``index`` of the text."""
        mark, offset = max(mark for mark in self.marks if mark[0] <= index)
        return offset + index - mark


class NotJson(Exception):
    """The text is not JSON at ``at``."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Frame:
    """An object or list that is open."""

    def __init__(self, kind: int, pointer: str, rests: Sequence[Steps], owned: FrozenSet[bytes], item: bool) -> None:
        self.kind = kind
        self.end = END[kind]
        self.pointer = pointer
        self.rests = rests
        self.rests_inside = [rest[1:] for rest in rests]
        #: Members that hold further items if their value is a list or an object.
        self.holders = frozenset(rest[0].encode("utf-8", "surrogatepass") for rest in rests if rest[0] is not None)
        self.owned = owned
        self.item = item
        self.values: Owned = {}
        self.separator = b""
        self.kept = False
        self.index = 0
        self.holds = False
        self.pictured = False
