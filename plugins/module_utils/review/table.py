# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The review queue as CSV (RFC 4180) and as JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import List

from ..text import printable
from .queue import Entry, Queue
from .words import reason

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ("pointer", "id", "name", "image", "dhash", "confidence", "reasons", "reasons_in_words")


def as_csv(queue: Queue) -> bytes:
    """UTF-8 with CRLF; text that a spreadsheet would take for a formula starts with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_row(entry) for entry in queue.entries)
    return out.getvalue().encode("utf-8")


def as_json(queue: Queue, threshold: float) -> bytes:
    """ASCII; every text as the library has it, of any length."""
    document = {
        "threshold": threshold,
        "items": queue.items,
        "unmigrated": queue.unmigrated,
        "queue": [
            {**entry._asdict(), "reasons_in_words": [reason(code).title for code in entry.reasons]}
            for entry in queue.entries
        ],
    }
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def _row(entry: Entry) -> List[str]:
    words = "; ".join(reason(code).title for code in entry.reasons)
    texts = [entry.pointer, entry.id, entry.name, entry.image or "", entry.dhash or ""]
    return [
        *(_cell(text) for text in texts),
        f"{entry.confidence:.3f}",
        _cell(" ".join(entry.reasons)),
        _cell(words),
    ]


def _cell(text: str) -> str:
    # Judged before and after, since escaping may hide a leading tab from one of the two.
    shown = printable(text, None)
    return "'" + shown if text.startswith(_FORMULA) or shown.startswith(_FORMULA) else shown
