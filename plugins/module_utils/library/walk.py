# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a document along selectors: each item is parsed on its own, everything else is skipped.

Values that are too deep or too long for the parser are skipped too; the strict reader checks them.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Callable, Dict, Generator, Iterator, NoReturn, Optional, Sequence, Set, Tuple

from .fields import BLOCK, OWNED
from .layout import SPACE, Layout, Member, layout_of
from .selectors import Steps
from .text_reader import TextReader

#: Longer values, in characters, are skipped instead of parsed.
LONGEST = 8 << 20
_LEAF: Tuple[Steps, ...] = ((),)
# From the end of an object in a list to the next one.
_next_object = re.compile(SPACE + "," + SPACE + r"(?=\{)")
#: After elements that are not flat, the fast path is retried with exponential backoff up to this many elements.
_LONGEST_PAUSE = 64
# These match anywhere, so a match that ends before the chunk does is final.
_opened = re.compile(r"\{" + SPACE)
_colon = re.compile(SPACE + "(:?)" + SPACE)
_comma = re.compile(SPACE + r"([,\]}]?)" + SPACE)
_word = re.compile(r"[-+.0-9A-Za-z_]*")
_no_bracket = re.compile(r'[^"{}\[\]]*')
_in_string = re.compile(r'[^"\\]*')


