# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of reviewers' decisions: the page's JSON, or an export as JSON or CSV with a decision in its rows.

The JSON of the page has a schema, ``docs/review-decisions.schema.json``; the checks here are the same.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timezone
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Set, Tuple

from ..clock import parse_timestamp, timestamp
from ..errors import MobiusError
from ..json import is_whole, load_json
from ..library.fields import is_dhash
from ..library.reviewed import DECISIONS
from ..text import printable

FORMAT = "mobius.dhash/review-decisions"
VERSION = 1
MOST_BYTES = 64 << 20
LONGEST_NAME, LONGEST_COMMENT = 100, 1000
_COLUMNS = frozenset(("key", "decision"))


class Decision(NamedTuple):
    """One row of a file, at ``place``; ``key`` or ``pointer`` names the item, ``dhash`` is the reviewed one.

    ``at`` is empty if the file has no time.
    """

    place: str
    pointer: str
    key: str
    dhash: Optional[str]
    image: Optional[str]
    decision: str
    by: str
    at: str
    comment: str


class Decisions(NamedTuple):
    """``sha256`` is of the reviewed library, if the file has it."""

    rows: List[Decision]
    sha256: Optional[str]


def item_key(pointer: str, dhash: Optional[str], image: Optional[str]) -> str:
    """Return a key of an item as reviewed. Unlike some dHashes, spreadsheets do not convert it to a number."""
    parts = json.dumps([pointer, dhash, image]).encode("ascii")
    return "k" + hashlib.sha256(parts).hexdigest()[:20]


def parse(data: bytes, where: str) -> Decisions:
    """Read a file of decisions; rows of an export without a decision are skipped.

    :param where: the name of the file in messages.
    :raises MobiusError: the format is unknown, or it does not follow the schema.
    """
    if len(data) > MOST_BYTES:
        raise MobiusError(
            f"The decisions take more than {MOST_BYTES >> 20} MiB", where, "check the path of the file of decisions"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MobiusError("The decisions are not UTF-8", where, 'save the spreadsheet as "CSV UTF-8"') from error
    return _Json(where).parse(text) if text.lstrip()[:1] in ("{", "[") else _from_csv(text, where)


class _Json:
    def __init__(self, where: str) -> None:
        self._where = where

    def parse(self, text: str) -> Decisions:
        try:
            document = load_json(text, strict=True)
        except ValueError as error:
            raise MobiusError(f"The decisions are not JSON: {error}", self._where, "export them again") from error
        if not isinstance(document, dict):
            self._wrong("", "is not an object")
        if isinstance(document.get("queue"), list) and "format" not in document:
            return self._export(document)
        if document.get("format") != FORMAT:
            self._wrong("format", f'is not "{FORMAT}"')
        if not is_whole(document.get("version"), VERSION, VERSION):
            self._wrong("version", f"is not {VERSION}")
        rows = document.get("decisions")
        if not isinstance(rows, list):
            self._wrong("decisions", "is not a list")
        return Decisions(
            [self._row(f"decisions/{number}", row) for number, row in enumerate(rows)], self._sha(document)
        )

    def _export(self, document: Dict[str, Any]) -> Decisions:
        """Read the JSON of ``review_export`` with decisions filled in."""
        rows = [
            self._row(f"queue/{number}", {name: row.get(name) for name in row if name != "comment" or row[name]})
            for number, row in enumerate(document["queue"])
            if isinstance(row, dict) and row.get("decision")
        ]
        return Decisions(rows, self._sha(document))

    def _sha(self, document: Dict[str, Any]) -> Optional[str]:
        library = document.get("library")
        sha256 = library.get("sha256") if isinstance(library, dict) else None
        if sha256 is not None and not (isinstance(sha256, str) and len(sha256) == 64):
            self._wrong("library/sha256", "is not 64 hex digits")
        return sha256

    def _row(self, place: str, row: object) -> Decision:
        if not isinstance(row, dict):
            self._wrong(place, "is not an object")
        pointer, dhash, image = row.get("pointer"), row.get("dhash"), row.get("image")
        if not isinstance(pointer, str):
            self._wrong(f"{place}/pointer", "is not a string")
        if "dhash" not in row or not (dhash is None or is_dhash(dhash)):
            self._wrong(f"{place}/dhash", "is neither 16 lower-case hex digits nor null")
        if image is not None and not isinstance(image, str):
            self._wrong(f"{place}/image", "is neither a string nor null")
        if row.get("decision") not in DECISIONS:
            self._wrong(f"{place}/decision", f"is not one of {', '.join(DECISIONS)}")
        by = self._text(place, row, "by", LONGEST_NAME)
        comment = self._text(place, row, "comment", LONGEST_COMMENT)
        return Decision(place, pointer, "", dhash, image, row["decision"], by, self._time(place, row), comment)

    def _text(self, place: str, row: Dict[str, Any], name: str, longest: int) -> str:
        value = row.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            self._wrong(f"{place}/{name}", f"is not a string of at most {longest} characters")
        return printable(value.strip(), None)

    def _time(self, place: str, row: Dict[str, Any]) -> str:
        value = row.get("at", "")
        if value == "":
            return ""
        try:
            return timestamp(parse_timestamp(value).astimezone(timezone.utc))
        except (TypeError, ValueError, AttributeError, OverflowError):
            self._wrong(f"{place}/at", "is not an ISO 8601 time")

    def _wrong(self, place: str, what: str) -> NoReturn:
        raise MobiusError(
            f"The decisions do not follow the schema: {printable(place) or 'the document'} {what}",
            self._where,
            "export them again from the review page; docs/review-decisions.schema.json describes the file",
        )


def _from_csv(text: str, where: str) -> Decisions:
    """Read a CSV export with ``decision`` and perhaps ``comment`` filled in, in any spreadsheet's dialect."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1 << 20)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise MobiusError(f"The decisions are not CSV: {error}", where, "save the spreadsheet as CSV UTF-8") from error
    heads = [head.strip().lower() for head in table[0]] if table else []
    if not _COLUMNS.issubset(heads):
        raise MobiusError(
            "The decisions are neither JSON of the review page nor an export of the queue as CSV",
            where,
            "keep the columns key and decision of review_export's CSV",
        )
    rows = []
    for number, cells in enumerate(table[1:], 2):
        row = dict(zip(heads, (cell.strip() for cell in cells)))
        if row.get("decision"):
            rows.append(_csv_row(f"line {number}", row))
    return Decisions(rows, None)


def _csv_row(place: str, row: Dict[str, str]) -> Decision:
    decision = row["decision"].lower().replace(" ", "_").replace("-", "_")
    by, comment = (
        _plain(row.get(name, ""), most) for name, most in (("by", LONGEST_NAME), ("comment", LONGEST_COMMENT))
    )
    return Decision(place, row.get("pointer", ""), row["key"], None, None, decision, by, "", comment)


def _plain(text: str, longest: int) -> str:
    """Return the text of a cell without the apostrophe that escapes a formula."""
    return printable(text.removeprefix("'")[:longest], None)


def first_of_each(rows: List[Decision]) -> Tuple[List[Decision], List[Decision]]:
    """Return the decisions, and the repeated ones for an item that already has one."""
    seen: Set[str] = set()
    first: List[Decision] = []
    again: List[Decision] = []
    for row in rows:
        name = row.key or row.pointer
        (again if name in seen else first).append(row)
        seen.add(name)
    return first, again
