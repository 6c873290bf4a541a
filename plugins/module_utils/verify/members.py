# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the members that the migration wrote, in each item and in the document's block."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ..json import is_number
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
    """A deterministic, nearly even sample of items whose number is not known in advance."""

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
    """Checks the items of one library one by one."""

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
            self._add(pointer, "confidence", f'"{CONFIDENCE}" is {_value(confidence)}, not a number from 0 to 1')
        if REASONS in item and not _are_reasons(item[REASONS]):
            self._add(pointer, "reasons", f'"{REASONS}" is {_value(item[REASONS])}, not a list of words')
        if DHASH in item and not is_dhash(dhash):
            self._add(pointer, "dhash", f'"{DHASH}" is {_value(dhash)}, not 16 lower-case hex digits')
        if DHASH not in item:
            if _is_confidence(confidence) and confidence != 0:
                self._add(pointer, "confidence", f"it has no dHash, but a confidence of {confidence}")
            if not item.get(REASONS):
                self._add(pointer, "reasons", "it has no dHash and no reason for that")

    def complete(self, *, migration_known: bool) -> None:
        """Called after all items were checked: each of them must be migrated.

        :param migration_known: a migration of this library is known, independent of its items.
        """
        if self.unmigrated == self.items and not migration_known:
            self._findings.add(
                "never-migrated",
                f"it was never migrated: none of its {self.items} items has a "
                "confidence, and the state knows no migration. Next: playbooks/deploy.yml",
            )
            return
        for pointer in self._bare:
            self._add(
                pointer,
                "unmigrated",
                "it has no dHash and no reason for that: a migration skipped it, it "
                "was added later, or it lost its dHash",
            )
        self._findings.more(self._all_bare - len(self._bare))

    def against_block(self, block: Dict[str, Any], severity: str) -> None:
        """Compare the counts with those in the document's block."""
        for name, count in (("items", self.items), ("with_dhash", self.with_dhash)):
            noted = block.get(name)
            if noted != count:
                self._findings.add(
                    "block",
                    f'the migration\'s block has "{name}": {_value(noted)}, but the document has {count}',
                    severity=severity,
                )

    def _unmigrated(self, pointer: str, item: Dict[str, Any]) -> None:
        self.unmigrated += 1
        # A migration with rehash=missing leaves such items.
        if is_dhash(item.get(DHASH)):
            text = f'it has a dHash, but no "{CONFIDENCE}": this migration did not create it'
            self._findings.add("unmigrated", text, severity="warning", pointer=pointer)
            return
        self._all_bare += 1
        if len(self._bare) < MOST:
            self._bare.append(pointer)

    def _add(self, pointer: str, kind: str, message: str) -> None:
        self._findings.add(kind, message, pointer=pointer)


def _is_confidence(value: object) -> bool:
    return is_number(value) and 0 <= value <= 1


def _are_reasons(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each for each in value)


def _value(value: Optional[object]) -> str:
    return shown(repr(value)[:200].encode("utf-8", "backslashreplace"))
