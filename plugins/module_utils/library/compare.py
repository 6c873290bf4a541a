# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The proof that between two libraries nothing differs but the members that a module of this collection owns.

It shares no code with the editor: it takes the owned members out of both texts and compares the bytes that are left.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Sequence, cast

from ..storage.replace import open_regular
from .fields import DHASH, IMAGE_KEY, LEGACY, MIGRATION, REVIEW
from .remainder import NotJson, Record, Remainder
from .selectors import parse_selectors
from .window import BLOCK, shown

_dhash = re.compile(rb'"[0-9a-f]{16}"')


def unexpected_changes(
    before_path: str,
    after_path: str,
    selectors: Optional[Sequence[str]] = None,
    image_key: str = IMAGE_KEY,
    limit: int = 100,
    *,
    owned: Sequence[str] = MIGRATION,
    block: bool = True,
) -> List[Dict[str, Any]]:
    """The first ``limit`` differences outside of the owned members; an empty list is the proof.

    Both files are read once, in little memory; ``before_path`` has to be strict JSON.

    :param selectors: where the items are; for None the shapes known by default.
    :param owned: the members of an item that may differ: those of a migration by default, see ``fields``. A migration
        may also drop a review, where the dHash that it is of changes.
    :param block: whether the document's ``dhash_migration`` may differ.
    :returns: ``{"pointer", "line", "message"}`` each: the item (or None outside of items) and the line in
        ``after_path``.
    :raises MobiusError: a selector is none, or a path leads to no regular file.
    """
    steps = parse_selectors(selectors)
    bound = DHASH in owned and REVIEW not in owned
    stripped = (*owned, REVIEW) if bound else owned
    with open_regular(before_path) as before, open_regular(after_path) as after:
        sides = [
            Remainder(cast(BinaryIO, file), steps, image_key, stripped, block=block).records()
            for file in (before, after)
        ]
        comparison = _Comparison(sides, limit, bound)
        comparison.run()
    lines = _lines(after_path, [change["at"] for change in comparison.changes])
    return [
        {"pointer": change["pointer"], "line": lines[change["at"]], "message": change["message"]}
        for change in comparison.changes
    ]


class _Comparison:
    """:param bound: whether a review may differ only by going with its dHash."""

    def __init__(self, sides: Sequence[Iterator[Record]], limit: int, bound: bool) -> None:
        self._sides = sides
        self._limit = limit
        self._bound = bound
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
                # After a difference the next items are set side by side again.
                before, after = self._next_item(0, before), self._next_item(1, after)
                self._inside.clear()

    def _same(self, before: Record, after: Record) -> bool:
        self._at = after.offset(0)
        if before.kind != after.kind:
            longer, what = (before, "is gone") if before.kind == "text" else (after, "is new")
            self._note(f'"{shown(longer.text.strip())}" {what}')
            return False
        if before.kind == "item":
            self._inside.append(after.pointer)
        elif before.kind == "end":
            if not after.holder:
                self._legacy(before.owned, after.owned)
                self._review(before.owned, after.owned)
            elif before.owned != after.owned:
                self._note("an object that only holds further items was changed")
            del self._inside[-1:]
        elif before.text != after.text:
            at = _first_difference(before.text, after.text)
            self._at = after.offset(at)
            self._note(f'"{_around(before.text, at)}" became "{_around(after.text, at)}"')
            return False
        return True

    def _legacy(self, before: Dict[bytes, bytes], after: Dict[bytes, bytes]) -> None:
        """A former value that is no dHash has to be there still, under ``dhash_legacy``."""
        former = before.get(LEGACY.encode())
        if former is None:
            former = before.get(DHASH.encode())
            if former is None or _dhash.fullmatch(former) or former == after.get(DHASH.encode()):
                return
        if former != after.get(LEGACY.encode()):
            self._note(f'the former value {shown(former)} is not kept in "{LEGACY}"')

    def _review(self, before: Dict[bytes, bytes], after: Dict[bytes, bytes]) -> None:
        former, now = before.get(REVIEW.encode()), after.get(REVIEW.encode())
        if not self._bound or former == now:
            return
        if now is not None or before.get(DHASH.encode()) == after.get(DHASH.encode()):
            self._note(f'"{REVIEW}" was changed, and its dHash was not')

    def _next(self, side: int) -> Optional[Record]:
        try:
            return next(self._sides[side], None)
        except NotJson as error:
            self._at = error.at if side else self._at
            self._note(f"the {'later' if side else 'earlier'} file is no JSON from byte {error.at} on: {error}")
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
    """The text at a difference, from the start of its line or a little before."""
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
