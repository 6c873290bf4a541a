# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splice the members that the migration owns into the original text in its own style. Every other byte stays."""

from __future__ import annotations

import json
import os
from array import array
from functools import lru_cache
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .fields import BLOCK, CONFIDENCE, DHASH, LEGACY, OWNED, REASONS, REVIEW, is_dhash
from .layout import Layout, layout_of, usual_layout
from .reviewed import review_of

_PIECE = 256 * 1024
#: Limit of white space between two members that is repeated as a style.
_LONGEST_STYLE = 200


class Splice(NamedTuple):
    """Replace the bytes from ``start`` to ``end`` of the file by ``new``."""

    start: int
    end: int
    new: bytes


class Verdict(NamedTuple):
    """The result for an item: ``dhash`` is None if it has none, ``reasons`` may be empty."""

    dhash: Optional[str]
    confidence: float
    reasons: Tuple[str, ...]


def matches(value: Dict[str, Any], verdict: Verdict) -> bool:
    """Whether an item has these members already."""
    dhash, confidence, reasons = verdict
    if value.get(DHASH) != dhash or (dhash is None and DHASH in value):
        return False
    if not _same_confidence(value.get(CONFIDENCE), confidence):
        return False
    return _same_reasons(value, reasons) if reasons else REASONS not in value


def _same_confidence(found: object, wanted: float) -> bool:
    return found == wanted and isinstance(found, (int, float)) and not isinstance(found, bool)


def _same_reasons(value: Dict[str, Any], wanted: Tuple[str, ...]) -> bool:
    return value.get(REASONS) == list(wanted) if wanted else REASONS not in value


def item_splices(value: Dict[str, Any], layout: Layout, verdict: Verdict) -> List[Splice]:
    """Return the edits that give an item these members, in the order of the text; empty if it has them.

    A former ``dhash`` that is not a dHash, or that the verdict does not replace, is renamed to ``dhash_legacy`` to keep
    its spelling, unless the item has one already. A review of a dHash that changes is dropped.
    """
    if not layout.marked:
        return [_appended(layout, verdict)]
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
    """Return the edit that sets one member of an item, in place or as its last one."""
    edit = _Edit(layout)
    edit.put(name, json.dumps(value, separators=edit.style.separators))
    return edit.splices()


def text_splices(text: bytes, start: int, verdict: Verdict) -> List[Splice]:
    """:func:`item_splices` for an item that is given by its text and the byte offset of its brace."""
    usual = usual_layout(text, start, OWNED)
    if usual is not None:
        end, spaces = usual
        return [Splice(end, end, _appended_text(2, spaces, verdict.dhash is None, verdict.reasons) % _values(verdict))]
    decoded = text.decode("utf-8")
    layout = layout_of(decoded, start, OWNED)
    value = {name: json.loads(text[member.value - start : member.value_end - start])
             for name, member in layout.marked.items()}  # fmt: skip
    return item_splices(value, layout, verdict)


def _appended(layout: Layout, verdict: Verdict) -> Splice:
    """Return all members for an item that has none yet."""
    spaces = (layout.lead.encode(), layout.colon.encode(), layout.between.encode())
    text = _appended_text(layout.count, spaces, verdict.dhash is None, verdict.reasons)
    return Splice(layout.end, layout.end, text % _values(verdict))


def _values(verdict: Verdict) -> Tuple[bytes, ...]:
    confidence = _spelled(verdict.confidence)
    return (confidence,) if verdict.dhash is None else (verdict.dhash.encode("ascii"), confidence)


@lru_cache(maxsize=1 << 14)
def _spelled(confidence: float) -> bytes:
    return repr(float(confidence)).encode("ascii")


@lru_cache(maxsize=1024)
def _appended_text(count: int, spaces: Tuple[bytes, ...], without: bool, reasons: Tuple[str, ...]) -> bytes:
    """Return the members that are appended to an item of this style, with places for the :func:`_values`.

    :param spaces: ``lead``, ``colon`` and ``between`` of its layout.
    """
    lead, colon, between = (each.decode() for each in spaces)
    style = _style_of(count, lead, colon, between)
    members = [] if without else [f'"{DHASH}"{style.colon}"%b"']
    members.append(f'"{CONFIDENCE}"{style.colon}%b')
    if reasons:
        listed = json.dumps(reasons, separators=style.separators).replace("%", "%%")
        members.append(f'"{REASONS}"{style.colon}{listed}')
    opening = style.between if count else style.first
    return (opening + style.between.join(members)).encode("ascii")


def block_splices(layout: Layout, block: Dict[str, Any]) -> List[Splice]:
    """Return the edit that sets the root object's block, in place or as its last member."""
    edit = _Edit(layout)
    style = edit.style
    if style.newline:
        text = json.dumps(block, indent=style.indent).replace("\n", style.newline + style.indent)
    else:
        text = json.dumps(block, separators=style.separators)
    edit.put(BLOCK, text)
    return edit.splices()


