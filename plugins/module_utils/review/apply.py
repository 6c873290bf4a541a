# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write reviewers' decisions into a library as ``dhash_review``, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..backups.store import Backup, ensure_backup
from ..clock import timestamp
from ..errors import MobiusError
from ..library.compare import unexpected_changes
from ..library.document import Document, open_document
from ..library.edit import Splice, in_order, member_splices, write_spliced
from ..library.fields import IMAGE_KEY, REVIEW
from ..library.reviewed import DECISIONS, Review, is_settled, review_of
from ..storage.lock import refuse_if_held, writing
from ..storage.paths import locate_library
from ..storage.replace import (
    ChangedMeanwhile,
    DurabilityUnknown,
    Version,
    open_regular,
    read_version,
    replace_whole,
    sweep_temporaries,
)
from ..storage.state import DamagedState, State, begin, commit, read_current, withdraw
from ..text import printable
from .decisions import MOST_BYTES, Decision, Decisions, first_of_each, item_key, parse
from .queue import THRESHOLD, confidence_of, reviewed_facts

_MOST_SHOWN = 50


@dataclass(frozen=True)
class Request:
    """Return the bytes of a file of decisions. ``by`` is the reviewer if the file does not name one."""

    path: str
    decisions: bytes
    source: str = "decisions"
    by: str = ""
    threshold: float = THRESHOLD
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    backup_dir: Optional[str] = None
    deployment: Optional[str] = None


class Refused(NamedTuple):
    """A decision that was not applied, and why."""

    pointer: str
    decision: str
    reason: str


@dataclass
class _Plan:
    """The effect of the decisions. ``reviews`` are by the number of the item."""

    reviews: Dict[int, Review] = field(default_factory=dict)
    refused: List[Refused] = field(default_factory=list)
    changes: List[Tuple[str, str]] = field(default_factory=list)
    items: int = 0
    unchanged: int = 0
    queue_before: int = 0
    queue: int = 0


def read_decisions(path: str) -> bytes:
    """Return the bytes of a file of decisions.

    :raises MobiusError: it is not a regular file, or too large.
    """
    with open_regular(path) as stream:
        return stream.read(MOST_BYTES + 1)


def apply(request: Request, *, check_mode: bool = False) -> Dict[str, Any]:
    """Apply the decisions; returns what the module ``review_apply`` documents.

    :raises MobiusError: the file or the library cannot be used, or none of the decisions fits the library.
    """
    decisions = parse(request.decisions, request.source)
    library = locate_library(request.path)
    if check_mode:
        refuse_if_held(library, request.deployment)
        return _Run(request, decisions, library, check_mode=True).run()
    with writing(library, request.deployment):
        sweep_temporaries(library)
        return _Run(request, decisions, library, check_mode=False).run()


