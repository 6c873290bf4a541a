# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that two libraries differ only in the members that a module of this collection owns.

It shares no code with the editor: it removes the owned members from both texts and compares the remaining bytes.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Sequence, cast

from ..storage.replace import open_regular
from .fields import DHASH, IMAGE_KEY, LEGACY, MIGRATION, REVIEW
from .lockstep import ItemCheck, Lockstep
from .records import NotJson, Owned, Record
from .remainder import Remainder
from .selectors import parse_selectors
from .window import BLOCK, shown

_dhash = re.compile(rb'"[0-9a-f]{16}"')
_DHASH, _LEGACY, _REVIEW = (name.encode() for name in (DHASH, LEGACY, REVIEW))


def unexpected_changes(
    before_path: str,
    after_path: str,
    selectors: Optional[Sequence[str]] = None,
    image_key: str = IMAGE_KEY,
    limit: int = 100,
    *,
    owned: Sequence[str] = MIGRATION,
    block: bool = True,
    check: Optional[Check] = None,
) -> List[Dict[str, Any]]:
    """Return the first ``limit`` differences outside the owned members; an empty list is the proof.

    Both files are read once, with little memory; ``before_path`` must be strict JSON.

    :param selectors: where the items are; None for the default selectors.
    :param owned: the members of an item that may differ: those of a migration by default, see ``fields``. A migration
        may also drop the review of a dHash that changes.
    :param block: whether the document's ``dhash_migration`` may differ.
    :param check: judges the owned members too; by default only that no former value is lost.
    :returns: ``{"pointer", "line", "message"}`` each: the item (or None outside of items) and the line in
        ``after_path``.
    :raises MobiusError: a selector is invalid, or a path is not a regular file.
    """
    steps = parse_selectors(selectors)
    bound = DHASH in owned and REVIEW not in owned
    removable = (*owned, REVIEW) if bound else owned
    with open_regular(before_path) as before, open_regular(after_path) as after:
        sides = [Remainder(cast(BinaryIO, file), steps, image_key, removable, block=block) for file in (before, after)]
        check = check or Check()
        check.bound = bound
        comparison = _Comparison(sides, check, limit)
        comparison.run()
    lines = _lines(after_path, [change["at"] for change in comparison.changes])
    return [
        {"pointer": change["pointer"], "line": lines[change["at"]], "message": change["message"]}
        for change in comparison.changes
    ]


class Check(ItemCheck):
    """Rules for any edit of a library.

    A former value that is not a dHash is kept under ``dhash_legacy``. If reviews are ``bound``, a review may only
    disappear together with its dHash.
    """

    bound = False

    def edited(self, before: Owned, after: Owned) -> Optional[str]:
        return self._legacy(before, after) or self.review(before, after)

    def _legacy(self, before: Owned, after: Owned) -> Optional[str]:
        former = before.get(_LEGACY)
        if former is None:
            former = before.get(_DHASH)
            if former is None or _dhash.fullmatch(former) or former == after.get(_DHASH):
                return None
        if former == after.get(_LEGACY):
            return None
        return f'the former value {shown(former)} is not kept in "{LEGACY}"'

    def review(self, before: Owned, after: Owned) -> Optional[str]:
        former, now = before.get(_REVIEW), after.get(_REVIEW)
        if not self.bound or former == now or (now is None and before.get(_DHASH) != after.get(_DHASH)):
            return None
        return f'"{REVIEW}" was changed, but its dHash was not'

    def ended(self, before: Remainder, after: Remainder) -> Optional[str]:
        """Called with the document's data after both texts were read to their ends."""
        return None


class _Comparison:
    def __init__(self, sides: Sequence[Remainder], check: Check, limit: int) -> None:
        self._texts = sides
        self._sides: List[Iterator[Record]] = [side.records() for side in sides]
        self._check = check
        self._lockstep = Lockstep(sides[0], sides[1], check)
        self._limit = limit
        self._inside: List[str] = []
        self._at = 0
        self.changes: List[Dict[str, Any]] = []

    def run(self) -> None:
        before, after = self._next(0), self._next(1)
        while (before or after) and len(self.changes) < self._limit:
            if before is None or after is None:
                self._note("there are fewer items" if before else "there are more items")
                return
            if self._same(before, after):
                before, after = self._next(0), self._next(1)
            else:
                # After a difference, realign both texts at the next item.
                before, after = self._next_item(0, before), self._next_item(1, after)
                self._inside.clear()
        if not self.changes:
            message = self._check.ended(*self._texts)
            if message:
                self._note(message)

    def _same(self, before: Record, after: Record) -> bool:
        self._at = after.offset(0)
        if before.kind != after.kind:
            longer, what = (before, "is gone") if before.kind == "text" else (after, "is new")
            self._note(f'"{shown(longer.text.strip())}" {what}' if longer.text else "the structure differs")
            return False
        if before.kind == "element":
            self._run_lockstep()
            return True
        if before.kind == "item":
            self._inside.append(after.pointer)
        elif before.kind == "end":
            if not after.holder:
                if before.owned == after.owned:
                    message = self._check.identical()
                else:
                    message = self._check.edited(before.owned, after.owned)
                if message:
                    self._note(message)
            elif before.owned != after.owned:
                self._note("an object that only holds further items was changed")
            del self._inside[-1:]
        elif before.text != after.text:
            at = _first_difference(before.text, after.text)
            self._at = after.offset(at)
            self._note(f'"{_around(before.text, at)}" became "{_around(after.text, at)}"')
            return False
        return True

    def _run_lockstep(self) -> None:
        while len(self.changes) < self._limit:
            difference = self._lockstep.run()
            if difference is None:
                return
            self.changes.append({"pointer": difference.pointer, "at": difference.offset, "message": difference.message})

    def _next(self, side: int) -> Optional[Record]:
        try:
            return next(self._sides[side], None)
        except NotJson as error:
            self._at = error.at if side else self._at
            self._note(f"the {'later' if side else 'earlier'} file is not JSON from byte {error.at} on: {error}")
            self._limit = 0
            return None

    def _next_item(self, side: int, record: Optional[Record]) -> Optional[Record]:
        record = self._next(side) if record and record.kind == "item" else record
        while record is not None and record.kind != "item":
            record = self._next(side)
        return record

    def _note(self, message: str) -> None:
        pointer = self._inside[-1] if self._inside else None
        self.changes.append({"pointer": pointer, "at": self._at, "message": message})


def _first_difference(before: bytes, after: bytes) -> int:
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[:middle] == after[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _around(text: bytes, at: int) -> str:
    """Return the text at a difference, from the start of its line or slightly before."""
    begin = max(text.rfind(b"\n", 0, at) + 1, at - 30)
    return shown(text[begin:].lstrip(), 60)


def _lines(path: str, offsets: List[int]) -> Dict[int, int]:
    """The line, from 1, of each offset in the file."""
    found: Dict[int, int] = {}
    line, start = 1, 0
    wanted = sorted(set(offsets))
    with open_regular(path) as file:
        while wanted:
            block = file.read(BLOCK)
            while wanted and (wanted[0] < start + len(block) or not block):
                offset = wanted.pop(0)
                found[offset] = line + block.count(b"\n", 0, max(0, offset - start))
            line += block.count(b"\n")
            start += len(block)
    return found
