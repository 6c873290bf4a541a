# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a file forward as text, a chunk at a time, and map every index to its byte offset in the file."""

from __future__ import annotations

import codecs
import os
import re
from typing import Optional

CHUNK = 1 << 20
_space = re.compile(r"[ \t\n\r]*")
_word = re.compile(r"[-+.0-9A-Za-z_]*")


class TextReader:
    """``text[at:]`` is still to be read; what is before ``at`` is dropped when more is needed.

    :raises UnicodeDecodeError: from each method that reads on, where the file is not UTF-8.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._next = 0
        # The byte offset of one index; those behind it are counted from here.
        self._marked = (0, 0)
        self.text = ""
        self.at = 0
        self.ended = False
        self.more()

    def more(self) -> bool:
        """Drop what is before ``at`` and read on; False at the end of the file. ``at`` is 0 afterwards."""
        self._marked = (0, self.offset(self.at))
        rest = self.text[self.at :]
        block = b"" if self.ended else os.pread(self._descriptor, max(CHUNK, len(rest)), self._next)
        self._next += len(block)
        self.ended = not block
        self.text = rest + self._decoder.decode(block, self.ended)
        self.at = 0
        self._plain = self.text.isascii()
        return not self.ended

    def offset(self, index: int) -> int:
        """The offset in the file, in bytes, of an index into ``text``."""
        if not self.text:
            return self._marked[1]
        marked, offset = self._marked
        if self._plain:
            return offset + index - marked
        if index < marked:
            return offset - len(self.text[index:marked].encode())
        offset += len(self.text[marked:index].encode())
        self._marked = (index, offset)
        return offset

    @property
    def ascii_base(self) -> Optional[int]:
        """What an index has to be added to for its offset, as long as ``text`` is the same; None if not ASCII only."""
        return self._marked[1] - self._marked[0] if self._plain else None

    @property
    def read(self) -> int:
        """How far in the file reading has come, in bytes."""
        return self._next

    def char(self) -> str:
        """The character at ``at``, or an empty string at the end of the file."""
        while self.at == len(self.text):
            if not self.more():
                return ""
        return self.text[self.at]

    def space(self) -> str:
        """Move past white space, and return the character there, or an empty string at the end of the file."""
        while True:
            self.at = _end(_space, self.text, self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def word_is_whole(self) -> bool:
        """Whether the number or literal at ``at`` ends before this stretch does."""
        return self.ended or _end(_word, self.text, self.at) < len(self.text)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
