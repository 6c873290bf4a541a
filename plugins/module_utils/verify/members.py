# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what the migration wrote makes sense: in each item, and in the document's block."""

from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional

from ..library.fields import CONFIDENCE, DHASH, REASONS, REVIEW, is_dhash
from ..library.reviewed import review_of
from ..library.window import shown
from .findings import MOST, Findings


class Sampled(NamedTuple):
    """An item to hash again: its pointer, the picture it names, and its dHash."""

    pointer: str
    image: Any
    dhash: str


class Sample:
    """About evenly spread items, without knowing beforehand how many there are; the same ones each time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._stride = 1
        self._seen = 0
        self._kept: List[Sampled] = []

    def offer(self, item: Sampled) -> None:
        """See one more item."""
        if self._size and self._seen % self._stride == 0:
            self._kept.append(item)
            if len(self._kept) >= 4 * self._size:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    def chosen(self) -> List[Sampled]:
        """At most ``size`` of the items seen."""
        count = min(self._size, len(self._kept))
        return [self._kept[number * len(self._kept) // count] for number in range(count)]


class Members:
    """The items of one library, checked one by one."""

    def __init__(self, findings: Findings, image_key: str, sample: int) -> None:
        self._findings = findings
        self._image_key = image_key
        #: Pointers of the first items that have neither a dHash nor a reason why not.
        self._bare: List[str] = []
        self._all_bare = 0
        self.sample = Sample(sample)
        self.items = 0
        self.with_dhash = 0
        self.unmigrated = 0

    def check(self, pointer: str, item: Dict[str, Any]) -> None:
        """Check the members that the migration owns, and count the item."""
        self.items += 1
        dhash = item.get(DHASH)
        if is_dhash(dhash):
            self.with_dhash += 1
            self.sample.offer(Sampled(pointer, item.get(self._image_key), str(dhash)))
        if REVIEW in item and review_of(item) is None:
            text = f'"{REVIEW}" is {_value(item[REVIEW])}, not a decision with by and at'
            self._findings.add("review", text, severity="warning", pointer=pointer)
        if CONFIDENCE not in item:
            self._unmigrated(pointer, item)
            return
        confidence = item[CONFIDENCE]
        if not _is_confidence(confidence):
            self._tell(pointer, "confidence", f'"{CONFIDENCE}" is {_value(confidence)}, not a number from 0 to 1')
        if REASONS in item and not _are_reasons(item[REASONS]):
            self._tell(pointer, "reasons", f'"{REASONS}" is {_value(item[REASONS])}, not a list of words')
        if DHASH in item and not is_dhash(dhash):
            self._tell(pointer, "dhash", f'"{DHASH}" is {_value(dhash)}, not 16 lower-case hex digits')
        if DHASH not in item:
            if _is_confidence(confidence) and confidence != 0:
                self._tell(pointer, "confidence", f"it has no dHash, yet a confidence of {confidence}")
            if not item.get(REASONS):
                self._tell(pointer, "reasons", "it has no dHash and says no reason")

    def complete(self, *, on_record: bool) -> None:
        """Called when all items were checked: each of them has to be migrated.

        :param on_record: a migration of this library is known, whatever its items say.
        """
        if self.unmigrated == self.items and not on_record:
            self._findings.add(
                "never-migrated",
                f"it was never migrated: none of its {self.items} items has a "
                "confidence, and no migration is on record. Next: playbooks/deploy.yml",
            )
            return
        for pointer in self._bare:
            self._tell(
                pointer,
                "unmigrated",
                "it has no dHash and no reason why not: a migration passed it over, it "
                "was added since, or it lost what it had",
            )
        self._findings.more(self._all_bare - len(self._bare))

    def against_block(self, block: Dict[str, Any], severity: str) -> None:
        """Compare the counts with those that the document's block tells."""
        for name, count in (("items", self.items), ("with_dhash", self.with_dhash)):
            told = block.get(name)
            if told != count:
                self._findings.add(
                    "block",
                    f'the migration\'s block says {_value(told)} under "{name}", the document has {count}',
                    severity=severity,
                )

    def _unmigrated(self, pointer: str, item: Dict[str, Any]) -> None:
        self.unmigrated += 1
        # What a migration leaves that hashes only what is missing.
        if is_dhash(item.get(DHASH)):
            text = f'it has a dHash, but no "{CONFIDENCE}": not this migration made it'
            self._findings.add("unmigrated", text, severity="warning", pointer=pointer)
            return
        self._all_bare += 1
        if len(self._bare) < MOST:
            self._bare.append(pointer)

    def _tell(self, pointer: str, kind: str, message: str) -> None:
        self._findings.add(kind, message, pointer=pointer)


def _is_confidence(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and 0 <= value <= 1


def _are_reasons(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)


def _value(value: Optional[object]) -> str:
    return shown(repr(value)[:200].encode("utf-8", "backslashreplace"))
