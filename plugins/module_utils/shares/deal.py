# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of several hosts hashes a picture, and which pictures are a sample, decided as the pictures come."""

from __future__ import annotations

import heapq
import random
from typing import Generic, List, NamedTuple, Sequence, TypeVar

#: What a picture costs beside its bytes, in bytes, between small tokens and large photos.
_FIXED = 25_000
_T = TypeVar("_T")


class Weight(NamedTuple):
    """A host by its name in the inventory, and the processes that it hashes with."""

    name: str
    processors: int


class Deal:
    """Gives each picture to the host that would be done first, so that large ones are spread too.

    ``pictures``, ``sizes`` in bytes and ``costs`` in a unit of its own are of each host, by its place.
    """

    def __init__(self, hosts: Sequence[Weight]) -> None:
        self._hosts = hosts
        self._queue = [(0.0, place) for place in range(len(hosts))]
        self.pictures = [0] * len(hosts)
        self.sizes = [0] * len(hosts)
        self.costs = [0] * len(hosts)

    def host(self, size: int) -> int:
        """The place of the host that gets a picture of so many bytes."""
        time, place = self._queue[0]
        cost = _FIXED + size
        heapq.heapreplace(self._queue, (time + cost / self._hosts[place].processors, place))
        self.pictures[place] += 1
        self.sizes[place] += size
        self.costs[place] += cost
        return place


class Chosen(Generic[_T]):
    """Of things that come one by one at most so many, each with the same chance."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0
        self.things: List[_T] = []

    def offer(self, thing: _T) -> None:
        place = self._seen if self._seen < self._most else random.randrange(self._seen + 1)
        self._seen += 1
        if place < self._most:
            self.things[place : place + 1] = [thing]
