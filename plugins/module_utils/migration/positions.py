# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The positions of a document's items, 16 bytes each, so they can be edited without another pass."""

from __future__ import annotations

from array import array
from typing import Any, Callable, Dict, Iterator, List, Tuple

from ..library.document import Item
from ..library.edit import BlockReader, Splice, Verdict, item_splices, text_splices
from ..library.fields import OWNED
from ..library.layout import Layout


class Positions:
    """The items in reading order."""

    def __init__(self) -> None:
        self._starts = array("Q")
        #: In bytes; 0 for an item that holds others or was not read in one piece, which is in ``_laid_out``.
        self._lengths = array("Q")
        self._laid_out: Dict[int, Tuple[Layout, Dict[str, Any]]] = {}

    def add(self, items: List[Item]) -> None:
        for number, item in enumerate(items, len(self._starts)):
            if not item.text:
                owned = {name: item.value[name] for name in OWNED if name in item.value}
                self._laid_out[number] = item.layout, owned
        self._starts.extend([item.start for item in items])
        texts = [item.text for item in items]
        self._lengths.extend([len(text) if text.isascii() else len(text.encode("utf-8")) for text in texts])

    def splices(
        self, descriptor: int, edits: Callable[[], Iterator[Tuple[int, Verdict]]], others: List[Splice]
    ) -> Iterator[Splice]:
        """Yield the splices of items in the order of the text.

        :param edits: yields the numbers of the items that change, ascending, with their results.
        :param others: splices that do not belong to an item, to be merged in.
        :raises NotThere: an item is no longer where it was read.
        """
        kept = list(others)
        if self._laid_out:
            for number, verdict in edits():
                if number in self._laid_out:
                    layout, owned = self._laid_out[number]
                    kept += item_splices(owned, layout, verdict)
        kept.sort(reverse=True)
        for splice in self._flat(descriptor, edits()):
            while kept and kept[-1].start < splice.start:
                yield kept.pop()
            yield splice
        yield from reversed(kept)

    def _flat(self, descriptor: int, edits: Iterator[Tuple[int, Verdict]]) -> Iterator[Splice]:
        source = BlockReader(descriptor)
        for number, verdict in edits:
            length = self._lengths[number]
            if length:
                start = self._starts[number]
                text = source.read(start, length)
                if not (len(text) == length and text.startswith(b"{") and text.endswith(b"}")):
                    raise NotThere
                yield from text_splices(text, start, verdict)


class NotThere(Exception):
    """An item is no longer where it was read: the file was edited in place."""
