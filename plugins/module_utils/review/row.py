# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One item of the review page: its picture, its names, how sure its dHash is, and why."""

from __future__ import annotations

import html
from typing import Dict, Iterator, Optional

from ..text import printable
from .queue import Entry
from .words import LONGEST, reason


def text(value: str, longest: int = LONGEST) -> str:
    """Text of the library as HTML: no markup, no controls, bounded, with its direction kept to itself."""
    return f"<bdi>{html.escape(printable(value, longest))}</bdi>"


def row(entry: Entry, picture: str, threshold: float, classes: Dict[str, str]) -> str:
    """The table row of an entry.

    :param picture: the cell of the picture, empty for a page without pictures.
    :param classes: reason code -> the class that the filters know it by.
    """
    kinds = " ".join(classes[code] for code in dict.fromkeys(entry.reasons) if code in classes)
    cells = [
        picture,
        f'<th scope="row" role="rowheader" class="item">{_names(entry)}</th>',
        f'<td role="cell" class="sure {_level(entry, threshold)}">{_confidence(entry.confidence, threshold)}</td>',
        f'<td role="cell" class="hash">{_dhash(entry.dhash)}</td>',
        f'<td role="cell" class="why-here">{"".join(_reasons(entry))}</td>',
    ]
    return f'<tr role="row" class="{kinds}">{"".join(cells)}</tr>'


def picture_cell(entry: Entry, uri: Optional[str]) -> str:
    """The cell with the picture, or with a word in its place."""
    if uri is None:
        inside = '<span class="tile bare">no picture to show</span>'
    else:
        name = html.escape(printable(_title(entry), 80), quote=True)
        inside = f'<span class="tile"><img src="{uri}" alt="Picture of {name}" loading="lazy" decoding="async"></span>'
    return f'<td role="cell" class="picture">{inside}</td>'


def _title(entry: Entry) -> str:
    return entry.name or entry.id or entry.pointer


def _names(entry: Entry) -> str:
    facts = [("Path", entry.image)] if entry.image is not None else []
    if entry.name and entry.id:
        facts.insert(0, ("Id", entry.id))
    if entry.name or entry.id:
        facts.append(("In file", entry.pointer))
    lines = "".join(f"<dt>{name}</dt><dd><code>{text(value or '')}</code></dd>" for name, value in facts)
    return f'<span class="name">{text(_title(entry), 120)}</span>' + (
        f'<dl class="facts">{lines}</dl>' if lines else ""
    )


def _level(entry: Entry, threshold: float) -> str:
    if entry.dhash is None:
        return "none"
    return "low" if entry.confidence < threshold / 2 else "near"


def _confidence(value: float, threshold: float) -> str:
    return (
        f'<span class="value">{value:.2f}</span>'
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="3"/>'
        f'<rect class="fill" width="{100 * value:.1f}" height="8" rx="3"/>'
        f'<rect class="mark" x="{100 * threshold - 0.8:.1f}" y="-3" width="1.6" height="14"/></svg>'
    )


def _dhash(dhash: Optional[str]) -> str:
    if dhash is None:
        return '<span class="soft">no dHash</span>'
    bits = f"{int(dhash, 16):064b}"
    squares = "".join(f"M{place % 8} {place // 8}h1v1h-1z" for place, bit in enumerate(bits) if bit == "1")
    drawing = f'<svg class="bits" viewBox="0 0 8 8" aria-hidden="true"><path d="{squares}"/></svg>'
    return f'{drawing}<span class="mono">{dhash}</span>'


def _reasons(entry: Entry) -> Iterator[str]:
    for code in dict.fromkeys(entry.reasons):
        words = reason(code)
        yield f'<div class="reason"><b>{html.escape(words.title)}</b><span>{html.escape(words.meaning)}</span></div>'
    if not entry.reasons:
        yield '<span class="soft">The library gives no reason.</span>'
