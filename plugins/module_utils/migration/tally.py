# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of a migration for all items, in about 30 bytes each, and the counts and metrics."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from typing import Dict, Generic, Iterable, Iterator, List, Optional, Tuple, TypeVar

from ..library.edit import Verdict

MOST_LOGGED = 20_000
MOST_CHANGES = 50
#: Upper bounds in ms by which hash times are counted; what is above the last is counted too.
HASH_TIME_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_KEPT = 0xFFFF
_T = TypeVar("_T")


class Lowest(Generic[_T]):
    """Keeps the entries with the lowest numbers, independent of their order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: List[Tuple[int, _T]] = []
        self.seen = 0

    def wants(self, number: int) -> bool:
        """Whether an entry of this number would be kept; counts it."""
        self.seen += 1
        return len(self._heap) < self._most or number < -self._heap[0][0]

    def add(self, number: int, entry: _T) -> None:
        push = heapq.heappush if len(self._heap) < self._most else heapq.heapreplace
        push(self._heap, (-number, entry))

    def __iter__(self) -> Iterator[_T]:
        return (entry for _unused, entry in sorted(self._heap, key=lambda pair: -pair[0]))


class Counts:
    """The counts of a run.

    ``items`` = ``hashed`` + ``unchanged`` + ``failed`` + ``without_picture``. ``changed`` counts the items to edit.
    """

    NAMES = (
        "items",
        "hashed",
        "unchanged",
        "failed",
        "without_picture",
        "with_dhash",
        "low_confidence",
        "changed",
    )

    def __init__(self) -> None:
        self.items = self.hashed = self.unchanged = self.failed = self.without_picture = 0
        self.with_dhash = self.low_confidence = self.changed = 0
        #: Failures of pictures that do not exist or cannot be accessed.
        self.missing = 0
        #: The first failures as dictionaries; the log has more of them than a result.
        self.failures: Iterable[Dict[str, str]] = ()
        #: The first items that change, before and after, as lines for a diff.
        self.changes: Iterable[Tuple[str, str]] = ()

    def metrics(self) -> Dict[str, Optional[float]]:
        """The guide's four metrics; the two times are None when nothing was measured."""
        raise NotImplementedError

    def hash_times(self) -> Dict[str, List[int]]:
        """``bounds`` in ms and ``counts``, one more than bounds, of the times behind the metrics; may be empty."""
        raise NotImplementedError

    @property
    def with_picture(self) -> int:
        """Items that name a picture under the image root and were examined."""
        return self.items - self.without_picture

    @property
    def failure_rate(self) -> float:
        """Percentage of the items with a picture that have no dHash."""
        return 100.0 * self.failed / self.with_picture if self.with_picture else 0.0


class Tally(Counts):
    """Verdicts by the number of their item, and counts."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold
        self._dhash = array("Q")
        self._confidence = array("d")
        self._reasons = array("H")
        self._flags = bytearray()
        self._edits = bytearray()
        self._known: List[Tuple[str, ...]] = []
        self._numbers: Dict[Tuple[str, ...], int] = {}
        self._seconds = array("f")
        self.failures: Lowest[Dict[str, str]] = Lowest(MOST_LOGGED)
        self.changes: Lowest[Tuple[str, str]] = Lowest(MOST_CHANGES)

    def admit(self, count: int) -> int:
        """Allocate the next items; returns the number of the first."""
        first = self.items
        self._dhash.frombytes(bytes(8 * count))
        self._confidence.frombytes(bytes(8 * count))
        self._reasons.extend([_KEPT] * count)
        self._flags.extend(bytes(count))
        self._edits.extend(bytes(count))
        self.items = first + count
        return first

    def put(self, number: int, verdict: Verdict, seconds: Optional[float] = None, *, settled: bool = False) -> None:
        """Note the result of an item, and how long its picture took to hash.

        :param settled: a reviewer's decision keeps the item out of the review queue.
        """
        dhash, confidence, reasons = verdict
        if reasons not in self._numbers:
            self._numbers[reasons] = len(self._known)
            self._known.append(reasons)
        if dhash is not None:
            self._dhash[number] = int(dhash, 16)
            self._flags[number] = 1
            self.with_dhash += 1
        self._confidence[number] = confidence
        self._reasons[number] = self._numbers[reasons]
        if confidence < self._threshold and not settled:
            self.low_confidence += 1
        if seconds is not None:
            self._seconds.append(seconds)

    def fail(self, number: int, failure: Dict[str, str]) -> None:
        """Note that an item names a picture that could not be hashed."""
        self.failed += 1
        if self.failures.wants(number):
            self.failures.add(number, failure)

    def keep(self, number: int, confidence: Optional[float], *, settled: bool = False) -> None:
        """Note that an item keeps its dHash."""
        self.with_dhash += 1
        self.low_confidence += confidence is not None and confidence < self._threshold and not settled

    def edit(self, number: int) -> None:
        """Note that an item must be edited."""
        self._edits[number] = 1
        self.changed += 1

    def is_edited(self, number: int) -> bool:
        return bool(self._edits[number])

    def edits(self) -> Iterator[Tuple[int, Verdict]]:
        """Yield the items to edit by number, with their results."""
        edits, verdict_of = self._edits.find, self.verdict
        number = edits(1)
        while number >= 0:
            verdict = verdict_of(number)
            if verdict is not None:
                yield number, verdict
            number = edits(1, number + 1)

    def verdict(self, number: int) -> Optional[Verdict]:
        """Return the result of an item, or None if it stays unchanged."""
        reasons = self._reasons[number]
        if reasons == _KEPT:
            return None
        dhash = "%016x" % self._dhash[number] if self._flags[number] else None  # noqa: UP031
        return Verdict(dhash, self._confidence[number], self._known[reasons])

    def metrics(self) -> Dict[str, Optional[float]]:
        times = self._ordered()
        return {
            "avg_hash_time": round(1000 * sum(times) / len(times), 3) if times else None,
            "p95_hash_time": round(1000 * times[-(-95 * len(times) // 100) - 1], 3) if times else None,
            "extraction_failures_rate": round(self.failure_rate, 3),
            "low_confidence_queue_length": self.low_confidence,
        }

    def hash_times(self) -> Dict[str, List[int]]:
        times = self._ordered()
        if not times:
            return {}
        below = [0, *(bisect_right(times, bound / 1000) for bound in HASH_TIME_BOUNDS), len(times)]
        return {"bounds": list(HASH_TIME_BOUNDS), "counts": [after - before for before, after in zip(below, below[1:])]}

    def _ordered(self) -> array[float]:
        # Kept sorted: the next call sorts in linear time, and no second copy stays.
        self._seconds = array("f", sorted(self._seconds))
        return self._seconds
