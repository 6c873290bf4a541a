# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assign pictures to hosts and draw a sample of them, one picture at a time."""

from __future__ import annotations

import heapq
import random
from typing import Generic, List, NamedTuple, Sequence, TypeVar

#: Cost of a picture beside its bytes, in bytes: fitted to small tokens and large photos.
_FIXED_COST = 25_000
_T = TypeVar("_T")


class Capacity(NamedTuple):
    """A host by its name in the inventory, and the number of processes that it hashes with."""

    name: str
    processors: int


class Assignment:
    """Gives each picture to the host that is expected to finish first, so that large ones are spread evenly.

    ``pictures``, ``sizes`` in bytes and ``costs`` in bytes are totals per host, by its position.
    """

    def __init__(self, hosts: Sequence[Capacity]) -> None:
        self._hosts = hosts
        self._queue = [(0.0, place) for place in range(len(hosts))]
        self.pictures = [0] * len(hosts)
        self.sizes = [0] * len(hosts)
        self.costs = [0] * len(hosts)

    def host(self, size: int) -> int:
        """Return the position of the host that hashes a picture of ``size`` bytes."""
        time, place = self._queue[0]
        cost = _FIXED_COST + size
        heapq.heapreplace(self._queue, (time + cost / self._hosts[place].processors, place))
        self.pictures[place] += 1
        self.sizes[place] += size
        self.costs[place] += cost
        return place


class Reservoir(Generic[_T]):
    """A uniform random sample of at most ``size`` elements of a stream (reservoir sampling, algorithm R)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen = 0
        self.chosen: List[_T] = []

    def offer(self, element: _T) -> None:
        place = self._seen if self._seen < self._size else random.randrange(self._seen + 1)
        self._seen += 1
        if place < self._size:
            self.chosen[place : place + 1] = [element]
