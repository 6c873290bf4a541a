# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of one object in the text, as an editor needs it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from os.path import commonprefix
from typing import Dict, List, NamedTuple, Optional, Tuple

SPACE = r"[ \t\n\r]*"
_colon = re.compile(SPACE + ":" + SPACE)
_space = re.compile(SPACE)
_escaped_letter = re.compile(rb"\\u00[5-7]")
_BYTES = SPACE.encode()
_BLANK, _BACKSLASH = 0x20, 0x5C
# An object whose first two members show the style; the first value needs no parser.
_usual = re.compile(
    rb"\{(" + _BYTES + rb')"[^"\\]*"(' + _BYTES + b":" + _BYTES + rb')(?:"[^"\\]*"|[-+.0-9a-zA-Z]+)('
    + _BYTES + b"," + _BYTES + b')"'
)  # fmt: skip
_decoder = json.JSONDecoder()


class Member(NamedTuple):
    """Byte offsets of one member: key and value with their ends, and its neighbors.

    ``before`` is the end of the value before it, or the byte behind the brace; ``after`` is the byte behind the comma
    that follows it, or the end of its value where it is the last one.
    """

    before: int
    key: int
    key_end: int
    value: int
    value_end: int
    after: int


@dataclass
class Layout:
    """``open`` is the offset behind the brace, ``end`` that behind the last value, or ``open`` when there is none.

    ``lead`` is the white space before the first key, ``colon`` what stands between the first key and its value,
    ``between`` what stands between the first two members; empty where there are not that many.
    ``marked`` has the requested members in the order of the text.
    """

    open: int
    end: int
    count: int = 0
    lead: str = ""
    colon: str = ""
    between: str = ""
    marked: Dict[str, Member] = field(default_factory=dict)


def usual_layout(text: bytes, start: int, names: Tuple[str, ...]) -> Optional[Tuple[int, Tuple[bytes, ...]]]:
    """Return ``end``, and ``lead``, ``colon`` and ``between``, of an object of the usual form.

    It does in little time what :func:`layout_of` does; None where the object has another form or one of the members.
    """
    usual = _usual.match(text)
    if usual is None or _may_have(names, text):
        return None
    end = len(text) - 1
    if text[end - 1] <= _BLANK:
        end = len(text[:-1].rstrip(b" \t\n\r"))
    return start + end, usual.group(1, 2, 3)


def layout_of(text: str, start: int, names: Tuple[str, ...]) -> Layout:
    """Return the layout of a complete, valid object.

    :param text: from its brace to its end.
    :param start: the byte offset of the brace.
    :param names: the members to mark.
    """
    usual = usual_layout(text.encode(), start, names)
    if usual is None:
        return _measured(text, start, names)
    end, spaces = usual
    lead, colon, between = (each.decode() for each in spaces)
    return Layout(start + 1, end, 2, lead, colon, between)


@lru_cache(maxsize=16)
def _commonprefix(names: Tuple[str, ...]) -> bytes:
    return commonprefix(list(names)).encode()


def _may_have(names: Tuple[str, ...], text: bytes) -> bool:
    if _commonprefix(names) in text and any(name.encode() in text for name in names):
        return True
    return _BACKSLASH in text and b"\\u00" in text and _escaped_letter.search(text) is not None


def _measured(text: str, start: int, names: Tuple[str, ...]) -> Layout:
    at = _past(_space, text, 1)
    layout = Layout(start + 1, start + 1, 0, text[1:at])
    found: List[Tuple[str, List[int]]] = []
    before = 1
    while text[at] != "}":
        key = at
        name, key_end = _decoder.raw_decode(text, at)
        value = _past(_colon, text, key_end)
        _unused, value_end = _decoder.raw_decode(text, value)
        after = value_end
        at = _past(_space, text, value_end)
        if text[at] == ",":
            after = at + 1
            at = _past(_space, text, after)
            if layout.count == 0:
                layout.between = text[value_end:at]
        if layout.count == 0:
            layout.colon = text[key_end:value]
        if name in names:
            found.append((name, [before, key, key_end, value, value_end, after]))
        before = value_end
        layout.count += 1
    offset = _Offsets(text, start)
    layout.marked = {name: Member(*map(offset, places)) for name, places in found}
    layout.end = offset(before)
    return layout


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


class _Offsets:
    """From an index into the text to the byte offset in the file."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        self._plain = text.isascii()

    def __call__(self, index: int) -> int:
        return self._start + (index if self._plain else len(self._text[:index].encode()))
