# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first pass of a migration: survey every item and hash every picture that needs it; nothing is written."""

from __future__ import annotations

import json
import time
from itertools import count, islice
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, cast

from ..engine.pool import Outcome
from ..errors import MobiusError
from ..library.document import Document, Item
from ..library.edit import Verdict, matches
from ..library.fields import CONFIDENCE, DHASH, LEGACY, OWNED, REASONS, REVIEW, is_dhash
from ..library.reviewed import is_settled, review_of
from ..storage.absent import absence
from ..storage.images import ImageRoot
from ..text import printable
from .hashing import hash_pictures, keepable
from .last_run import Seen
from .locate import Refusal, locate
from .options import ALL, MISSING, Options
from .pictures import TRANSIENT, Kept, Pictures, identity, key_of
from .positions import Positions
from .projection import Sample
from .tally import Counts, Tally

_CHUNK = 500
_MOST_LATELY = 1 << 14
#: Reasons of items without a picture that can be hashed here; they need review but are not failures.
WITHOUT_PICTURE = frozenset({"no-image", "remote"})
#: Reasons of items whose picture is missing.
NOT_THERE = frozenset({"missing", "unreadable"})


class Entry(NamedTuple):
    """One item being processed.

    ``owned`` has at least its members of OWNED. ``path`` and the following fields describe its picture, ``size`` in
    bytes.
    """

    number: int
    pointer: str
    image: object
    owned: Dict[str, Any]
    path: str = ""
    key: bytes = b""
    identity: str = ""
    size: int = 0


class Survey:
    """Makes a tally of all items.

    :param pictures: the index of pictures, which is updated.
    :param on_progress: called periodically with the tally so far.
    """

    def __init__(
        self, document: Document, options: Options, pictures: Pictures, on_progress: Callable[[Tally], None]
    ) -> None:
        self._document = document
        self._options = options
        self._pictures = pictures
        self._on_progress = on_progress
        #: The run's observations of the pictures.
        self.seen = Seen()
        self._root = ImageRoot(options.root, self.seen.folder)
        self._image_key = options.image_key
        self._missing = options.rehash == MISSING
        self._waiting: Dict[bytes, List[Entry]] = {}
        # Outcomes since the last query of the index, for other items with the same picture.
        self._lately: Dict[bytes, Tuple[str, Kept]] = {}
        self.tally = Tally(options.confidence_threshold)
        #: The positions of the items, for the editor.
        self.positions = Positions()

    def run(self) -> Tally:
        for _unused in self._outcomes(self._tasks()):
            pass
        return self.tally

    def hash_some(self, groups: List[List[Entry]], seconds: float) -> List[Sample]:
        """Hash some pictures only: each group has items from :meth:`unsettled` that share one.

        No more are started after this many seconds.
        """
        self._waiting = {group[0].key: group for group in groups}
        until = time.monotonic() + seconds
        begun = (group for group in groups if time.monotonic() < until)
        samples = []
        for outcome, group in self._outcomes((group[0].key, group[0].path) for group in begun):
            unhashed = sum(not is_dhash(entry.owned.get(DHASH)) for entry in group)
            failed = outcome.dhash is None
            transient = len(group) if failed and TRANSIENT.issuperset(outcome.reasons) else 0
            samples.append(Sample(group[0].size, outcome.seconds, failed, len(group), unhashed, transient))
        return samples

    def _outcomes(self, tasks: Iterator[Tuple[bytes, str]]) -> Iterator[Tuple[Outcome, List[Entry]]]:
        """Hash, settle the items, and yield the outcomes in order with their items."""
        outcomes = hash_pictures(tasks, self._options, lambda _unused: self._on_progress(self.tally))
        try:
            for outcome in outcomes:
                yield outcome, self._heard(outcome)
        finally:
            # End the processes now instead of at garbage collection.
            getattr(outcomes, "close", lambda: None)()
            self._pictures.flush()

    def _tasks(self) -> Iterator[Tuple[bytes, str]]:
        """Yield the pictures to hash; items that need no hashing are settled here."""
        for entry in self.unsettled():
            heard = self._lately.get(entry.key)
            if heard is not None and heard[0] == entry.identity:
                self._settle(entry, heard[1], hashed=True)
            elif entry.key in self._waiting:
                self._waiting[entry.key].append(entry)
            else:
                self._waiting[entry.key] = [entry]
                yield entry.key, entry.path

    def unsettled(self) -> Iterator[Entry]:
        """Yield the items whose picture must be hashed."""
        items = self._document.items(self._options.items, self._options.image_key)
        pictures = self._pictures
        while True:
            chunk = list(islice(items, _CHUNK))
            if not chunk:
                return
            self.positions.add(chunk)
            first = self.tally.admit(len(chunk))
            entries = [each for each in map(self._located, count(first), chunk) if each is not None]
            known = {} if self._options.rehash == ALL else pictures.find([entry.key for entry in entries])
            for entry in entries:
                kept = pictures.kept(known[entry.key], entry.identity) if entry.key in known else None
                if kept is None:
                    # It may wait for long.
                    owned = {name: entry.owned[name] for name in OWNED if name in entry.owned}
                    yield entry._replace(owned=owned)
                else:
                    self._settle(entry, kept, hashed=False)
            self._on_progress(self.tally)

    def _located(self, number: int, item: Item) -> Optional[Entry]:
        """Return the item as an entry with its picture, or None if it is settled already."""
        value = item.value
        image = value.get(self._image_key)
        if self._missing and is_dhash(value.get(DHASH)):
            self._stay(number, value)
            return None
        found = locate(self._root, image)
        if isinstance(found, Refusal):
            if isinstance(image, str):
                self.seen.other(str(image), found)
            self._refuse(Entry(number, item.pointer, image, value), found)
            return None
        path, facts, linked = found
        now = identity(facts)
        if linked:
            self.seen.other(str(image), found)
        else:
            self.seen.picture(path, now)
        return Entry(number, item.pointer, image, value, path, key_of(path), now, facts.st_size)

    def _stay(self, number: int, owned: Dict[str, Any]) -> None:
        confidence = owned.get(CONFIDENCE)
        known = isinstance(confidence, (int, float)) and not isinstance(confidence, bool)
        self.tally.keep(number, cast(float, confidence) if known else None, settled=is_settled(owned))
        self.tally.unchanged += 1

    def _refuse(self, entry: Entry, refusal: Refusal) -> None:
        if refusal.code in WITHOUT_PICTURE:
            self.tally.without_picture += 1
        else:
            self.tally.missing += refusal.code in NOT_THERE
            self._fail(entry, refusal)
        self._say(entry, Verdict(None, 0.0, (refusal.code,)), None)

    def _heard(self, outcome: Outcome) -> List[Entry]:
        found = keepable(outcome)
        entries = self._waiting.pop(outcome.key)
        self.seen.durable &= self._pictures.keep(outcome.key, entries[0].identity, found)
        if len(self._lately) >= _MOST_LATELY:
            self._lately.clear()
        self._lately[outcome.key] = entries[0].identity, found
        for entry in entries:
            self._settle(entry, found, hashed=True)
        return entries

    def _settle(self, entry: Entry, kept: Kept, *, hashed: bool) -> None:
        if kept.dhash is None:
            self._fail(entry, Refusal(kept.reasons[0] if kept.reasons else "broken", kept.error or "not hashed"))
        elif hashed:
            self.tally.hashed += 1
        else:
            self.tally.unchanged += 1
        self._say(entry, Verdict(kept.dhash, kept.confidence, kept.reasons), kept.seconds)

    def _fail(self, entry: Entry, refusal: Refusal) -> None:
        failure = {
            "pointer": printable(entry.pointer),
            "image": printable(str(entry.image), 200),
            "reason": refusal.code,
            "message": printable(refusal.text, 300),
        }
        self.tally.fail(entry.number, failure)

    def _say(self, entry: Entry, verdict: Verdict, seconds: Optional[float]) -> None:
        owned = entry.owned
        # A review is valid as long as its dHash.
        settled = REVIEW in owned and owned.get(DHASH) == verdict.dhash and is_settled(owned)
        self.tally.put(entry.number, verdict, seconds, settled=settled)
        if not matches(owned, verdict):
            self.tally.edit(entry.number)
            if self.tally.changes.wants(entry.number):
                self.tally.changes.add(entry.number, _lines(entry, verdict))