class _Run:
    def __init__(self, request: Request, decisions: Decisions, library: str, *, check_mode: bool) -> None:
        self._request = request
        self._decisions = decisions
        self._library = library
        self._check_mode = check_mode
        self._moment = timestamp()
        self._warnings: List[str] = []

    def run(self) -> Dict[str, Any]:
        version = read_version(self._library)
        with open_document(self._library) as document:
            plan = self._planned(document)
            self._refuse_all(plan)
            written = self._write(document, plan, version) if plan.reviews and not self._check_mode else {}
        self._warn(plan)
        return {**self._result(plan, version), **written}

    def _planned(self, document: Document) -> _Plan:
        plan = _Plan()
        first, again = first_of_each(self._decisions.rows)
        waiting = {row.key or row.pointer: row for row in first}
        others = {row.pointer: row for row in first if row.key}
        for number, item in enumerate(document.items(self._request.items, self._request.image_key)):
            facts = reviewed_facts(item.value, self._request.image_key)
            name = item.pointer if item.pointer in waiting else item_key(item.pointer, *facts)
            row = waiting.pop(name, None)
            before = after = review_of(item.value)
            reason = self._stale(row, item.value) if row is not None else ""
            if row is not None and reason:
                plan.refused.append(_refused(row, reason))
            elif row is not None:
                after = self._review(row, before)
                self._note(plan, number, item.pointer, before, after)
            stale = others.get(printable(item.pointer, None))
            if row is None and stale is not None and waiting.pop(stale.key, None) is not None:
                plan.refused.append(_refused(stale, "its dHash or image has changed since it was exported"))
            self._count(plan, item.value, after)
        plan.refused += [_refused(row, "the library has no such item") for row in waiting.values()]
        plan.refused += [_refused(row, "the file has an earlier decision on this item") for row in again]
        return plan

    def _stale(self, row: Decision, item: Dict[str, Any]) -> str:
        """Return why a decision no longer fits the item, or an empty string."""
        dhash, image = reviewed_facts(item, self._request.image_key)
        if row.decision not in DECISIONS:
            return f'"{printable(row.decision, 40)}" is not one of {", ".join(DECISIONS)}'
        if not (row.by or self._request.by):
            return "it does not name the reviewer; set by"
        if row.key:
            return ""
        if row.dhash != dhash:
            return f"its dHash has changed since, from {row.dhash or 'none'} to {dhash or 'none'}"
        if row.image is not None and row.image != image:
            return f"it names another image now: {printable(image or 'none', 200)}"
        if confidence_of(item) is None:
            return "it was never migrated"
        return ""

    def _review(self, row: Decision, before: Optional[Review]) -> Review:
        review = Review(row.decision, row.by or self._request.by, row.at or self._moment, row.comment)
        # Without a time in the file, repeating a decision changes nothing.
        if before is not None and not row.at and review._replace(at=before.at) == before:
            return before
        return review

    def _note(self, plan: _Plan, number: int, pointer: str, before: Optional[Review], after: Review) -> None:
        if before == after:
            plan.unchanged += 1
            return
        plan.reviews[number] = after
        if len(plan.changes) < _MOST_SHOWN:
            plan.changes.append((_line(pointer, before), _line(pointer, after)))

    def _count(self, plan: _Plan, item: Dict[str, Any], after: Optional[Review]) -> None:
        plan.items += 1
        confidence = confidence_of(item)
        if confidence is None or confidence >= self._request.threshold:
            return
        plan.queue_before += not is_settled(item)
        plan.queue += not is_settled({REVIEW: after.member()} if after else {})

    def _refuse_all(self, plan: _Plan) -> None:
        if plan.refused and not plan.reviews and not plan.unchanged:
            raise MobiusError(
                f"None of the {len(plan.refused)} decisions fits the library: "
                + "; ".join(f"{each.pointer or '(no pointer)'}: {each.reason}" for each in plan.refused[:3]),
                self._request.source,
                "export the queue again and review what is in it; nothing was changed",
            )

    def _write(self, document: Document, plan: _Plan, version: Version) -> Dict[str, Any]:
        """Write the reviews in place: backup first, proof, atomic and durable replacement."""
        request, library = self._request, self._library
        backup = ensure_backup(request.path, request.backup_dir, version, deployment=request.deployment)
        state = self._state(plan, version, backup)

        def prove(temporary: str, written: Version) -> None:
            self._prove(temporary, plan)
            try:
                begin(library, {**state, "sha256": written.sha256}, actual_sha256=version.sha256)
            except DurabilityUnknown as error:
                what = "The state cannot be made durable, so nothing was changed"
                raise MobiusError(what, error.where, error.remedy) from error

        try:
            after = replace_whole(
                library,
                lambda stream: self._stream(document, plan, stream),
                expected=version,
                before_rename=prove,
            )
        except ChangedMeanwhile:
            with suppress(OSError, MobiusError):
                withdraw(library)
            raise
        except DurabilityUnknown:
            self._commit()
            raise
        self._commit()
        return {"sha256_after": after.sha256, "backup": backup.facts()}

    def _commit(self) -> None:
        try:
            commit(self._library)
        except (OSError, MobiusError) as error:
            # The pending state from begin still matches the library's hash.
            self._warnings.append(f"The state could not be written completely, the next run completes it: {error}")

    def _state(self, plan: _Plan, version: Version, backup: Backup) -> State:
        """Return the state: the same deployment with other bytes and a shorter queue; a rollback undoes the review."""
        try:
            current = read_current(self._library, version.sha256) or {}
        except DamagedState as error:
            self._warnings.append(str(error))
            current = {}
        known = current if current.get("sha256") == version.sha256 else {}
        kept = {name: value for name, value in known.items() if name not in ("previous", "rejected", "restored_at")}
        metrics = kept.get("metrics")
        return {
            **{"deployment": self._request.deployment, "status": "deployed"},
            **kept,
            "metrics": {**(metrics if isinstance(metrics, dict) else {}), "low_confidence_queue_length": plan.queue},
            "backup": {"path": backup.path, "sha256": backup.sha256},
            "reviewed": {"at": self._moment, "decisions": len(plan.reviews)},
        }

    def _stream(self, document: Document, plan: _Plan, stream: BinaryIO) -> None:
        write_spliced(document.descriptor, in_order(self._edits(document, plan)), stream)

    def _edits(self, document: Document, plan: _Plan) -> Iterator[Tuple[int, List[Splice]]]:
        number = -1
        for number, item in enumerate(document.items(self._request.items, self._request.image_key)):
            review = plan.reviews.get(number)
            if review is not None:
                yield item.outermost, member_splices(item.layout, REVIEW, review.member())
        if number + 1 != plan.items:
            raise ChangedMeanwhile("The library was edited in place in the meantime", self._library, "run again")

    def _prove(self, written: str, plan: _Plan) -> None:
        """
        :raises MobiusError: something other than the reviews differs, or an item lacks its review.
        """
        request = self._request
        found = unexpected_changes(
            self._library, written, request.items, request.image_key, 3, owned=(REVIEW,), block=False
        )
        if found:
            places = "; ".join(f"{each['pointer'] or 'line'} {each['line']}: {each['message']}" for each in found)
            raise self._wrong(f"more than the reviews would change: {places}")
        with open_document(self._library) as before, open_document(written) as after:
            pairs = zip(before.items(request.items, request.image_key), after.items(request.items, request.image_key))
            for number, (former, item) in enumerate(pairs):
                wanted = plan.reviews.get(number)
                expected = former.value.get(REVIEW) if wanted is None else wanted.member()
                if item.value.get(REVIEW) != expected:
                    raise self._wrong(f"{item.pointer} would not hold its decision")

    def _wrong(self, what: str) -> MobiusError:
        return MobiusError(
            f"The reviewed library failed its proof: {what}", self._request.path, "report this; nothing was changed"
        )

    def _warn(self, plan: _Plan) -> None:
        if not self._decisions.rows:
            self._warnings.append(f"{self._request.source} contains no decision")
        for each in plan.refused[:10]:
            self._warnings.append(f"Decision refused, {each.pointer or '(no pointer)'}: {each.reason}")
        if len(plan.refused) > 10:
            self._warnings.append(f"{len(plan.refused) - 10} more decisions were refused, see refused in the result")

    def _lines(self, plan: _Plan) -> List[str]:
        verb = "would be applied" if self._check_mode else "applied"
        return [
            f"decisions {len(plan.reviews)} {verb}, {plan.unchanged} there already, {len(plan.refused)} refused",
            f"queue     {plan.queue_before} items before, {plan.queue} now",
            *(f"refused   {each.pointer or '(no pointer)'}: {each.reason}" for each in plan.refused[:_MOST_SHOWN]),
        ]

    def _result(self, plan: _Plan, version: Version) -> Dict[str, Any]:
        more = f"... and {len(plan.reviews) - len(plan.changes)} more items\n"
        more = more if len(plan.reviews) > len(plan.changes) else ""
        return {
            "lines": self._lines(plan),
            "changed": bool(plan.reviews),
            "applied": len(plan.reviews),
            "unchanged": plan.unchanged,
            "refused": [each._asdict() for each in plan.refused],
            "queue_before": plan.queue_before,
            "low_confidence": plan.queue,
            "item_count": plan.items,
            "same_library": None if self._decisions.sha256 is None else self._decisions.sha256 == version.sha256,
            "sha256_before": version.sha256,
            "sha256_after": None if plan.reviews and self._check_mode else version.sha256,
            "diff": {
                "before_header": self._request.path,
                "after_header": self._request.path,
                "before": "".join(before for before, _unused in plan.changes) + more,
                "after": "".join(after for _unused, after in plan.changes) + more,
            },
            "warnings": self._warnings,
        }


def _refused(row: Decision, reason: str) -> Refused:
    pointer = printable(row.pointer, 300) or f"({row.place})"
    return Refused(pointer, printable(row.decision, 40), reason)


def _line(pointer: str, review: Optional[Review]) -> str:
    shown = "-" if review is None else printable(json.dumps(review.member(), ensure_ascii=False), 300)
    return f"{printable(pointer)}: {REVIEW}={shown}\n"
