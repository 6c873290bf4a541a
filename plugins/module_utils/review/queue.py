# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review queue: the items whose confidence is under the threshold, the least sure first."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..json import is_number
from ..library.fields import CONFIDENCE, DHASH, REASONS, is_dhash
from ..library.reviewed import Review, is_settled, review_of
from ..text import mask_secrets
from .decisions import item_key

THRESHOLD = 0.7
# More than a migration ever writes.
_MOST_REASONS = 10
_LONGEST_REASON = 60
_NAMES = ("name", "title", "label", "caption")
_IDS = ("id", "key", "slug", "sku")


class Entry(NamedTuple):
    """One item of the queue. ``pointer`` is its JSON pointer; texts are as the library has them, without the passwords
    of URLs.
    """

    pointer: str
    name: str
    id: str
    image: Optional[str]
    dhash: Optional[str]
    confidence: float
    reasons: Tuple[str, ...]
    review: Optional[Review] = None

    @property
    def key(self) -> str:
        """The key of the item as it is now, see ``decisions.item_key``."""
        return item_key(self.pointer, self.dhash, self.image)


class Queue(NamedTuple):
    """``items`` counts the library's items, ``unmigrated`` those of them that have no confidence yet.

    ``settled`` counts those under the threshold that a reviewer's decision keeps out of the queue.
    """

    entries: List[Entry]
    items: int
    unmigrated: int
    settled: int = 0


def build(items: Iterable[Tuple[str, Dict[str, Any]]], image_key: str, threshold: float = THRESHOLD) -> Queue:
    """The queue of ``items``, pairs of a pointer and an item."""
    entries: List[Tuple[float, int, Entry]] = []
    count = unmigrated = settled = 0
    for count, (pointer, item) in enumerate(items, 1):
        confidence = confidence_of(item)
        if confidence is None:
            unmigrated += 1
        elif confidence < threshold and is_settled(item):
            settled += 1
        elif confidence < threshold:
            entries.append((confidence, count, _entry(pointer, item, confidence, image_key)))
    # Of equal confidence, in the document's order.
    entries.sort(key=lambda row: row[:2])
    return Queue([entry for _unused, _unused, entry in entries], count, unmigrated, settled)


def confidence_of(item: Dict[str, Any]) -> Optional[float]:
    """Return the item's confidence, None if it has none or a value that is not a number from 0 to 1."""
    value = item.get(CONFIDENCE)
    return float(value) if is_number(value) and 0 <= value <= 1 else None


def _entry(pointer: str, item: Dict[str, Any], confidence: float, image_key: str) -> Entry:
    dhash, image = reviewed_facts(item, image_key)
    reasons = item.get(REASONS)
    codes = reasons[:_MOST_REASONS] if isinstance(reasons, list) else []
    return Entry(
        pointer=pointer,
        name=_first(item, _NAMES),
        id=_first(item, _IDS),
        image=image,
        dhash=dhash,
        confidence=confidence,
        reasons=tuple(str(code)[:_LONGEST_REASON] for code in codes),
        review=review_of(item),
    )


def reviewed_facts(item: Dict[str, Any], image_key: str) -> Tuple[Optional[str], Optional[str]]:
    """Return the dHash and the image of an item, which a review refers to, as an export shows them."""
    dhash, image = item.get(DHASH), item.get(image_key)
    return (
        str(dhash) if is_dhash(dhash) else None,
        mask_secrets(image) if isinstance(image, str) else None,
    )


def _first(item: Dict[str, Any], keys: Tuple[str, ...]) -> str:
    for key in keys:
        value = item.get(key)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
            return mask_secrets(str(value))
    return ""
