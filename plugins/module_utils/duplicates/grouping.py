# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of hashes in which any two are near each other, and how many pairs of files are near."""

from __future__ import annotations

from array import array
from itertools import combinations
from operator import mul
from typing import Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .catalog import ByHash
from .pairs import bit_count, near_pairs

#: Pairs of hashes that groups are made from; of more, the nearest ones.
MOST_EDGES = 2_000_000


class Near(NamedTuple):
    """``pairs`` counts the pairs of different files within the distance, exact ones included.

    ``groups`` has the places of the hashes of each group; ``complete`` is false when there were too many pairs to use
    all of them for groups.
    """

    pairs: int
    groups: List[List[int]]
    complete: bool


def near_groups(hashes: ByHash, distance: int, most_edges: int = MOST_EDGES) -> Near:
    """Compare all hashes; exact groups are not among the result's groups, but counted in its pairs."""
    counts = hashes.file_counts
    pairs = sum(count * (count - 1) // 2 for count in counts)
    edges = _Edges(most_edges)
    several = _Several(hashes)
    several.exact()
    for left, right, away in near_pairs(hashes.hashes, distance):
        pairs += sum(map(mul, map(counts.__getitem__, left), map(counts.__getitem__, right)))
        edges.add(left, right, away)
        several.near(left, right)
    return Near(pairs - several.counted_twice(), _tight(hashes.hashes, edges, distance), edges.complete)


class _Several:
    """Corrects the count for files with several dHashes: a file is not its own pair, two files are one pair."""

    def __init__(self, hashes: ByHash) -> None:
        self._hashes = hashes
        self._files = hashes.several()
        self._watched = {place for places in self._files.values() for place in places}
        self._pairs: Dict[Tuple[int, int], int] = {}

    def exact(self) -> None:
        for place in self._watched:
            self._note(combinations(self._hashes.files(place), 2))

    def near(self, left: Sequence[int], right: Sequence[int]) -> None:
        if not self._watched:
            return
        for one, other in zip(left, right):
            if one in self._watched or other in self._watched:
                others = self._hashes.files(other)
                self._note((file, another) for file in self._hashes.files(one) for another in others)

    def counted_twice(self) -> int:
        """Return how many counted pairs are invalid or counted twice."""
        return sum(count if one == other else count - 1 for (one, other), count in self._pairs.items())

    def _note(self, pairs: Iterator[Tuple[int, int]]) -> None:
        for one, other in pairs:
            if one in self._files or other in self._files:
                pair = (one, other) if one < other else (other, one)
                self._pairs[pair] = self._pairs.get(pair, 0) + 1


class _Edges:
    """Pairs of near hashes by distance; if there are too many, only the nearest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: Dict[int, Tuple[array[int], array[int]]] = {}
        self._limit = 64
        self._count = 0

    @property
    def complete(self) -> bool:
        return self._limit == 64

    def add(self, left: Sequence[int], right: Sequence[int], away: Sequence[int]) -> None:
        for one, other, distance in zip(left, right, away):
            if distance <= self._limit:
                lefts, rights = self._kept.setdefault(distance, (array("I"), array("I")))
                lefts.append(one)
                rights.append(other)
                self._count += 1
        while self._count > self._most and self._kept:
            farthest = max(self._kept)
            self._limit = farthest - 1
            self._count -= len(self._kept.pop(farthest)[0])

    def __iter__(self) -> Iterator[Tuple[int, int]]:
        """The pairs, nearest first."""
        for distance in sorted(self._kept):
            yield from sorted(zip(*self._kept[distance]))


def _tight(hashes: Sequence[int], edges: _Edges, distance: int) -> List[List[int]]:
    """Groups in which any two hashes are within ``distance``; each hash of a pair is in at least one of them.

    The nearest pairs are joined first. A hash that is near only part of a group forms a separate group with its
    neighbors.
    """
    tight = _Tight(hashes, distance)
    for one, other in edges:
        tight.join(one, other)
    alone: Dict[int, List[int]] = {}
    for one, other in edges:
        for place, partner in ((one, other), (other, one)):
            if place not in tight.group_of:
                alone.setdefault(place, []).append(partner)
    groups = tight.groups()
    for place, partners in alone.items():
        group = [place]
        for partner in partners:
            if tight.fit([partner], group):
                group.append(partner)
        groups.append(sorted(group))
    return groups


class _Tight:
    def __init__(self, hashes: Sequence[int], distance: int) -> None:
        self._hashes = hashes
        self._distance = distance
        self.group_of: Dict[int, List[int]] = {}

    def join(self, one: int, other: int) -> None:
        """Merge two near hashes, or their groups, if all of their members are near each other."""
        groups = [self.group_of.get(place, [place]) for place in (one, other)]
        small, large = sorted(groups, key=len)
        if small is large or (len(small) + len(large) > 2 and not self.fit(small, large)):
            return
        large.extend(small)
        for place in large if len(large) == 2 else small:
            self.group_of[place] = large

    def fit(self, some: Sequence[int], others: Sequence[int]) -> bool:
        hashes, distance = self._hashes, self._distance
        return all(bit_count(hashes[one] ^ hashes[other]) <= distance for one in some for other in others)

    def groups(self) -> List[List[int]]:
        seen: Set[int] = set()
        found = []
        for group in self.group_of.values():
            if id(group) not in seen:
                seen.add(id(group))
                found.append(sorted(group))
        return found


def width(hashes: Sequence[int]) -> int:
    """The largest distance between two of some hashes."""
    return max((bit_count(one ^ other) for one, other in combinations(hashes, 2)), default=0)
