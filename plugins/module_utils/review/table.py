# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review queue as CSV (RFC 4180) and as JSON."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from ..library.reviewed import Review
from ..pages.spreadsheet import as_csv as written
from ..pages.spreadsheet import cell
from .queue import Entry, Queue
from .reasons import reason

COLUMNS = (
    *("pointer", "id", "name", "image", "dhash", "confidence", "reasons", "reasons_in_words"),
    # Filled in by people, read by review_apply.
    *("decision", "comment", "by", "key"),
)


def as_csv(queue: Queue) -> bytes:
    """UTF-8 with CRLF; text that a spreadsheet would take for a formula starts with an apostrophe."""
    return written([COLUMNS, *(_row(entry) for entry in queue.entries)])


def as_json(queue: Queue, threshold: float, sha256: str = "") -> bytes:
    """ASCII; every text as the library has it, of any length.

    :param sha256: of the library.
    """
    document = {
        "library": {"sha256": sha256 or None},
        "threshold": threshold,
        "items": queue.items,
        "unmigrated": queue.unmigrated,
        "queue": [_entry(entry) for entry in queue.entries],
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def _entry(entry: Entry) -> Dict[str, Any]:
    """An entry with its decision, null where there is none yet: ``review_apply`` reads it when it is filled in."""
    review = entry.review
    facts = {name: value for name, value in entry._asdict().items() if name != "review"}
    return {
        **facts,
        "reasons_in_words": [reason(code).title for code in entry.reasons],
        "decision": review.decision if review else None,
        "comment": review.comment if review else "",
        "by": review.by if review else "",
    }


def _row(entry: Entry) -> List[str]:
    words = "; ".join(reason(code).title for code in entry.reasons)
    review = entry.review or Review("", "", "")
    texts = [entry.pointer, entry.id, entry.name, entry.image or "", entry.dhash or ""]
    return [
        *(cell(text) for text in texts),
        f"{entry.confidence:.3f}",
        cell(" ".join(entry.reasons)),
        cell(words),
        *(cell(text) for text in (review.decision, review.comment, review.by)),
        entry.key,
    ]
