# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The members that the migration owns, spliced into the original text in its own style. Every other byte stays."""

from __future__ import annotations

import io
import json
import os
from array import array
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .fields import BLOCK, CONFIDENCE, DHASH, LEGACY, REASONS, REVIEW, is_dhash
from .layout import Layout
from .reviewed import review_of

_PIECE = 256 * 1024
#: More white space than this between two members is no style to repeat.
_LONGEST_STYLE = 200


class Splice(NamedTuple):
    """The bytes from ``start`` up to ``end`` of the file become ``new``."""

    start: int
    end: int
    new: bytes


class Verdict(NamedTuple):
    """What an item shall say: ``dhash`` is None where there is none, ``reasons`` empty for an item without any."""

    dhash: Optional[str]
    confidence: float
    reasons: Tuple[str, ...]


def matches(value: Dict[str, Any], verdict: Verdict) -> bool:
    """Whether an item says this already."""
    if verdict.dhash is None:
        if DHASH in value:
            return False
    elif value.get(DHASH) != verdict.dhash:
        return False
    return _same_confidence(value.get(CONFIDENCE), verdict.confidence) and _same_reasons(value, verdict.reasons)


def _same_confidence(found: object, wanted: float) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool) and found == wanted


def _same_reasons(value: Dict[str, Any], wanted: Tuple[str, ...]) -> bool:
    return value.get(REASONS) == list(wanted) if wanted else REASONS not in value


def item_splices(value: Dict[str, Any], layout: Layout, verdict: Verdict) -> List[Splice]:
    """The edits that make an item say it, in the order of the text; none when it does.

    A former ``dhash`` that is none, or that the verdict does not replace, is kept as it is spelled by giving it the
    name ``dhash_legacy``, unless the item has one. A review of a dHash that changes is dropped.
    """
    edit = _Edit(layout)
    if DHASH in value and LEGACY not in value and (verdict.dhash is None or not is_dhash(value[DHASH])):
        edit.rename(DHASH, LEGACY, None if verdict.dhash is None else json.dumps(verdict.dhash))
    elif verdict.dhash is None:
        edit.remove(DHASH)
    elif value.get(DHASH) != verdict.dhash:
        edit.put(DHASH, json.dumps(verdict.dhash))
    if not _same_confidence(value.get(CONFIDENCE), verdict.confidence):
        edit.put(CONFIDENCE, repr(float(verdict.confidence)))
    if not verdict.reasons:
        edit.remove(REASONS)
    elif not _same_reasons(value, verdict.reasons):
        edit.put(REASONS, json.dumps(verdict.reasons, separators=edit.style.separators))
    if value.get(DHASH) != verdict.dhash and review_of(value) is not None:
        edit.remove(REVIEW)
    return edit.splices()


def member_splices(layout: Layout, name: str, value: Dict[str, Any]) -> List[Splice]:
    """The edit that gives an item one member with this value, in place or as its last one; the rest stays."""
    edit = _Edit(layout)
    edit.put(name, json.dumps(value, separators=edit.style.separators))
    return edit.splices()


def block_splices(layout: Layout, block: Dict[str, Any]) -> List[Splice]:
    """The edit that gives the root object this block, in place or as its last member."""
    edit = _Edit(layout)
    style = edit.style
    if style.newline:
        text = json.dumps(block, indent=style.indent).replace("\n", style.newline + style.indent)
    else:
        text = json.dumps(block, separators=style.separators)
    edit.put(BLOCK, text)
    return edit.splices()


class _Style:
    """How an object writes its members, told from its first two."""

    def __init__(self, layout: Layout) -> None:
        self.colon = layout.colon or ": "
        self.between = layout.between
        self.first = ""
        if layout.count == 0 and "\n" in layout.lead:
            self.first = layout.lead + "  "
        elif layout.count == 1 and "\n" in layout.lead:
            self.first = layout.lead
        if not self.between or len(self.between) > _LONGEST_STYLE:
            self.between = "," + (self.first or (" " if self.colon.endswith(" ") else ""))
        self.newline = "\r\n" if "\r\n" in self.between else "\n" if "\n" in self.between else ""
        self.indent = (layout.lead if "\n" in layout.lead else self.between).rpartition("\n")[2].partition(",")[0]
        self.separators = (", ", ": ") if self.colon.endswith(" ") else (",", ":")