class _Style:
    """The style of an object's members, inferred from the first two."""

    def __init__(self, count: int, lead: str, colon: str, between: str) -> None:
        self.colon = colon or ": "
        self.between = between
        self.first = ""
        if count == 0 and "\n" in lead:
            self.first = lead + "  "
        elif count == 1 and "\n" in lead:
            self.first = lead
        if not self.between or len(self.between) > _LONGEST_STYLE:
            self.between = "," + (self.first or (" " if self.colon.endswith(" ") else ""))
        self.newline = "\r\n" if "\r\n" in self.between else "\n" if "\n" in self.between else ""
        self.indent = (lead if "\n" in lead else self.between).rpartition("\n")[2].partition(",")[0]
        self.separators = (", ", ": ") if self.colon.endswith(" ") else (",", ":")


_style_of = lru_cache(maxsize=256)(_Style)


class _Edit:
    """Edits of one object."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.style = _style_of(layout.count, layout.lead, layout.colon, layout.between)
        self._changed: List[Splice] = []
        self._removed: List[str] = []
        self._added: List[str] = []

    def put(self, name: str, text: str) -> None:
        """Set a member in place, or append it."""
        member = self._layout.marked.get(name)
        if member is None:
            self._added.append(self._written(name, text))
        else:
            self._changed.append(Splice(member.value, member.value_end, text.encode("ascii")))

    def rename(self, name: str, to: str, text: Optional[str]) -> None:
        """Rename a member; ``text`` becomes the value of a new member of the old name before it."""
        member = self._layout.marked[name]
        before = "" if text is None else self._written(name, text) + self.style.between
        self._changed.append(Splice(member.key, member.key_end, f'{before}"{to}"'.encode("ascii")))

    def remove(self, name: str) -> None:
        """Remove a member together with the separators that inserting it added."""
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
        # While all earlier members are removed too, remove the comma after a member, else the one before it.
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
    """Splices of one part of the text, stored compactly because a game may have a million components."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._starts, self._ends, self._cuts = array("Q"), array("Q"), array("Q", [0])
        self._new = bytearray()

    def add(self, splices: Iterable[Splice]) -> None:
        for start, end, new in splices:
            self._starts.append(start)
            self._ends.append(end)
            self._new += new
            self._cuts.append(len(self._new))

    def drain(self) -> Iterator[Splice]:
        """Return all splices in the order of the text."""
        for at in sorted(range(len(self._starts)), key=self._starts.__getitem__):
            new = bytes(self._new[self._cuts[at] : self._cuts[at + 1]])
            yield Splice(self._starts[at], self._ends[at], new)
        self._clear()


def in_order(edits: Iterable[Tuple[int, List[Splice]]]) -> Iterator[Splice]:
    """Yield the splices of many items in the order of the text.

    :param edits: for each item, in the order in which they are read, its ``outermost`` and its splices.
    """
    held = _SpliceBuffer()
    group = -1
    for outermost, splices in edits:
        if outermost != group:
            yield from held.drain()
            group = outermost
        held.add(splices)
    yield from held.drain()


def write_spliced(descriptor: int, splices: Iterable[Splice], stream: BinaryIO) -> None:
    """Copy a file to ``stream`` and apply its splices, which are in the order of the text."""
    source = BlockReader(descriptor)
    pieces: List[bytes] = []
    size = at = 0
    for start, end, new in splices:
        if start - at > _PIECE:
            at = source.copy(stream, pieces, at, start)
            size = 0
        kept = source.read(at, start - at)
        pieces += (kept, new)
        size += len(kept) + len(new)
        if size > _PIECE:
            stream.write(b"".join(pieces))
            pieces.clear()
            size = 0
        at = end
    source.copy(stream, pieces, at, None)


class BlockReader:
    """Read short ranges of a file in ascending order with few system calls."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._block = b""
        self._start = 0

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, or fewer at the end of the file."""
        begin = start - self._start
        if begin < 0 or begin + length > len(self._block):
            self._block = os.pread(self._descriptor, max(length, _PIECE), start)
            self._start, begin = start, 0
        return self._block[begin : begin + length]

    def copy(self, stream: BinaryIO, pieces: List[bytes], start: int, end: Optional[int]) -> int:
        """Write and clear the pieces, then all from ``start`` to ``end`` (None for the end of the file); returns it."""
        stream.write(b"".join(pieces))
        pieces.clear()
        while end is None or start < end:
            block = os.pread(self._descriptor, _PIECE if end is None else min(_PIECE, end - start), start)
            if not block:
                break
            stream.write(block)
            start += len(block)
        return start
