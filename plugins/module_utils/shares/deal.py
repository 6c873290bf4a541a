# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which of several hosts hashes a picture, decided as the pictures come."""

from __future__ import annotations

import heapq
from typing import List, NamedTuple, Sequence

#: What a picture costs beside its bytes, in bytes; and bytes that a processor gets through in a second. Rounded from
#: small tokens and large photos alike: shares have to be even, and a time limit right within a factor of four.
_FIXED = 25_000
_A_SECOND = 25_000_000


class Weight(NamedTuple):
    """A host by its name in the inventory, and the processes that it hashes with."""

    name: str
    processors: int


class Deal:
    """Gives each picture to the host that would be done first, so that large ones are spread too."""

    def __init__(self, hosts: Sequence[Weight]) -> None:
        self._hosts = hosts
        self._queue = [(0.0, place) for place in range(len(hosts))]
        self.seconds: List[float] = [0.0] * len(hosts)
        #: What one processor would take for all.
        self.total = 0.0

    def host(self, size: int) -> int:
        """The place of the host that gets a picture of so many bytes."""
        cost = (_FIXED + size) / _A_SECOND
        self.total += cost
        seconds, place = self._queue[0]
        seconds += cost / self._hosts[place].processors
        heapq.heapreplace(self._queue, (seconds, place))
        self.seconds[place] = seconds
        return place
