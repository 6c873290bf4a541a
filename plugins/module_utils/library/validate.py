# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find violations of strict JSON (RFC 8259) in a file, with line and column.

Reading continues where the meaning of the rest is clear (a duplicate key, NaN, an extra comma)
and stops elsewhere. Nesting needs no recursion, numbers have no limit, memory use stays small.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO, Callable, Dict, List, Optional, Set, Tuple, cast

from ..storage.replace import open_regular
from .value_parser import Refused, ValueParser
from .window import NUMBER, SCALAR, SPACE, STRING, VALUE, Window, decoded_key, end_of, escape, plain, shown, word

MAX_DEPTH = 200_000
READERS_DEPTH = 500
BOM = b"\xef\xbb\xbf"

_members = re.compile(rb"(" + STRING + rb")" + SPACE + rb":" + SPACE + VALUE)
_member = re.compile(SPACE + _members.pattern + SPACE + rb"[,}]")
_opening = re.compile(SPACE + rb"(?=[{\[])")
_behind = re.compile(SPACE + rb"[,\]]")
_plain_element = re.compile(SPACE + SCALAR + SPACE + rb"[,\]]")
_number = re.compile(NUMBER)
_surrogate = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_any_surrogate = re.compile(rb"\\u[dD][89a-fA-F]")
_LITERALS = (b"true", b"false", b"null")
_CONSTANTS = (b"NaN", b"Infinity", b"-Infinity", b"+Infinity")
_QUOTE, _BACKSLASH, _COMMA, _COLON = 0x22, 0x5C, 0x2C, 0x3A
_OPEN = {0x7B: "object", 0x5B: "list"}
_CLOSE = {0x7D: "object", 0x5D: "list"}

_State = Optional[Callable[[], Any]]


def find_problems(path: str, limit: int = 100, *, warnings: bool = True) -> List[Dict[str, Any]]:
    """Return the first ``limit`` problems of the file in order; an empty list means strict JSON.

    Each is ``{"kind", "severity": "error"|"warning", "line", "column", "message"}``, line and column from 1,
    the column in characters. Warnings (``byte-order-mark``, ``lone-surrogate``, ``deep``) are JSON that some
    readers refuse; with ``warnings`` false they are left out, and do not count.
    """
    with open_regular(path) as file:
        return _Checker(cast(BinaryIO, file), limit, warnings).run()


