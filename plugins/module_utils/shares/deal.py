# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of several hosts hashes a picture, decided as the pictures come."""

from __future__ import annotations

import heapq
from typing import NamedTuple, Sequence

#: What a picture costs beside its bytes, in bytes, between small tokens and large photos.
_FIXED = 25_000


class Weight(NamedTuple):
    """A host by its name in the inventory, and the processes that it hashes with."""

    name: str
    processors: int


class Deal:
    """Gives each picture to the host that would be done first, so that large ones are spread too."""

    def __init__(self, hosts: Sequence[Weight]) -> None:
        self._hosts = hosts
        self._queue = [(0.0, place) for place in range(len(hosts))]
        #: What each host has so far, in a unit of its own.
        self.costs = [0] * len(hosts)

    def host(self, size: int) -> int:
        """The place of the host that gets a picture of so many bytes."""
        time, place = self._queue[0]
        cost = _FIXED + size
        heapq.heapreplace(self._queue, (time + cost / self._hosts[place].processors, place))
        self.costs[place] += cost
        return place