class NotParsed(Exception):
    """The text at ``offset`` cannot be read as JSON, or an object has a key twice."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class _Refused(Exception):
    """A value that the parser accepts but strict JSON does not."""


class Item:
    """One object that stands for one image.

    ``pointer`` is its JSON pointer, ``start`` the byte offset of its brace. ``value`` is the object without values that
    are too deep or too long to parse, and without lists of further items. ``text`` is the source, or empty if it
    was not read in one piece. ``outermost`` is the offset of the outermost possible item that contains this one,
    or its own.
    """

    __slots__ = ("pointer", "value", "start", "outermost", "text", "_layout")

    def __init__(
        self,
        pointer: str,
        value: Dict[str, Any],
        start: int,
        outermost: Optional[int],
        text: str,
        layout: Optional[Layout] = None,
    ) -> None:
        self.pointer = pointer
        self.value = value
        self.start = start
        self.outermost = start if outermost is None else outermost
        self.text = text
        self._layout = layout

    @property
    def layout(self) -> Layout:
        """Its layout, with the members of ``OWNED`` marked."""
        if self._layout is None:
            self._layout = layout_of(self.text, self.start, OWNED)
        return self._layout


def _without_duplicates(pairs: Sequence[Tuple[str, Any]]) -> Dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused
    return value


def _no_constant(_unused: str) -> NoReturn:
    raise _Refused


_decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
_decode = _decoder.raw_decode
#: What ``raw_decode`` calls: the scanner that is written in C.
_scan: Callable[[str, int], Tuple[Any, int]] = vars(_decoder)["scan_once"]


class Walk:
    """One pass over the text.

    :param check: called before a part is skipped without parsing; raises if the file is not strict JSON.
    """

    def __init__(self, text: TextReader, selectors: Sequence[Steps], image_key: str, check: Callable[[], None]) -> None:
        self._text = text
        self._selectors = tuple(selectors)
        self._image_key = image_key
        self._check = check
        #: Layout of the root object, None for another root; complete after the walk.
        self.root: Optional[Layout] = None
        #: Byte offset of the last item that was yielded, or of a later one inside it.
        self.reached = 0
        self.ended = False
        #: The migration's block, when the root object has one.
        self.block: Any = None

    def items(self) -> Iterator[Item]:
        """The items, in the order in which they end.

        :raises NotParsed: the text is not JSON.
        """
        text = self._text
        if text.char() == "\ufeff":
            text.at += 1
        if text.space() == "{":
            yield from self._object(self._selectors, "", None, root=True)
        else:
            yield from self._enter(self._selectors, "", None)
        if text.space():
            self._fail()
        self.ended = True

    def _enter(self, rests: Tuple[Steps, ...], pointer: str, outermost: Optional[int]) -> Iterator[Item]:
        """A value in which items may be, or which may be one."""
        char = self._text.char()
        if char == "[" and any(rest and rest[0] is None for rest in rests):
            yield from self._list(tuple(rest[1:] for rest in rests if rest and rest[0] is None), pointer, outermost)
        elif char == "{" and any(not rest or rest[0] is not None for rest in rests):
            item = self._leaf(pointer, outermost) if rests == _LEAF else None
            if item is not None:
                yield item
            else:
                yield from self._object(rests, pointer, outermost)
        else:
            self._value()

    def _list(self, rests: Tuple[Steps, ...], pointer: str, outermost: Optional[int]) -> Iterator[Item]:
        text = self._text
        text.at += 1
        index = 0
        if text.space() == "]":
            text.at += 1
            return
        holders = tuple(rest[0] for rest in rests if rest)
        pause, paused = 0, 0
        while True:
            if () in rests and not paused:
                reached = yield from self._flat(pointer, index, holders, outermost)
                pause = paused = 0 if reached > index else min(2 * pause + 1, _LONGEST_PAUSE)
                index = reached
            else:
                paused = max(0, paused - 1)
            yield from self._enter(rests, f"{pointer}/{index}", outermost)
            if self._separator("]")[0] == "]":
                return
            index += 1

    def _flat(
        self, pointer: str, index: int, holders: Sequence[Optional[str]], outermost: Optional[int]
    ) -> Generator[Item, None, int]:
        """Objects of a list, each parsed by one call, up to the first element that takes more than that.

        :param index: of the element at ``text.at``; afterwards the returned one is there.
        :param holders: members that would hold further items.
        """
        reader = self._text
        text, at, base = reader.text, reader.at, reader.ascii_base
        if not text.startswith("{", at):
            return index
        while True:
            try:
                value, end = _scan(text, at)
            except (_Refused, ValueError, StopIteration, RecursionError):
                return index
            separator = _next_object.match(text, end)
            if separator is None or (holders and any(isinstance(value.get(name), (list, dict)) for name in holders)):
                return index
            self.reached = start = reader.offset(at) if base is None else base + at
            yield Item(f"{pointer}/{index}", value, start, outermost, text[at:end])
            reader.at = at = separator.end()
            index += 1

    def _leaf(self, pointer: str, outermost: Optional[int]) -> Optional[Item]:
        """An object that holds no further items, or None when it cannot be parsed in one go."""
        value, end = self._parse_value()
        if end < 0:
            return None
        text = self._text
        begin, text.at = text.at, end
        self.reached = start = text.offset(begin)
        return Item(pointer, value, start, outermost, text.text[begin:end])

    def _object(
        self, rests: Tuple[Steps, ...], pointer: str, outermost: Optional[int], root: bool = False
    ) -> Iterator[Item]:
        text = self._text
        start = text.offset(text.at)
        names = (BLOCK,) if root else OWNED
        candidate = () in rests
        if candidate and outermost is None:
            outermost = start
        layout = self._opened(start, root)
        value: Dict[str, Any] = {}
        keys: Set[str] = set()
        holds = False
        ended = text.char() == "}"
        text.at += ended
        while not ended:
            before = layout.end
            name, key, key_end, begin = self._key(layout, keys)
            inside = tuple(rest[1:] for rest in rests if rest and rest[0] == name)
            if inside and text.char() in ("[", "{"):
                holds = True
                yield from self._enter(inside, f"{pointer}/{_escaped(name)}", outermost)
            else:
                value[name] = self._value()
            ended, after = self._ended_member(layout)
            if name in names:
                layout.marked[name] = Member(before, key, key_end, begin, layout.end, after)
            if not candidate and name != BLOCK:
                value.pop(name, None)
        if root:
            self.block = value.get(BLOCK)
        # An object that only holds items and has no image of its own is not an item.
        if candidate and (self._image_key in value or not holds):
            self.reached = max(self.reached, start)
            yield Item(pointer, value, start, outermost, "", layout)

    def _opened(self, start: int, root: bool) -> Layout:
        match = self._matched(_opened)
        self._text.at = match.end()
        layout = Layout(start + 1, start + 1, lead=match.group()[1:])
        if root:
            self.root = layout
        return layout

    def _ended_member(self, layout: Layout) -> Tuple[bool, int]:
        """Move past what follows a value: whether that was the end of the object, and the offset behind the comma."""
        layout.end = after = self._text.offset(self._text.at)
        char, between = self._separator("}")
        if char == ",":
            after += between.index(",") + 1
            if not layout.count:
                layout.between = between
        layout.count += 1
        return char == "}", after

    def _key(self, layout: Layout, keys: Set[str]) -> Tuple[str, int, int, int]:
        """A key, its two offsets, and the offset of its value, where ``text.at`` is afterwards."""
        text = self._text
        if text.char() != '"':
            self._fail()
        name, end = self._parse_value(longest=sys.maxsize)
        if end < 0 or name in keys:
            self._fail()
        keys.add(name)
        key = text.offset(text.at)
        text.at = end
        key_end = text.offset(end)
        colon = self._matched(_colon)
        if not colon.group(1):
            self._fail()
        text.at = colon.end()
        if not layout.count:
            layout.colon = colon.group()
        return name, key, key_end, text.offset(text.at)

    def _separator(self, closing: str) -> Tuple[str, str]:
        """Move past the comma with all white space around it, or past the closing bracket; return it, and all."""
        match = self._matched(_comma)
        char = match.group(1)
        if char == ",":
            self._text.at = match.end()
        elif char == closing:
            self._text.at = match.end(1)
        else:
            self._fail()
        return char, match.group()

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str]:
        text = self._text
        while True:
            match = pattern.match(text.text, text.at)
            if match is None:
                self._fail()
            if match.end() < len(text.text) or text.ended:
                return match
            text.more()

    def _value(self) -> Any:
        """Move past a value, and return it, or None where it cannot be parsed."""
        text = self._text
        char = text.char()
        while char not in '"[{' and not text.word_is_whole():
            text.more()
        value, end = self._parse_value()
        if end >= 0:
            text.at = end
            return value
        if char == '"':
            self._pass_string()
        elif char and char in "[{":
            self._pass_nested()
        else:
            self._pass_word()
        return None

    def _parse_value(self, longest: Optional[int] = None) -> Tuple[Any, int]:
        """The value at ``at`` and the index behind it, which is -1 where it is too much for the parser."""
        text = self._text
        while True:
            try:
                return _decode(text.text, text.at)
            except (_Refused, json.JSONDecodeError) as error:
                if isinstance(error, _Refused) or text.ended:
                    self._fail()
                if not text.at:
                    # Not just the end of the chunk: from here on, the file must be known to be valid.
                    self._check()
                    if len(text.text) > (longest or LONGEST):
                        return None, -1
                text.more()
            except (RecursionError, ValueError):
                self._check()
                return None, -1

    def _pass_word(self) -> None:
        text = self._text
        while not text.word_is_whole():
            text.more()
        text.at = _past(_word, text)

    def _pass_string(self) -> None:
        text = self._text
        text.at += 1
        while True:
            text.at = _past(_in_string, text)
            char = text.char()
            if char == '"':
                text.at += 1
                return
            if char == "\\":
                text.at += 1
                char = text.char()
                text.at += 1
            if not char:
                self._fail()

    def _pass_nested(self) -> None:
        text = self._text
        depth = 0
        while True:
            text.at = _past(_no_bracket, text)
            char = text.char()
            if char == '"':
                self._pass_string()
            elif not char:
                self._fail()
            elif char in "[]{}":
                text.at += 1
                depth += 1 if char in "[{" else -1
                if not depth:
                    return

    def _fail(self) -> NoReturn:
        raise NotParsed(self._text.offset(self._text.at))


def _past(pattern: re.Pattern[str], text: TextReader) -> int:
    match = pattern.match(text.text, text.at)
    return match.end() if match else text.at


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
