# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read JSON text forward through a sliding window, so a library of any size needs a few megabytes."""

from __future__ import annotations

import json
import re
from typing import BinaryIO, List, Tuple

BLOCK = 1 << 20
LOW = 1 << 16
SPACE = rb"[ \t\n\r]*"
# Escapes are bounded, because a repeated group uses memory for each repetition.
# Lone surrogates are excluded, so they are found one by one.
_ESCAPE = (
    rb'\\(?:["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    rb"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_PLAIN = rb'[^"\\\x00-\x1f]*'
STRING = rb'"' + _PLAIN + rb"(?:" + _ESCAPE + _PLAIN + rb'){0,99}"'
NUMBER = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
SCALAR = rb"(?:" + STRING + rb"|" + NUMBER + rb"|true|false|null)"
_LIST = rb"\[" + SPACE + rb"(?:" + SCALAR + SPACE + rb"(?:," + SPACE + SCALAR + SPACE + rb"){0,99})?\]"
# A value that holds no object: none of its parts can be an item.
VALUE = rb"(?:" + SCALAR + rb"|" + _LIST + rb")"

escape = re.compile(_ESCAPE)
plain = re.compile(_PLAIN)
_space = re.compile(SPACE)
_in_string = re.compile(rb'[^"\\]*(?:\\.[^"\\]*){0,99}', re.DOTALL)
_QUOTE, _BACKSLASH = 0x22, 0x5C
word = re.compile(rb"[-+.0-9A-Za-z_]*")


class Window:
    """The bytes from ``pos`` on are still to be read; those before it are dropped when more are needed.

    ``invalid`` collects the places (offset, line, column, byte) that are not UTF-8.

    :param places: whether lines and ``invalid`` are needed; without them :meth:`place` is unavailable.
    """

    def __init__(self, file: BinaryIO, *, keep_invalid: int = 100, places: bool = True) -> None:
        self._file = file
        self._keep_invalid = keep_invalid
        self._places = places
        self._line = 1
        self._column = 0
        self.data = b""
        self.pos = 0
        self.start = 0
        self.ended = False
        self.invalid: List[Tuple[int, int, int, int]] = []
        self.fill()

    def fill(self) -> bool:
        """Drop what was read and read on; False at the end of the file. ``pos`` is 0 afterwards."""
        self.drop()
        block = b"" if self.ended else self._file.read(max(BLOCK, len(self.data)))
        self.ended = not block
        self.data += block
        return bool(block)

    def drop(self) -> None:
        """Forget the bytes before ``pos``."""
        if self._places:
            self._count(self.data[: self.pos])
        self.data = self.data[self.pos :]
        self.start += self.pos
        self.pos = 0

    def skip_mark(self, length: int) -> None:
        """Move past a byte order mark, which takes no column."""
        self.pos += length
        self.drop()
        self._column = 0

    def ready(self) -> None:
        """Read ahead, as far as the file has more bytes."""
        while len(self.data) - self.pos < LOW and not self.ended:
            self.fill()

    def skip_space(self) -> int:
        """Move past white space; returns the byte there, or -1 at the end of the file."""
        length = self.over_space(0)  # may move pos
        self.pos += length
        return self.byte(0)

    def ahead(self, begin: int, end: int) -> bytes:
        """The bytes from ``begin`` to ``end`` places ahead."""
        return self.data[self.pos + begin : self.pos + end]

    def byte(self, at: int) -> int:
        """The byte ``at`` places ahead, -1 behind the end of the file."""
        while self.pos + at >= len(self.data):
            if not self.fill():
                return -1
        return self.data[self.pos + at]

    def over_space(self, at: int) -> int:
        """How far ahead the white space that starts ``at`` places ahead ends."""
        while True:
            at = end_of(_space, self.data, self.pos + at) - self.pos
            if self.pos + at < len(self.data) or not self.fill():
                return at

    def over_string(self, at: int) -> int:
        """How far ahead the string that starts ``at`` places ahead ends; -1 where there is none, or no end."""
        if self.byte(at) != _QUOTE:
            return -1
        at += 1
        while True:
            at = end_of(_in_string, self.data, self.pos + at) - self.pos
            byte = self.byte(at)
            if byte == _QUOTE:
                return at + 1
            if byte < 0 or self.byte(at + 1) < 0:
                return -1
            if byte == _BACKSLASH:
                at += 2

    def place(self, at: int) -> Tuple[int, int]:
        """Line and column, both from 1 and the column in characters, of the index ``at`` into ``data``."""
        before = self.data[:at]
        lines = before.count(b"\n")
        column = _characters(before[before.rfind(b"\n") + 1 :])
        return self._line + lines, column + 1 + (0 if lines else self._column)

    def _count(self, passed: bytes) -> None:
        """Count the lines, and check that they are UTF-8."""
        self._check(passed)
        lines = passed.count(b"\n")
        self._line += lines
        self._column = _characters(passed[passed.rfind(b"\n") + 1 :]) + (0 if lines else self._column)

    def _check(self, passed: bytes) -> None:
        at = 0
        while len(self.invalid) < self._keep_invalid:
            try:
                passed[at:].decode("utf-8")
                return
            except UnicodeDecodeError as error:
                wrong = at + error.start
                self.invalid.append((self.start + wrong, *self.place(wrong), passed[wrong]))
                at += error.end


def end_of(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where a match of ``pattern`` at ``at`` ends; ``at`` itself when there is none."""
    match = pattern.match(data, at)
    return match.end() if match else at


def _characters(data: bytes) -> int:
    return len(data) if data.isascii() else len(data.decode("utf-8", "replace"))


def decoded_key(quoted: bytes) -> bytes:
    """A key as written, quotes and all, with its escapes resolved: two spellings of one name become equal."""
    if b"\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(json.loads(quoted.decode("utf-8", "replace"), strict=False)).encode("utf-8", "surrogatepass")
    except ValueError:
        return quoted[1:-1]


def shown(data: bytes, length: int = 40) -> str:
    """Return bytes of the document as short text that is safe in a message."""
    text = data[: 4 * length].decode("utf-8", "replace")
    return repr(text[:length])[1:-1] + ("…" if len(text) > length else "")
