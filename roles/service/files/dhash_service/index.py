# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dHashes of a library, packed, and the search among them."""

from __future__ import annotations

import json
from array import array
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

from ansible_collections.mobius.dhash.plugins.module_utils.library.document import Item
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import CONFIDENCE, DHASH, is_dhash

_LABELS = ("id", "name", "title")
_LONGEST = 200


def _count_by_text(value: int) -> int:
    return bin(value).count("1")


# int.bit_count came with Python 3.10.
_bits = getattr(int, "bit_count", _count_by_text)


class Found(NamedTuple):
    total: int
    items: List[Dict[str, Any]]


class Index:
    """Some 110 bytes an item: 8 of hash, 8 of offset, the rest what is shown of it, as JSON."""

    def __init__(self) -> None:
        self.items = 0
        self._hashes = array("Q")
        self._offsets = array("Q", [0])
        self._texts = bytearray()

    def __len__(self) -> int:
        """Number of items with a dHash."""
        return len(self._hashes)

    def add(self, item: Item, image_key: str) -> None:
        self.items += 1
        dhash = item.value.get(DHASH)
        if not is_dhash(dhash):
            return
        self._hashes.append(int(str(dhash), 16))
        self._texts += json.dumps(_shown(item, image_key), separators=(",", ":")).encode("ascii")
        self._offsets.append(len(self._texts))

    def search(self, dhash: int, distance: int, limit: int) -> Found:
        """Items within ``distance`` bits, nearest first, then in document order; at most ``limit`` of the ``total``."""
        bits = _bits
        hits = [
            (away, position)
            for position, away in enumerate(bits(value ^ dhash) for value in self._hashes)
            if away <= distance
        ]
        hits.sort()
        return Found(len(hits), [self._describe(hit) for hit in hits[:limit]])

    def _describe(self, hit: Tuple[int, int]) -> Dict[str, Any]:
        away, position = hit
        text = self._texts[self._offsets[position] : self._offsets[position + 1]]
        return {"distance": away, "dhash": f"{self._hashes[position]:016x}", **json.loads(bytes(text))}


def build(items: Iterable[Item], image_key: str) -> Index:
    index = Index()
    for item in items:
        index.add(item, image_key)
    return index


def _shown(item: Item, image_key: str) -> Dict[str, Any]:
    shown: Dict[str, Any] = {"pointer": item.pointer}
    for name in (*_LABELS, image_key, CONFIDENCE):
        value = item.value.get(name)
        if isinstance(value, str):
            shown[name] = value[:_LONGEST]
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
            shown[name] = value
    return shown