def refuse_nothing(options: Options, tally: Counts) -> None:
    """
    :raises MobiusError: no item names a picture, so a run would succeed without measuring anything.
    """
    if not tally.with_picture:
        raise MobiusError(
            f'None of the {tally.items} items names a picture under "{options.image_key}", so nothing can be hashed',
            options.path,
            "set image_key (mobius_image_key), or items (mobius_items) where other lists hold the items",
        )


class Refused(NamedTuple):
    """Why a run stops, and the remedy."""

    what: str
    remedy: str


def refuse_failures(options: Options, tally: Counts, transient: int = 0) -> Optional[Refused]:
    """Return why a run stops for its failures, or None.

    :param transient: number of failures that may not occur again.
    """
    failed, named = tally.failed - transient, tally.with_picture
    within = not named or 100.0 * failed / named <= options.max_failure_rate
    gone = absence(options.root, tally.missing, named)
    if gone is not None and (gone.gone or not within):
        return Refused(gone.what, gone.remedy)
    if within:
        return None
    first = "; ".join(f"{each['image']}: {each['message']}" for each in list(tally.failures)[:3])
    return Refused(
        f"{failed} of {named} pictures could not be hashed, {100.0 * failed / named:.2f} %, "
        f"and the limit is {options.max_failure_rate:g} % ({first})",
        "fix those pictures or their paths, or raise max_failure_rate (mobius_max_failure_rate)",
    )


def _lines(entry: Entry, verdict: Verdict) -> Tuple[str, str]:
    """Format one item before and after, for a diff."""
    after: Dict[str, Any] = {} if verdict.dhash is None else {DHASH: verdict.dhash}
    after[CONFIDENCE] = verdict.confidence
    if verdict.reasons:
        after[REASONS] = list(verdict.reasons)
    former = entry.owned.get(DHASH)
    if LEGACY in entry.owned:
        after[LEGACY] = entry.owned[LEGACY]
    elif DHASH in entry.owned and (verdict.dhash is None or not is_dhash(former)):
        after[LEGACY] = former
    if REVIEW in entry.owned and (former == verdict.dhash or review_of(entry.owned) is None):
        after[REVIEW] = entry.owned[REVIEW]
    return _line(entry.pointer, entry.owned), _line(entry.pointer, after)


def _line(pointer: str, members: Dict[str, Any]) -> str:
    shown = " ".join(f"{name}={_shown(members[name])}" for name in OWNED if name in members)
    return f"{printable(pointer)}: {shown or '-'}\n"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return printable(text, 60)
