# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review queue as one self-contained HTML page. Its script records decisions."""

from __future__ import annotations

import json
from collections import Counter
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from ..pages import review_css, review_js
from ..pages.frame import count_row, page
from ..pages.template import Html, join, text
from .queue import Queue
from .reasons import reason
from .row import PAGE, picture_cell, row

# Reasons with an explanation and a filter; a migration has fewer.
_MOST_REASONS = 25
# Rows that a browser lays out together; review.css has their height.
_BLOCK = 25


class Facts(NamedTuple):
    """The page's text beside the queue. ``notes`` are sentences; ``made_with`` describes the migration.

    ``sha256`` is of the library; without it the page does not accept decisions.
    """

    library: str
    threshold: float
    made_with: str
    notes: Sequence[str]
    sha256: str = ""


class _Page(NamedTuple):
    queue: Queue
    facts: Facts
    classes: Dict[str, str]
    rows: List[Html]
    pictured: bool


def as_html(queue: Queue, facts: Facts, thumbnails: Optional[Iterable[Optional[str]]], limit: int) -> bytes:
    """The page; the same input gives the same bytes.

    :param thumbnails: for each entry its picture as a ``data:`` URI or None; None for a page without pictures.
    :param limit: the most entries that are listed; the page notes when there are more.
    """
    counts = Counter(code for entry in queue.entries for code in dict.fromkeys(entry.reasons))
    classes = {code: f"r{number}" for number, (code, _unused) in enumerate(_by_count(counts)[:_MOST_REASONS])}
    shown = queue.entries[:limit]
    if thumbnails is None:
        cells: Iterable[Html] = (Html("") for _unused in shown)
    else:
        cells = (picture_cell(entry, uri) for entry, uri in zip(shown, thumbnails))
    rows = [row(entry, cell, facts.threshold, classes) for entry, cell in zip(shown, cells)]
    content = _Page(queue, facts, classes, rows, thumbnails is not None)
    decides = bool(rows and facts.sha256)
    body = [_opening(content), *_body(content, counts), _closing(facts, decides=decides)]
    title = f"Review queue of {facts.library[:80]}: {len(queue.entries):,} of {queue.items:,} items"
    return page(title, body, review_css.SOURCE, review_js.SOURCE if decides else "", _filters(content))


def _by_count(counts: Counter[str]) -> List[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _filters(content: _Page) -> str:
    """Return CSS for the filter by reason without script, which filters by itself because ``:has`` is slow."""
    return "".join(
        f"main:has(#{name}:checked) .queue tbody tr:not(.{name}) {{ display: none; }}\n"
        for name in content.classes.values()
    )


def _opening(content: _Page) -> Html:
    queue, facts = content.queue, content.facts
    count = len(queue.entries)
    without = sum(entry.dhash is None for entry in queue.entries)
    lede = (
        f"{_items(count)} of {queue.items:,} need review: the confidence in their dHash is below {facts.threshold:g}."
    )
    numbers = [("To review", count), ("With a weak dHash", count - without), ("With no dHash", without)]
    numbers += [("Reviewed and settled", queue.settled)] if queue.settled else []
    library = json.dumps({"name": facts.library[:200], "sha256": facts.sha256})
    return PAGE.fill(
        "opening",
        library=text(facts.library),
        lede=PAGE.fill("lede", lede=lede) if count else Html(""),
        counts=count_row([*numbers, ("Items in the library", queue.items)]),
        notes=join(PAGE.fill("note", note=note) for note in facts.notes),
        facts=library,
    )


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _body(content: _Page, counts: Counter[str]) -> List[Html]:
    queue = content.queue
    if not queue.entries:
        return [PAGE.fill("unmigrated" if queue.unmigrated == queue.items else "nothing")]
    return [_why(counts), _listing(content, counts)]


def _why(counts: Counter[str]) -> Html:
    rows = []
    for code, count in _by_count(counts)[:_MOST_REASONS]:
        words = reason(code)
        rows.append(PAGE.fill("why-row", title=words.title, count=count, meaning=words.meaning, remedy=words.remedy))
    return PAGE.fill("why", rows=join(rows, "\n"))


def _listing(content: _Page, counts: Counter[str]) -> Html:
    total = len(content.queue.entries)
    caption = f"Lowest confidence first. The mark on each bar is the threshold, {content.facts.threshold:g}."
    if len(content.rows) < total:
        caption += f" These are the first {len(content.rows):,} of {total:,}; the CSV and JSON exports have all."
    blocks = [
        PAGE.fill("rows", rows=join(content.rows[start : start + _BLOCK], "\n"))
        for start in range(0, len(content.rows), _BLOCK)
    ]
    names = [*(["Picture"] if content.pictured else []), "Item", "Confidence", "dHash", "Why"]
    return PAGE.fill(
        "queue",
        filter=_filter(content, counts) if len(content.classes) > 1 else Html(""),
        plain="" if content.pictured else " plain",
        caption=caption,
        heads=join(PAGE.fill("head", name=name) for name in names),
        rows=join(blocks, "\n"),
    )


def _filter(content: _Page, counts: Counter[str]) -> Html:
    reasons = (
        PAGE.fill("filter-reason", name=name, title=reason(code).title, count=counts[code])
        for code, name in content.classes.items()
    )
    return PAGE.fill("filter", total=len(content.queue.entries), reasons=join(reasons))


def _closing(facts: Facts, *, decides: bool) -> Html:
    return PAGE.fill(
        "closing",
        made_with=PAGE.fill("made-with", made_with=facts.made_with) if facts.made_with else Html(""),
        sha256=PAGE.fill("library-hash", sha256=facts.sha256) if facts.sha256 else Html(""),
        tools=PAGE.fill("tools") if decides else Html(""),
    )
