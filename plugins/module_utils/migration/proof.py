# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the migrated members, in addition to the proof that nothing else differs."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Tuple

from ..library.compare import Check
from ..library.edit import Verdict, matches
from ..library.fields import BLOCK, CONFIDENCE, DHASH, LEGACY, REVIEW, is_dhash
from ..library.records import Owned
from ..library.remainder import Remainder
from ..library.reviewed import review_of
from .tally import Tally

_DHASH, _CONFIDENCE, _LEGACY, _REVIEW = (name.encode() for name in (DHASH, CONFIDENCE, LEGACY, REVIEW))
_WRONG = "it does not have its result"


class Proof(Check):
    """Checks that edited items have their results and that no other item differs.

    :param block: the document's block, or None if the document cannot have one.
    """

    def __init__(self, tally: Tally, block: Optional[Dict[str, Any]]) -> None:
        self._tally = tally
        self._block = block
        self._next = 0

    def identical(self) -> Optional[str]:
        number = self._next
        self._next = number + 1
        if number >= self._tally.items or self._tally.is_edited(number):
            return _WRONG
        return None

    def edited(self, before: Owned, after: Owned) -> Optional[str]:
        number = self._next
        self._next = number + 1
        if number >= self._tally.items or not self._tally.is_edited(number):
            return "it was edited unexpectedly"
        verdict = self._tally.verdict(number)
        if verdict is None or not _has(before, after, verdict):
            return _WRONG
        return self.review(before, after)

    def review(self, before: Owned, after: Owned) -> Optional[str]:
        """A review is dropped with its dHash; a foreign value stays."""
        if before.get(_REVIEW) == after.get(_REVIEW):
            return None
        value = {name.decode(): _parse(each) for name, each in before.items()}
        return super().review(before, after) if review_of(value) else f'"{REVIEW}" was changed'

    def ended(self, before: Remainder, after: Remainder) -> Optional[str]:
        if self._next != self._tally.items:
            return f"it has {self._next} items, not {self._tally.items}"
        if self._block is not None and (after.block is None or _parse(after.block) != self._block):
            return f'"{BLOCK}" is not what should have been written'
        return None


def _has(before: Owned, after: Owned, verdict: Verdict) -> bool:
    """Whether an item has this verdict's members, and keeps its former ``dhash`` or ``dhash_legacy``."""
    if after.get(_LEGACY) != _legacy(before, verdict):
        return False
    if not before and not verdict.reasons and verdict.dhash is not None and len(after) == 2:
        # Fast path for most items of a first run, which have Python's spelling.
        dhash, confidence = f'"{verdict.dhash}"'.encode("ascii"), repr(verdict.confidence).encode("ascii")
        if after.get(_DHASH) == dhash and after.get(_CONFIDENCE) == confidence:
            return True
    return matches({name.decode(): _parse(value) for name, value in after.items() if name != _LEGACY}, verdict)


def _legacy(before: Owned, verdict: Verdict) -> Optional[bytes]:
    """Return the required source text of ``dhash_legacy``."""
    if _LEGACY in before or _DHASH not in before:
        return before.get(_LEGACY)
    former = before[_DHASH]
    lost = verdict.dhash is None or not is_dhash(_parse(former))
    return former if lost else None


def _parse(value: bytes) -> Any:
    try:
        return _decoder.decode(value.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _without_duplicates(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    if len({name for name, _unused in pairs}) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


_decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates)
