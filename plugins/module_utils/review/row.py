# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One item of the review page: its picture, its names, how sure its dHash is, and why."""

from __future__ import annotations

import json
from typing import Dict, Optional

from ..pages import review_html
from ..pages.frame import bits
from ..pages.template import Html, Parts, join, text
from ..text import printable
from .queue import Entry
from .reasons import describe_decision, reason

PAGE = Parts(review_html.SOURCE)
_LONGEST_IMAGE = 1000


def row(entry: Entry, picture: Html, threshold: float, classes: Dict[str, str]) -> Html:
    """The table row of an entry.

    :param picture: the cell of the picture, empty for a page without pictures.
    :param classes: reason code -> the class that the filters know it by.
    """
    # The dHash identifies an item whose image name is too long.
    image = entry.image if len(entry.image or "") <= _LONGEST_IMAGE else None
    facts = {"pointer": entry.pointer, "dhash": entry.dhash, "image": image}
    return PAGE.fill(
        "row",
        kinds=" ".join(classes[code] for code in dict.fromkeys(entry.reasons) if code in classes),
        facts=json.dumps(facts),
        picture=picture,
        name=text(_title(entry), 120),
        about=_about(entry),
        level=_level(entry, threshold),
        confidence=_confidence(entry.confidence, threshold),
        hash=_hash(entry.dhash),
        reasons=_reasons(entry),
        review=_review(entry),
    )


def picture_cell(entry: Entry, uri: Optional[str]) -> Html:
    """The cell with the picture, or with a word in its place."""
    tile = PAGE.fill("no-tile") if uri is None else PAGE.fill("tile", uri=uri, name=printable(_title(entry), 80))
    return PAGE.fill("picture", tile=tile)


def _title(entry: Entry) -> str:
    return entry.name or entry.id or entry.pointer


def _about(entry: Entry) -> Html:
    facts = [("Path", entry.image)] if entry.image is not None else []
    if entry.name and entry.id:
        facts.insert(0, ("Id", entry.id))
    if entry.name or entry.id:
        facts.append(("In file", entry.pointer))
    lines = join(PAGE.fill("about-line", name=name, value=text(value or "")) for name, value in facts)
    return PAGE.fill("about", lines=lines) if lines else Html("")


def _level(entry: Entry, threshold: float) -> str:
    if entry.dhash is None:
        return "none"
    return "low" if entry.confidence < threshold / 2 else "near"


def _confidence(value: float, threshold: float) -> Html:
    mark = f"{100 * threshold - 0.8:.1f}"
    return PAGE.fill("confidence", value=f"{value:.2f}", fill=f"{100 * value:.1f}", mark=mark)


def _hash(dhash: Optional[str]) -> Html:
    return PAGE.fill("no-hash") if dhash is None else PAGE.fill("hash", bits=bits(dhash), dhash=dhash)


def _reasons(entry: Entry) -> Html:
    words = [reason(code) for code in dict.fromkeys(entry.reasons)]
    if not words:
        return PAGE.fill("no-reason")
    return join(PAGE.fill("reason", title=each.title, meaning=each.meaning) for each in words)


def _review(entry: Entry) -> Html:
    """An earlier decision that leaves the item in the queue."""
    review = entry.review
    if review is None:
        return Html("")
    by = f"by {review.by or 'an unknown person'}, {review.at}"
    comment = text(f": {review.comment}") if review.comment else Html("")
    return PAGE.fill("review", decision=describe_decision(review.decision), by=text(by), comment=comment)