class _Checker:
    """A state machine over one file: each state is a method that reads on and returns the next."""

    def __init__(self, file: BinaryIO, limit: int, warnings: bool) -> None:
        self._window = Window(file, keep_invalid=limit)
        self._value_parser = ValueParser(self._window, _without_duplicates)
        self._limit = limit
        self._warnings = warnings
        self._found: List[Dict[str, Any]] = []
        self._open = bytearray()
        self._keys: List[Set[bytes]] = []

    def run(self) -> List[Dict[str, Any]]:
        state: _State = self._start()
        while state is not None and len(self._found) < self._limit:
            self._window.ready()
            state = state()
        self._window.drop()
        for offset, line, column, byte in self._window.invalid:
            message = f"the byte 0x{byte:02x} is not UTF-8 here"
            self._found.append(_problem(offset, line, column, "encoding", message))
        self._found.sort(key=lambda problem: problem["offset"])
        return [{name: value for name, value in p.items() if name != "offset"} for p in self._found[: self._limit]]

    def _start(self) -> _State:
        window = self._window
        window.ready()
        other = _other_encoding(window.data[:4])
        if other:
            return self._stop("encoding", f"the file is {other}, JSON is UTF-8")
        if window.data.startswith(BOM):
            self._note(
                "byte-order-mark", "the file starts with a byte order mark, which some readers refuse", 0, "warning"
            )
            window.skip_mark(len(BOM))
        if window.skip_space() < 0:
            return self._stop("empty", "the file is empty")
        return self._value

    def _value(self) -> _State:
        return self._any_value(self._window.skip_space())

    def _first_element(self) -> _State:
        byte = self._window.skip_space()
        return self._close(byte) if byte == 0x5D else self._element()

    def _element(self) -> _State:
        """A value of a list, at its start: runs of plain values and of whole objects are read at full speed."""
        window, data, pos = self._window, self._window.data, self._window.pos
        while True:
            opening = _opening.match(data, pos)
            end = self._sound(data, opening.end()) if opening else -1
            match = _behind.match(data, end) if end >= 0 else _plain_element.match(data, pos)
            if not match:
                break
            window.pos = pos = match.end()
            if data[pos - 1] != _COMMA:
                return self._closed()
        byte = window.skip_space()
        if byte == 0x5D:
            self._note("trailing-comma", "a comma before the end of the list")
            return self._close(byte)
        return self._any_value(byte)

    def _sound(self, data: bytes, begin: int) -> int:
        """Return the end of the object or list that starts here if it is flawless, else -1."""
        parsed = self._value_parser.at(begin)
        if parsed is None:
            return -1
        end = parsed[1]
        text = data[begin:end]
        deep = len(self._open) + text.count(b"{") + text.count(b"[") > READERS_DEPTH
        # The parser accepts lone surrogates, and treats "ä" and "\u00e4" as different keys.
        if deep or (b"\\u" in text and (not text.isascii() or _any_surrogate.search(text))):
            self._value_parser.not_before(end)
            return -1
        return end

    def _first_member(self) -> _State:
        byte = self._window.skip_space()
        return self._close(byte) if byte == 0x7D else self._named()

    def _named(self) -> _State:
        """A member of an object, at its key."""
        window, data, pos = self._window, self._window.data, self._window.pos
        while True:
            match = _member.match(data, pos)
            if not match:
                break
            self._know(match.group(1), match.start(1))
            window.pos = pos = match.end()
            if data[pos - 1] != _COMMA:
                return self._closed()
        return self._odd_member(window.skip_space())

    def _odd_member(self, byte: int) -> _State:
        window = self._window
        if byte == 0x7D:
            self._note("trailing-comma", "a comma before the end of the object")
            return self._close(byte)
        if byte != _QUOTE:
            return self._expected("a key in double quotes", byte)
        begin, end = self._string()
        if end < 0:
            return self._truncated()
        self._know(window.data[begin:end], begin)
        window.pos = end
        byte = window.skip_space()
        if byte != _COLON:
            return self._expected("a colon after the key", byte)
        window.pos += 1
        return self._value

    def _know(self, quoted: bytes, at: int) -> None:
        keys, key = self._keys[-1], decoded_key(quoted)
        if key in keys:
            self._note("duplicate-key", f'duplicate key "{shown(key)}" in one object', at)
        keys.add(key)

    def _next(self) -> _State:
        """Continue after a value, depending on the enclosing object or list."""
        window = self._window
        byte = window.skip_space()
        if not self._open:
            garbage = f"more text after the JSON value: {self._here()}" if byte >= 0 else ""
            return self._stop("trailing-garbage", garbage) if garbage else None
        if byte == _COMMA:
            window.pos += 1
            return self._named if self._open[-1] == 0x7B else self._element
        if byte in _CLOSE:
            return self._close(byte)
        return self._expected(f"a comma or the end of the {_OPEN[self._open[-1]]}", byte)

    def _any_value(self, byte: int) -> _State:
        window = self._window
        if byte in _OPEN:
            return self._opened(byte)
        if byte == _QUOTE:
            window.pos = end = self._string()[1]
            return self._truncated() if end < 0 else self._next
        while _end_of_word(window) == len(window.data) and window.fill():
            pass
        end = _end_of_word(window)
        found = window.data[window.pos : end]
        if found in _CONSTANTS:
            self._note("not-a-number", f"{found.decode()} is not a JSON value")
        elif found[:1] in b"-+.0123456789" and found:
            if _number.fullmatch(found) is None:
                self._note("number", f"{shown(found)} is not written as a JSON number")
        elif found not in _LITERALS:
            return self._expected("a value", byte)
        window.pos = end
        return self._next

    def _opened(self, byte: int) -> _State:
        self._open.append(byte)
        depth = len(self._open)
        if depth > MAX_DEPTH:
            return self._stop("deep", f"nested deeper than {MAX_DEPTH} levels")
        if depth == READERS_DEPTH + 1:
            self._note(
                "deep", f"nested deeper than {READERS_DEPTH} levels, which many readers refuse", severity="warning"
            )
        self._window.pos += 1
        if byte == 0x5B:
            return self._first_element
        self._keys.append(set())
        return self._first_member

    def _close(self, byte: int) -> _State:
        if _CLOSE[byte] != _OPEN[self._open[-1]]:
            return self._expected(f"the end of the {_OPEN[self._open[-1]]}", byte)
        self._window.pos += 1
        return self._closed()

    def _closed(self) -> _State:
        if self._open.pop() == 0x7B:
            self._keys.pop()
        return self._next

    def _string(self) -> Tuple[int, int]:
        """Return begin and end of the string at ``pos``, of any length; the end is -1 if the file ends first."""
        window = self._window
        at, reported = window.pos + 1, False
        while True:
            at = end_of(plain, window.data, at)
            if len(window.data) - at < 12 and not window.ended:
                at -= window.pos
                window.fill()
                continue
            byte = window.data[at] if at < len(window.data) else -1
            if byte == _QUOTE:
                return window.pos, at + 1
            if byte < 0 or (byte == _BACKSLASH and at + 1 == len(window.data)):
                return window.pos, -1
            if byte == _BACKSLASH:
                at += self._escape(at)
            else:
                if not reported:
                    self._note("control-character", f"the control character 0x{byte:02x} inside a string", at)
                reported = True
                at += 1

    def _escape(self, at: int) -> int:
        """Return the length of the escape at ``at``, and note an invalid one."""
        data = self._window.data
        match = escape.match(data, at)
        if match:
            return match.end() - at
        if _surrogate.match(data, at):
            self._note("lone-surrogate", f"{shown(data[at : at + 6])} is half of a character", at, "warning")
            return 6
        self._note("escape", f"{shown(data[at : at + 2])} is not a JSON escape", at)
        return 2

    def _note(self, kind: str, message: str, at: Optional[int] = None, severity: str = "error") -> None:
        if severity == "warning" and not self._warnings:
            return
        window = self._window
        at = window.pos if at is None else at
        line, column = window.place(at)
        self._found.append(_problem(window.start + at, line, column, kind, message, severity))

    def _stop(self, kind: str, message: str) -> _State:
        self._note(kind, message)
        return None

    def _expected(self, what: str, byte: int) -> _State:
        if byte < 0:
            return self._truncated()
        return self._stop("syntax", f"expected {what}, found {self._here()}")

    def _truncated(self) -> _State:
        inside = f" inside an unfinished {_OPEN[self._open[-1]]}" if self._open else ""
        self._window.pos = len(self._window.data)
        return self._stop("truncated", f"the file ends{inside}")

    def _here(self) -> str:
        window = self._window
        end = max(_end_of_word(window), window.pos + 1)
        while end < len(window.data) and window.data[end] & 0xC0 == 0x80:
            end += 1
        return f'"{shown(window.data[window.pos : end])}"'


def _problem(offset: int, line: int, column: int, kind: str, message: str, severity: str = "error") -> Dict[str, Any]:
    return {
        "offset": offset,
        "kind": kind,
        "severity": severity,
        "line": line,
        "column": column,
        "message": message,
    }


def _end_of_word(window: Window) -> int:
    return end_of(word, window.data, window.pos)


def _without_duplicates(pairs: List[Tuple[str, Any]]) -> None:
    if len({name for name, _unused in pairs}) != len(pairs):
        raise Refused


def _other_encoding(head: bytes) -> Optional[str]:
    """Return the encoding that the first four bytes reveal, if JSON does not allow it."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    zeros = bytes(byte == 0 for byte in head)
    if zeros in (b"\0\1\1\1", b"\1\1\1\0"):
        return "UTF-32"
    if zeros in (b"\0\1\0\1", b"\1\0\1\0", b"\0\1", b"\1\0"):
        return "UTF-16"
    return "full of zero bytes" if head and not any(head) else None
