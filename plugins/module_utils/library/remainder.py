# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A library's text without the members that the migration owns: what must be the same before and after.

A member is taken out with exactly what putting it in adds, so that the rest can be compared byte for byte:
after another member, all from the end of that member's value to the end of its own; as the first one, all
from the brace to the comma behind it; as the only one, the white space of the object too.
"""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .fields import BLOCK
from .selectors import Steps
from .value_parser import ValueParser
from .window import SCALAR, SPACE, STRING, VALUE, Window, decoded_key, end_of, shown, word

PIECE = 1 << 16
_SHORT = 1 << 15
_LEAF: List[Tuple[Optional[str], ...]] = [()]

_member = re.compile(
    rb"(" + SPACE + rb"(" + STRING + rb")" + SPACE + rb":" + SPACE + rb"(" + VALUE + rb"))(" + SPACE + rb"[,}])"
)
_object = re.compile(SPACE + rb"(?=\{)")
_behind = re.compile(SPACE + rb"[,\]]")
_escaped_letter = re.compile(rb"\\u00[5-7]")
_scalar = re.compile(SCALAR)
_no_bracket = re.compile(rb'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*){0,99}"[^"{}\[\]]*){0,99}', re.DOTALL)
_BLOCK = frozenset([BLOCK.encode()])
_NONE: FrozenSet[bytes] = frozenset()
_BRACE, _BRACKET, _QUOTE, _COMMA, _COLON = 0x7B, 0x5B, 0x22, 0x2C, 0x3A
_END = {_BRACE: 0x7D, _BRACKET: 0x5D}


class Record(NamedTuple):
    """``text``: a piece of the stripped text; ``item`` and ``end``: where an item starts and ends.

    ``marks`` are pairs (index into ``text``, offset in the file), one for each stretch without a gap;
    ``owned`` holds the raw values taken out of the item; ``holder`` is true for an object that only holds further
    items and names no image of its own: nothing in it is the migration's.
    """

    kind: str
    marks: Sequence[Tuple[int, int]]
    text: bytes = b""
    pointer: str = ""
    owned: Dict[bytes, bytes] = {}
    holder: bool = False

    def offset(self, index: int) -> int:
        """Where in the file the byte ``index`` of the text is."""
        mark, offset = max(mark for mark in self.marks if mark[0] <= index)
        return offset + index - mark


def _owned_patterns(names: Sequence[str]) -> Tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """An owned member that is the first one of its object; one behind another, with what has to go with it."""
    key = rb'"(' + b"|".join(re.escape(name.encode()) for name in names) + rb')"' + SPACE + rb":" + SPACE
    return re.compile(rb"\{" + SPACE + key), re.compile(rb"," + SPACE + key + rb"(" + VALUE + rb")")


class NotJson(Exception):
    """The text is no JSON at ``at``."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class _Frame:
    """An object or list that is open."""

    def __init__(self, kind: int, pointer: str, rests: Sequence[Steps], owned: FrozenSet[bytes], item: bool) -> None:
        self.kind = kind
        self.end = _END[kind]
        self.pointer = pointer
        self.rests = rests
        self.rests_inside = [rest[1:] for rest in rests]
        self.owned = owned
        self.item = item
        self.values: Dict[bytes, bytes] = {}
        self.separator = b""
        self.kept = False
        self.index = 0
        self.holds = False
        self.pictured = False


