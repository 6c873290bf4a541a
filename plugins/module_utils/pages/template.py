# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML templates with named parts, in which every value is escaped unless it is HTML already."""

from __future__ import annotations

import html
import re
from string import Template
from typing import Dict, Iterable, Union

from ..text import printable

#: What a reader can be shown of one text.
LONGEST = 240
_part = re.compile(r"^<!-- part: ([a-z-]+) -->\n", re.MULTILINE)


class Html(str):
    """HTML that is safe to insert as it is. All other text is escaped where it is inserted."""


class Parts:
    """The parts of one template, which ``<!-- part: NAME -->`` lines separate; ``$name`` marks a place for a value."""

    def __init__(self, source: str) -> None:
        pieces = _part.split(source)
        self._parts: Dict[str, Template] = {
            name: Template(text[:-1] if text.endswith("\n") else text) for name, text in zip(pieces[1::2], pieces[2::2])
        }

    def fill(self, part: str, **values: Union[str, int]) -> Html:
        """A part with its values.

        :raises KeyError: there is no such part, or a value is missing.
        """
        return Html(self._parts[part].substitute({name: _inserted(value) for name, value in values.items()}))


def join(pieces: Iterable[str], between: str = "") -> Html:
    """Pieces of HTML, or of text to escape, one after another."""
    return Html(between.join(_inserted(piece) for piece in pieces))


def text(value: str, longest: int = LONGEST) -> Html:
    """Text from a library: escaped, bounded, controls made visible, and with its writing direction kept to itself."""
    return Html(f"<bdi>{html.escape(printable(value, longest))}</bdi>")


def _inserted(value: Union[str, int]) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, Html) else html.escape(printable(value, None))
