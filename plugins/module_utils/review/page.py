# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The review queue as one HTML page that needs nothing beside itself: no script, no network."""

from __future__ import annotations

import base64
import hashlib
import html
from collections import Counter
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from ..text import printable
from .queue import Queue
from .row import picture_cell, row, text
from .style import STYLE
from .words import reason

# Reasons that are explained and can be filtered by; a migration knows fewer.
_MOST_REASONS = 25


class Facts(NamedTuple):
    """What the page says beside the queue. ``notes`` are sentences; ``made_with`` says how the library was migrated."""

    library: str
    threshold: float
    made_with: str
    notes: Sequence[str]


class _Page(NamedTuple):
    queue: Queue
    facts: Facts
    classes: Dict[str, str]
    rows: List[str]
    pictured: bool


def as_html(queue: Queue, facts: Facts, thumbnails: Optional[Iterable[Optional[str]]], limit: int) -> bytes:
    """The page; the same input gives the same bytes.

    :param thumbnails: for each entry its picture as a ``data:`` URI or None; None for a page without pictures.
    :param limit: the most entries that are listed; the page says when there are more.
    """
    counts = Counter(code for entry in queue.entries for code in dict.fromkeys(entry.reasons))
    classes = {code: f"r{number}" for number, (code, _unused) in enumerate(_by_count(counts)[:_MOST_REASONS])}
    shown = queue.entries[:limit]
    if thumbnails is None:
        cells: Iterable[str] = ("" for _unused in shown)
    else:
        cells = (picture_cell(entry, uri) for entry, uri in zip(shown, thumbnails))
    rows = [row(entry, cell, facts.threshold, classes) for entry, cell in zip(shown, cells)]
    page = _Page(queue, facts, classes, rows, thumbnails is not None)
    parts = [*_head(page), *_opening(queue, facts)]
    if queue.entries:
        parts += [*_why(counts), *_listing(page, counts)]
    else:
        parts += _nothing(queue)
    parts += ["</main>", *_footer(facts), "</body>", "</html>", ""]
    return "\n".join(parts).encode("utf-8")


def _by_count(counts: Counter[str]) -> List[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _head(page: _Page) -> Iterator[str]:
    queue, facts = page.queue, page.facts
    filters = "".join(
        f"main:has(#{name}:checked) .queue tbody tr:not(.{name}) {{ display: none; }}\n"
        for name in page.classes.values()
    )
    style = STYLE + filters
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield '<meta name="robots" content="noindex">'
    library = html.escape(printable(facts.library, 80))
    yield f"<title>Review queue of {library}: {len(queue.entries):,} of {queue.items:,} items</title>"
    yield f"<style>{style}</style>"
    yield "</head>"


def _opening(queue: Queue, facts: Facts) -> Iterator[str]:
    entries = queue.entries
    without = sum(entry.dhash is None for entry in entries)
    yield "<body>"
    yield '<a class="skip" href="#queue">Skip to the queue</a>'
    yield "<header>"
    yield '<p class="kicker">dHash review queue</p>'
    yield f"<h1>{text(facts.library)}</h1>"
    if entries:
        yield (
            f'<p class="lede">{_items(len(entries))} of {queue.items:,} need a look: the confidence in their dHash is'
            f" below {facts.threshold:g}. The least sure come first.</p>"
        )
    yield '<dl class="figures">'
    for name, value in (
        ("To review", f"{len(entries):,}"),
        ("With a weak dHash", f"{len(entries) - without:,}"),
        ("With no dHash", f"{without:,}"),
        ("Items in the library", f"{queue.items:,}"),
    ):
        yield f"<div><dt>{name}</dt><dd>{value}</dd></div>"
    yield "</dl>"
    for note in facts.notes:
        yield f'<p class="note">{html.escape(printable(note, None))}</p>'
    yield "</header>"
    yield "<main>"


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _why(counts: Counter[str]) -> Iterator[str]:
    yield '<section aria-labelledby="why">'
    yield '<h2 id="why">Why they are here</h2>'
    yield '<div class="sheet"><table class="why" role="table">'
    yield "<caption>Each reason, how many items have it, and what helps.</caption>"
    yield from _heads(["Reason", "Items", "What it means", "What helps"])
    yield '<tbody role="rowgroup">'
    for code, count in _by_count(counts)[:_MOST_REASONS]:
        words = reason(code)
        yield (
            f'<tr role="row"><th scope="row" role="rowheader">{html.escape(words.title)}</th>'
            f'<td role="cell" >{count:,}</td>'
            f'<td role="cell">{html.escape(words.meaning)}</td><td role="cell">{html.escape(words.remedy)}</td></tr>'
        )
    yield "</tbody></table></div></section>"


def _listing(page: _Page, counts: Counter[str]) -> Iterator[str]:
    total = len(page.queue.entries)
    yield '<section aria-labelledby="queue">'
    yield '<h2 id="queue">The queue</h2>'
    if len(page.classes) > 1:
        yield '<fieldset class="filter"><legend>Show</legend>'
        yield '<input type="radio" name="reason" id="all" checked>'
        yield f'<label for="all">All <small>{total:,}</small></label>'
        for code, name in page.classes.items():
            yield f'<input type="radio" name="reason" id="{name}">'
            yield f'<label for="{name}">{html.escape(reason(code).title)} <small>{counts[code]:,}</small></label>'
        yield "</fieldset>"
    plain = "" if page.pictured else " plain"
    yield f'<div class="sheet"><table class="queue{plain}" role="table">'
    caption = f"Lowest confidence first. The mark on each bar is the threshold, {page.facts.threshold:g}."
    if len(page.rows) < total:
        caption += f" These are the first {len(page.rows):,} of {total:,}; the CSV and JSON exports have all."
    yield f"<caption>{caption}</caption>"
    heads = [*(["Picture"] if page.pictured else []), "Item", "Confidence", "dHash", "Why"]
    yield from _heads(heads)
    yield '<tbody role="rowgroup">'
    yield from page.rows
    yield "</tbody></table></div></section>"


def _heads(names: Sequence[str]) -> Iterator[str]:
    cells = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in names)
    yield f'<thead role="rowgroup"><tr role="row">{cells}</tr></thead>'


def _footer(facts: Facts) -> Iterator[str]:
    yield "<footer>"
    if facts.made_with:
        yield f"<p>{html.escape(printable(facts.made_with, None))}</p>"
    yield (
        "<p>A dHash is 64 comparisons of neighbouring greys in a picture of 9 by 8 pixels. The small square draws"
        " them: filled where the right neighbour is brighter. Confidence, from 0 to 1, is how far they stand clear of"
        " noise.</p>"
    )
    yield "</footer>"


def _nothing(queue: Queue) -> Iterator[str]:
    yield '<section class="sheet empty" aria-labelledby="queue">'
    if queue.unmigrated == queue.items:
        yield '<h2 id="queue">Nothing can be said yet</h2>'
        yield '<p class="soft">No item of this library has been migrated.</p>'
    else:
        yield _TICK
        yield '<h2 id="queue">Nothing to review</h2>'
        yield '<p class="soft">No item has a confidence below the threshold.</p>'
    yield "</section>"


_TICK = (
    '<svg viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="20"/><path d="M15 25l6.5 6.5L34 18"/></svg>'
)
