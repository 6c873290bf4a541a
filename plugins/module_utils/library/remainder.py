# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a library without the members that a module owns, which must be equal before and after an edit.

A member is removed with exactly the bytes that inserting it adds, so the rest can be compared byte for byte: after
another member, from the end of that member's value to the end of its own; as the first one, from the brace to the comma
after it; as the only one, including the white space of the object.
"""

from __future__ import annotations

import json
import re
from typing import (
    Any,
    BinaryIO,
    Callable,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

from .fields import BLOCK
from .records import END, Frame, NotJson, Owned, Record
from .selectors import Steps
from .value_parser import ValueParser
from .window import SCALAR, SPACE, STRING, VALUE, Window, decoded_key, end_of, shown, word

PIECE = 1 << 16
#: Longer items, in bytes, need a closer look.
SHORT = 1 << 15

_member = re.compile(
    rb"(" + SPACE + rb"(" + STRING + rb")" + SPACE + rb":" + SPACE + rb"(" + VALUE + rb"))(" + SPACE + rb"[,}])"
)
_escaped_letter = re.compile(rb"\\u00[5-7]")
_scalar = re.compile(SCALAR)
_no_bracket = re.compile(rb'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*){0,99}"[^"{}\[\]]*){0,99}', re.DOTALL)
_BLOCK = frozenset([BLOCK.encode()])
_NONE: FrozenSet[bytes] = frozenset()
_BRACE, _BRACKET, _QUOTE, _COMMA, _COLON = 0x7B, 0x5B, 0x22, 0x2C, 0x3A


def _owned_patterns(names: Sequence[str]) -> Tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """An owned member that is the first one of its object; one behind another, with what has to go with it."""
    key = rb'"(' + b"|".join(re.escape(name.encode()) for name in names) + rb')"' + SPACE + rb":" + SPACE
    return re.compile(rb"\{" + SPACE + key), re.compile(rb"," + SPACE + key + rb"(" + VALUE + rb")")


class Remainder:
    """The remaining text of one file, in records; pieces of text end at the same places no matter what was removed.

    :param owned: the members of an item to remove.
    :param block: whether to remove the document's block.
    """

    def __init__(
        self, file: BinaryIO, paths: Sequence[Steps], image_key: str, owned: Sequence[str], *, block: bool = True
    ) -> None:
        self.names = tuple(owned)
        self._owned = frozenset(name.encode() for name in owned)
        self._block = _BLOCK if block else _NONE
        self._first_owned, self._later_owned = _owned_patterns(self.names)
        self.window = Window(file, places=False)
        self.parser = ValueParser(self.window)
        self._image_key = image_key.encode("utf-8", "surrogatepass")
        self._frames: List[Frame] = []
        self._records: List[Record] = []
        self._text = bytearray()
        self._marks: List[Tuple[int, int]] = [(0, 0)]
        self._rests: Sequence[Steps] = paths
        self._pointer = ""
        self._depth = 0
        self._captured: Optional[bytearray] = None
        self._key = b""
        #: The document's block when the file was read, if it has one and it is owned.
        self.block: Optional[bytes] = None
        self._state: Optional[Callable[[], None]] = self._start

    def records(self) -> Iterator[Record]:
        """All records of the file; raises NotJson where the text is not JSON."""
        while self._state is not None:
            self.window.ready()
            self._state()
            if len(self._text) >= PIECE:
                self._cut(PIECE)
            if self._records:
                yield from self._records
                self._records.clear()
        self._cut(1)
        yield from self._records

    def _start(self) -> None:
        if self.window.data.startswith(b"\xef\xbb\xbf"):
            self._take(3)
        self._take(self.window.over_space(0))
        self._open(root=True)

    def _first_element(self) -> None:
        self._take(self.window.over_space(0))
        if self.window.byte(0) == END[_BRACKET]:
            self._state = self._after
        else:
            self._element()

    def _element(self) -> None:
        """An element of a list, white space before it included."""
        if () in self._rests:
            self._cut(1)
            self._records.append(Record("element", [(0, self._here())]))
            self._state = self._this_element
        else:
            self._this_element()

    def _this_element(self) -> None:
        self._take(self.window.over_space(0))
        self._open()

    @property
    def holders(self) -> List[str]:
        """The members that would hold further items, were the next element an object."""
        return [rest[0] for rest in self._rests if rest and rest[0] is not None]

    def passed(self, count: int, *, last: bool) -> None:
        """Called when ``window.pos`` was moved past so many elements and, unless ``last``, the comma behind them."""
        frame = self._frames[-1]
        frame.index += count - 1
        self._marks = [(0, self._here())]
        if last:
            self._state = self._after
        else:
            self._enter(frame)

    def pointer_of(self, further: int) -> str:
        """The JSON pointer of an element so many further on in the list."""
        frame = self._frames[-1]
        return f"{frame.pointer}/{frame.index - 1 + further}"

    def _open(self, root: bool = False) -> None:
        """Step into a value when items can be in it, else pass it whole."""
        kind = self.window.byte(0)
        item = kind == _BRACE and () in self._rests
        inside = [rest for rest in self._rests if rest and (rest[0] is None) == (kind == _BRACKET)]
        if kind not in END or not (item or inside or (root and kind == _BRACE)):
            self._state = self._whole
            return
        if item:
            self._cut(1)
            self._records.append(Record("item", [(0, self._here())], pointer=self._pointer))
        owned = (self._owned if item else _NONE) | (self._block if root and kind == _BRACE else _NONE)
        frame = Frame(kind, self._pointer, inside, owned, item)
        self._frames.append(frame)
        self._take(1)
        self._state = self._member
        if kind == _BRACKET:
            self._enter(frame)
            self._state = self._first_element

    def _enter(self, frame: Frame) -> None:
        """Be at the next element of a list."""
        self._rests = frame.rests_inside
        self._pointer = f"{frame.pointer}/{frame.index}"
        frame.index += 1

    def without_owned(self, item: bytes, value: Dict[str, Any]) -> Optional[Tuple[bytes, Owned]]:
        """Return a short object without its owned members, and those members; None if it needs a closer look.

        :param value: the parsed item, to distinguish its own members from those of nested objects.
        """
        if not value or len(item) > SHORT or self._first_owned.match(item):
            return None
        if b"\\u00" in item and _escaped_letter.search(item):
            return None
        parts = self._later_owned.split(item)
        names = [name for name in self.names if name in value]
        owned = dict(zip(parts[1::3], parts[2::3]))
        if 3 * len(names) + 1 != len(parts) or owned.keys() != {name.encode() for name in names}:
            return None
        text = b"".join([*(part.rstrip(b" \t\n\r") for part in parts[:-1:3]), parts[-1]])
        if owned and item.find(b"{", 1) >= 0:
            # Nested objects may use the same names; the match is right if the rest parses to the other members.
            rest = {name: value[name] for name in value if name not in names}
            if self.parser.value(text) != rest:
                return None
        return text, owned

    def _member(self) -> None:
        """Pass members whose values contain no object at full speed; the first other one takes the slow path."""
        window, frame, text = self.window, self._frames[-1], self._text
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
                frame.holds |= key in frame.holders and value.startswith(b"[")
            frame.separator = behind
            pos = match.end()
            if data[pos - 1] != _COMMA:
                window.pos = pos - len(behind)
                self._state = self._after
                return

    def _long_member(self) -> None:
        frame = self._frames[-1]
        begin = self.window.over_space(0)
        if self.window.byte(begin) == frame.end and not frame.separator:
            self._state = self._after
            return
        behind_key = self._over_string(begin)
        key = decoded_key(self.window.ahead(begin, behind_key))
        colon = self.window.over_space(behind_key)
        if self.window.byte(colon) != _COLON:
            raise NotJson(self._here() + colon, "no colon after the key")
        behind = self.window.over_space(colon + 1)
        self._state = self._whole
        if key in frame.owned:
            self.window.pos += behind
            self._captured, self._key = bytearray(), key
            return
        self._text += frame.separator if frame.kept else b""
        frame.kept = True
        frame.pictured |= key == self._image_key
        self._take(behind)
        name = key.decode("utf-8", "replace")
        self._rests = [rest[1:] for rest in frame.rests if rest[0] == name]
        self._pointer = f"{frame.pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        frame.holds |= bool(self._rests) and self.window.byte(0) in END
        self._open()

    def _after(self) -> None:
        """After a value: a comma, the end of what holds it, or the end of the file."""
        if not self._frames:
            self._state = self._rest
            return
        frame = self._frames[-1]
        at = self.window.over_space(0)
        byte = self.window.byte(at)
        behind = self.window.ahead(0, at + 1)
        if byte not in (_COMMA, frame.end):
            raise NotJson(self._here() + at, "no comma and no end")
        self.window.pos += at + 1
        if frame.kind == _BRACE and byte == _COMMA:
            frame.separator = behind
            self._state = self._member
            return
        self._text += behind if frame.kept or not frame.owned else b"}"
        if byte == _COMMA:
            self._enter(frame)
            self._state = self._element
        else:
            self._close()

    def _close(self) -> None:
        frame = self._frames.pop()
        if not self._frames:
            self.block = frame.values.get(BLOCK.encode())
        if frame.item:
            self._cut(1)
            holder = frame.holds and not frame.pictured
            marks = [(0, self._here())]
            self._records.append(Record("end", marks, b"", frame.pointer, frame.values, holder))
        self._state = self._after

    def _rest(self) -> None:
        self._take(len(self.window.data) - self.window.pos)
        if self.window.ended:
            self._state = None

    def _whole(self) -> None:
        """Pass a value that cannot contain items, or an owned value."""
        byte = self.window.byte(0)
        if byte in END:
            self._depth = 0
            self._state = self._nested
            return
        if byte == _QUOTE:
            self._take(self._over_string(0))
        else:
            while end_of(word, self.window.data, self.window.pos) == len(self.window.data) and self.window.fill():
                pass
            length = end_of(word, self.window.data, self.window.pos) - self.window.pos
            if not _scalar.fullmatch(self.window.ahead(0, length)):
                raise NotJson(self._here(), "not a JSON value")
            self._take(length)
        self._passed()

    def _nested(self) -> None:
        """Continue through an object or list, within the window."""
        window = self.window
        while True:
            self._take(end_of(_no_bracket, window.data, window.pos) - window.pos)
            byte = window.data[window.pos] if window.pos < len(window.data) else -1
            if byte == _QUOTE:
                self._take(self._over_string(0))
            elif byte >= 0:
                self._take(1)
                self._depth += 1 if byte in END else -1
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

    def _own(self, frame: Frame, key: bytes, value: bytes, behind: int) -> None:
        if key in frame.values:
            raise NotJson(behind, f'duplicate key "{shown(key)}"')
        frame.values[key] = value
        self._marks.append((len(self._text), behind))

    def _cut(self, least: int) -> None:
        """Turn the text so far into records, whole pieces only unless ``least`` is 1."""
        while len(self._text) >= least:
            record = Record("text", [mark for mark in self._marks if mark[0] < PIECE], bytes(self._text[:PIECE]))
            self._records.append(record)
            self._marks = [(index - PIECE, at) for index, at in self._marks if index > PIECE]
            self._marks.insert(0, (0, record.offset(PIECE)))
            del self._text[:PIECE]
        if not self._text:
            self._marks = [(0, self._here())]

    def _take(self, length: int) -> None:
        window = self.window
        sink = self._text if self._captured is None else self._captured
        sink += window.data[window.pos : window.pos + length]
        window.pos += length

    def _here(self) -> int:
        return self.window.start + self.window.pos

    def _over_string(self, at: int) -> int:
        end = self.window.over_string(at)
        if end < 0:
            raise NotJson(self._here() + at, "not a complete string in double quotes")
        return end
