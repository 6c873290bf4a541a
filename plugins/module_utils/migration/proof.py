# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the migrated members, in addition to the proof that nothing else differs."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict, List, Optional, Tuple, Union

from ..library.compare import Check
from ..library.edit import Verdict, matches
from ..library.fields import BLOCK, CONFIDENCE, DHASH, LEGACY, REASONS, REVIEW, is_dhash
from ..library.records import Owned
from ..library.remainder import Remainder
from ..library.reviewed import review_of
from .tally import Tally

_DHASH, _CONFIDENCE, _REASONS = (name.encode() for name in (DHASH, CONFIDENCE, REASONS))
_LEGACY, _REVIEW = LEGACY.encode(), REVIEW.encode()
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
    if not before and after == _usual(verdict):
        return True
    if after.get(_LEGACY) != _legacy(before, verdict):
        return False
    return matches({name.decode(): _parse(value) for name, value in after.items() if name != _LEGACY}, verdict)


def _usual(verdict: Verdict) -> Owned:
    """Return the members of an item after a first run in Python's spelling, so that most items need no parser."""
    members = {_CONFIDENCE: _spelled(verdict.confidence)}
    if verdict.dhash is not None:
        members[_DHASH] = b'"%b"' % verdict.dhash.encode("ascii")
    if verdict.reasons:
        members[_REASONS] = _spelled(verdict.reasons)
    return members


@lru_cache(maxsize=1 << 14)
def _spelled(value: Union[float, Tuple[str, ...]]) -> bytes:
    return json.dumps(value).encode("ascii")


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