class Remainder:
    """The stripped text of one file, in records; pieces of text end at the same places whatever was taken out.

    :param owned: the members of an item that are taken out.
    :param block: whether the document's block is.
    """

    def __init__(
        self, file: BinaryIO, paths: Sequence[Steps], image_key: str, owned: Sequence[str], *, block: bool = True
    ) -> None:
        self._names = tuple(owned)
        self._owned = frozenset(name.encode() for name in owned)
        self._block = _BLOCK if block else _NONE
        self._first_owned, self._later_owned = _owned_patterns(self._names)
        self._window = Window(file)
        self._parsed = ValueParser(self._window)
        self._image_key = image_key.encode("utf-8", "surrogatepass")
        self._frames: List[_Frame] = []
        self._records: List[Record] = []
        self._text = bytearray()
        self._marks: List[Tuple[int, int]] = [(0, 0)]
        self._rests: Sequence[Steps] = paths
        self._pointer = ""
        self._depth = 0
        self._captured: Optional[bytearray] = None
        self._key = b""
        self._state: Optional[Callable[[], None]] = self._start

    def records(self) -> Iterator[Record]:
        """All records of the file; raises NotJson where the text is no JSON."""
        while self._state is not None:
            self._window.ready()
            self._state()
            if len(self._text) >= PIECE:
                self._cut(PIECE)
            if self._records:
                yield from self._records
                self._records.clear()
        self._cut(1)
        yield from self._records

    def _start(self) -> None:
        if self._window.data.startswith(b"\xef\xbb\xbf"):
            self._take(3)
        self._take(self._window.over_space(0))
        self._open(root=True)

    def _value(self) -> None:
        if self._rests == _LEAF and self._flat_items():
            return
        self._take(self._window.over_space(0))
        self._open()

    def _first_element(self) -> None:
        self._take(self._window.over_space(0))
        if self._window.byte(0) == _END[_BRACKET]:
            self._state = self._after
        else:
            self._open()

    def _open(self, root: bool = False) -> None:
        """Step into a value when items can be in it, else pass it whole."""
        kind = self._window.byte(0)
        item = kind == _BRACE and () in self._rests
        inside = [rest for rest in self._rests if rest and (rest[0] is None) == (kind == _BRACKET)]
        if kind not in _END or not (item or inside or (root and kind == _BRACE)):
            self._state = self._whole
            return
        if item:
            self._cut(1)
            self._records.append(Record("item", [(0, self._here())], pointer=self._pointer))
        owned = (self._owned if item else _NONE) | (self._block if root and kind == _BRACE else _NONE)
        frame = _Frame(kind, self._pointer, inside, owned, item)
        self._frames.append(frame)
        self._take(1)
        self._state = self._member
        if kind == _BRACKET:
            self._enter(frame)
            self._state = self._first_element

    def _enter(self, frame: _Frame) -> None:
        """Be at the next element of a list."""
        self._rests = frame.rests_inside
        self._pointer = f"{frame.pointer}/{frame.index}"
        frame.index += 1

    def _flat_items(self) -> bool:
        """Short items of a list, at full speed; True when the list ends with one."""
        window, frame = self._window, self._frames[-1]
        data = window.data
        while True:
            lead = _object.match(data, window.pos)
            parsed = self._parsed.at(lead.end()) if lead else None
            if lead is None or parsed is None:
                return False
            begin, (value, end) = lead.end(), parsed
            stripped = self._shortcut(data[begin:end], value)
            match = _behind.match(data, end)
            if match is None or stripped is None:
                self._parsed.not_before(end)
                return False
            self._text += lead.group()
            marks = ((0, window.start + begin),)
            window.pos = end
            self._cut(1)
            self._records += (
                Record("item", marks, b"", self._pointer),
                Record("text", marks, stripped[0]),
                Record("end", marks, b"", self._pointer, stripped[1]),
            )
            if data[match.end() - 1] != _COMMA:
                self._state = self._after
                return True
            self._take(match.end() - window.pos)
            self._enter(frame)

    def _shortcut(self, item: bytes, value: Dict[str, Any]) -> Optional[Tuple[bytes, Dict[bytes, bytes]]]:
        """A short object and the values taken out of it; None when that needs the long way.

        :param value: what the item is, to know its own members from those of objects in it.
        """
        if not value or len(item) > _SHORT or _escaped_letter.search(item) or self._first_owned.match(item):
            return None
        parts = self._later_owned.split(item)
        values = dict(zip(parts[1::3], parts[2::3]))
        names = [name for name in self._names if name in value]
        if 3 * len(values) + 1 != len(parts) or {name.encode() for name in names} != values.keys():
            return None
        kept = [part.rstrip(b" \t\n\r") for part in parts[:-1:3]]
        text = b"".join([*kept, parts[-1]])
        if values and item.find(b"{", 1) >= 0:
            # The same names may be inside of it: these are its own if the rest is what it has without them.
            rest = {name: value[name] for name in value if name not in names}
            if self._parsed.value(text) != rest:
                return None
        return text, values

    def _member(self) -> None:
        """Members whose values hold no object, at full speed; the first that is none of these goes the long way."""
        window, frame, text = self._window, self._frames[-1], self._text
        data, pos, owned = window.data, window.pos, frame.owned
        while True:
            match = _member.match(data, pos)
            if match is None:
                window.pos = pos
                self._state = self._long_member
                return
            member, quoted, value, behind = match.groups()
            key = decoded_key(quoted)
            if key in owned:
                self._own(frame, key, value, window.start + match.end(3))
            else:
                text += frame.separator + member if frame.kept else member
                frame.kept = True
                frame.pictured |= key == self._image_key
            frame.separator = behind
            pos = match.end()
            if data[pos - 1] != _COMMA:
                window.pos = pos - len(behind)
                self._state = self._after
                return

    def _long_member(self) -> None:
        frame = self._frames[-1]
        begin = self._window.over_space(0)
        if self._window.byte(begin) == frame.end and not frame.separator:
            self._state = self._after
            return
        behind_key = self._over_string(begin)
        key = decoded_key(self._window.ahead(begin, behind_key))
        colon = self._window.over_space(behind_key)
        if self._window.byte(colon) != _COLON:
            raise NotJson(self._here() + colon, "no colon after the key")
        behind = self._window.over_space(colon + 1)
        self._state = self._whole
        if key in frame.owned:
            self._window.pos += behind
            self._captured, self._key = bytearray(), key
            return
        self._text += frame.separator if frame.kept else b""
        frame.kept = True
        frame.pictured |= key == self._image_key
        self._take(behind)
        name = key.decode("utf-8", "replace")
        self._rests = [rest[1:] for rest in frame.rests if rest[0] == name]
        self._pointer = f"{frame.pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        frame.holds |= bool(self._rests) and self._window.byte(0) in _END
        self._open()

    def _after(self) -> None:
        """After a value: a comma, the end of what holds it, or the end of the file."""
        if not self._frames:
            self._state = self._rest
            return
        frame = self._frames[-1]
        at = self._window.over_space(0)
        byte = self._window.byte(at)
        behind = self._window.ahead(0, at + 1)
        if byte not in (_COMMA, frame.end):
            raise NotJson(self._here() + at, "no comma and no end")
        self._window.pos += at + 1
        if frame.kind == _BRACE and byte == _COMMA:
            frame.separator = behind
            self._state = self._member
            return
        self._text += behind if frame.kept or not frame.owned else b"}"
        if byte == _COMMA:
            self._enter(frame)
            self._state = self._value
        else:
            self._close()

    def _close(self) -> None:
        frame = self._frames.pop()
        if frame.item:
            self._cut(1)
            holder = frame.holds and not frame.pictured
            marks = [(0, self._here())]
            self._records.append(Record("end", marks, pointer=frame.pointer, owned=frame.values, holder=holder))
        self._state = self._after

    def _rest(self) -> None:
        self._take(len(self._window.data) - self._window.pos)
        if self._window.ended:
            self._state = None

    def _whole(self) -> None:
        """A value that no item can be in, or an owned one: passed as it is."""
        byte = self._window.byte(0)
        if byte in _END:
            self._depth = 0
            self._state = self._nested
            return
        if byte == _QUOTE:
            self._take(self._over_string(0))
        else:
            while end_of(word, self._window.data, self._window.pos) == len(self._window.data) and self._window.fill():
                pass
            length = end_of(word, self._window.data, self._window.pos) - self._window.pos
            if not _scalar.fullmatch(self._window.ahead(0, length)):
                raise NotJson(self._here(), "no JSON value")
            self._take(length)
        self._passed()

    def _nested(self) -> None:
        """On through an object or list, as far as the window reaches."""
        window = self._window
        while True:
            self._take(end_of(_no_bracket, window.data, window.pos) - window.pos)
            byte = window.data[window.pos] if window.pos < len(window.data) else -1
            if byte == _QUOTE:
                self._take(self._over_string(0))
            elif byte >= 0:
                self._take(1)
                self._depth += 1 if byte in _END else -1
                if not self._depth:
                    self._passed()
                    return
            elif window.ended:
                raise NotJson(self._here(), "the file ends inside a value")
            else:
                return

    def _passed(self) -> None:
        if self._captured is not None:
            value, self._captured = bytes(self._captured), None
            try:
                json.loads(value.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                raise NotJson(self._here(), f'"{shown(self._key)}": {error}') from error
            self._own(self._frames[-1], self._key, value, self._here())
        self._state = self._after

    def _own(self, frame: _Frame, key: bytes, value: bytes, behind: int) -> None:
        if key in frame.values:
            raise NotJson(behind, f'the key "{shown(key)}" is given twice')
        frame.values[key] = value
        self._marks.append((len(self._text), behind))

    def _cut(self, least: int) -> None:
        """Make records of the text so far, whole pieces only unless ``least`` is 1."""
        while len(self._text) >= least:
            record = Record("text", [mark for mark in self._marks if mark[0] < PIECE], bytes(self._text[:PIECE]))
            self._records.append(record)
            self._marks = [(index - PIECE, at) for index, at in self._marks if index > PIECE]
            self._marks.insert(0, (0, record.offset(PIECE)))
            del self._text[:PIECE]
        if not self._text:
            self._marks = [(0, self._here())]

    def _take(self, length: int) -> None:
        window = self._window
        sink = self._text if self._captured is None else self._captured
        sink += window.data[window.pos : window.pos + length]
        window.pos += length

    def _here(self) -> int:
        return self._window.start + self._window.pos

    def _over_string(self, at: int) -> int:
        end = self._window.over_string(at)
        if end < 0:
            raise NotJson(self._here() + at, "no whole string in double quotes")
        return end