class _Edit:
    """Edits of one object."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.style = _Style(layout)
        self._changed: List[Splice] = []
        self._removed: List[str] = []
        self._added: List[str] = []

    def put(self, name: str, text: str) -> None:
        """Give a member this value, in its place or as the last one."""
        member = self._layout.marked.get(name)
        if member is None:
            self._added.append(self._written(name, text))
        else:
            self._changed.append(Splice(member.value, member.value_end, text.encode("ascii")))

    def rename(self, name: str, to: str, text: Optional[str]) -> None:
        """Give a member another name; a ``text`` becomes the value of a new one of its old name, before it."""
        member = self._layout.marked[name]
        before = "" if text is None else self._written(name, text) + self.style.between
        self._changed.append(Splice(member.key, member.key_end, f'{before}"{to}"'.encode("ascii")))

    def remove(self, name: str) -> None:
        """Take a member out with what putting it in had added."""
        if name in self._layout.marked:
            self._removed.append(name)

    def splices(self) -> List[Splice]:
        layout, style = self._layout, self.style
        found = self._changed + self._cuts()
        if self._added:
            kept = layout.count > len(self._removed)
            opening = style.between if kept else style.first
            text = opening + style.between.join(self._added)
            found.append(Splice(layout.end, layout.end, text.encode("ascii")))
        return sorted(found)

    def _written(self, name: str, text: str) -> str:
        return f'"{name}"{self.style.colon}{text}'

    def _cuts(self) -> List[Splice]:
        cuts = []
        # As long as all before it go too, a member goes with the comma behind it, else with the one before it.
        gone = cut = self._layout.open
        for name, member in self._layout.marked.items():
            if name not in self._removed:
                continue
            if member.before == gone:
                cuts.append(Splice(cut, member.after, b""))
                gone, cut = member.value_end, member.after
            else:
                cuts.append(Splice(member.before, member.value_end, b""))
        return cuts


class _SpliceBuffer:
    """Splices of one stretch of the text, compactly: a game may have a million components."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._starts, self._ends, self._cuts = array("Q"), array("Q"), array("Q", [0])
        self._new = bytearray()

    def hold(self, splices: Iterable[Splice]) -> None:
        for start, end, new in splices:
            self._starts.append(start)
            self._ends.append(end)
            self._new += new
            self._cuts.append(len(self._new))

    def release(self) -> Iterator[Splice]:
        """All of them in the order of the text."""
        for at in sorted(range(len(self._starts)), key=self._starts.__getitem__):
            new = bytes(self._new[self._cuts[at] : self._cuts[at + 1]])
            yield Splice(self._starts[at], self._ends[at], new)
        self._clear()


def in_order(edits: Iterable[Tuple[int, List[Splice]]]) -> Iterator[Splice]:
    """The splices of many items in the order of the text.

    :param edits: for each item, in the order in which they are read, its ``outermost`` and its splices.
    """
    held = _SpliceBuffer()
    group = -1
    for outermost, splices in edits:
        if outermost != group:
            yield from held.release()
            group = outermost
        held.hold(splices)
    yield from held.release()


def write_spliced(descriptor: int, splices: Iterable[Splice], stream: BinaryIO) -> None:
    """Copy a file to ``stream`` with its splices, which are in the order of the text, applied."""
    with io.FileIO(os.dup(descriptor), "rb") as raw, io.BufferedReader(raw, _PIECE) as source:
        source.seek(0)
        at = 0
        for start, end, new in splices:
            _copy(source, stream, start - at)
            stream.write(new)
            if end > start:
                source.seek(end)
            at = end
        _copy(source, stream, -1)


def _copy(source: BinaryIO, stream: BinaryIO, count: int) -> None:
    """``count`` bytes, or all up to the end for -1."""
    while count:
        piece = source.read(_PIECE if count < 0 else min(count, _PIECE))
        if not piece:
            return
        stream.write(piece)
        count -= len(piece) if count > 0 else 0
