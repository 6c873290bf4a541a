# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find all pairs among many 64-bit hashes that differ by a few bits, without comparing every pair.

The pigeonhole principle: two hashes that differ by at most ``d`` bits agree in at least one of ``d + 1`` blocks of
bits. Only hashes that agree in a block are compared; a block value that very many hashes share is split again by the
bits outside of that block. Every pair is reported once, at the first block in which its hashes agree, so no memory of
reported pairs is needed. See Norouzi, Punjani, Fleet: Fast Search in Hamming Space with Multi-Index Hashing, 2012.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import combinations
from operator import mul
from typing import Any, Dict, Iterator, List, Sequence, Tuple

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

BITS = 64
#: Largest distance in bits; beyond it, half of all pictures are similar.
MOST_DISTANCE = 10
# A larger bucket is split again while bits remain, because sorting is cheaper from there on.
_SPLIT_ABOVE = 200
# Approximate number of pairs per batch, which bounds the memory.
_BATCH = 1 << 18

#: Two sequences of positions into the hashes, and the distance of each such pair in bits.
Batch = Tuple[Sequence[int], Sequence[int], Sequence[int]]


def near_pairs(hashes: Sequence[int], distance: int) -> Iterator[Batch]:
    """Every pair of ``hashes`` that differs by 1 to ``distance`` bits, once, in batches; NumPy is used where installed.

    :param hashes: 64-bit numbers in ascending order, each only once.
    """
    if distance < 1 or len(hashes) < 2:
        return
    if numpy is None:
        yield from _Plain(hashes, distance).pairs()
    else:
        yield from _Vectors(hashes, distance).pairs()


def _blocks(bits: Sequence[int], count: int) -> List[int]:
    """Masks that share ``bits``, positions from 0, among at most ``count`` blocks of nearly equal width.

    A block takes every ``count``-th bit: neighboring bits of pictures are alike, and blocks of those would be so too.
    """
    count = min(count, len(bits))
    masks = []
    for block in range(count):
        mask = 0
        for bit in bits[block::count]:
            mask |= 1 << bit
        masks.append(mask)
    return masks


def _outside(bits: Sequence[int], mask: int) -> List[int]:
    return [bit for bit in bits if not mask >> bit & 1]


def _count_by_text(value: int) -> int:
    return bin(value).count("1")


# int.bit_count came with Python 3.10.
bit_count = getattr(int, "bit_count", _count_by_text)


class _Plain:
    """Pure Python: several times slower than NumPy."""

    def __init__(self, hashes: Sequence[int], distance: int) -> None:
        self._hashes = hashes
        self._distance = distance
        self._found: List[Tuple[int, int]] = []

    def pairs(self) -> Iterator[Batch]:
        yield from self._among(self._hashes, range(BITS), ())
        yield self._batch()

    def _among(self, values: Sequence[int], bits: Sequence[int], passed: Tuple[int, ...]) -> Iterator[Batch]:
        """The pairs of ``values``, which agree in all but ``bits``; not those that agree in a block of ``passed``."""
        masks = _blocks(bits, self._distance + 1)
        if len(values) <= _SPLIT_ABOVE or len(bits) <= self._distance or not _pays(values, masks):
            self._compare(values, passed)
            if len(self._found) >= _BATCH:
                yield self._batch()
            return
        for mask in masks:
            buckets: Dict[int, List[int]] = {}
            for value in values:
                buckets.setdefault(value & mask, []).append(value)
            inside = _outside(bits, mask)
            for bucket in buckets.values():
                if len(bucket) > 1:
                    yield from self._among(bucket, inside, passed)
            passed += (mask,)

    def _compare(self, values: Sequence[int], passed: Tuple[int, ...]) -> None:
        most, count = self._distance, bit_count
        near = [pair for pair in combinations(values, 2) if count(pair[0] ^ pair[1]) <= most]
        self._found += [pair for pair in near if all((pair[0] ^ pair[1]) & mask for mask in passed)]

    def _batch(self) -> Batch:
        found, self._found = self._found, []
        hashes = self._hashes
        left = [bisect_left(hashes, one) for one, _unused in found]
        right = [bisect_left(hashes, other) for _unused, other in found]
        return left, right, [bit_count(one ^ other) for one, other in found]


def _pays(values: Sequence[int], masks: Sequence[int]) -> bool:
    """Whether comparing within the buckets of all blocks is less work than comparing all; it is not for near copies."""
    return 2 * sum(sum(map(mul, sizes, sizes)) for sizes in _sizes(values, masks)) < len(values) ** 2


def _sizes(values: Sequence[int], masks: Sequence[int]) -> Iterator[List[int]]:
    for mask in masks:
        yield list(Counter(value & mask for value in values).values())


class _Vectors:
    """The same with NumPy. All buckets of a block are processed together, because small calls are expensive."""

    def __init__(self, hashes: Sequence[int], distance: int) -> None:
        self._hashes = numpy.array(hashes, dtype=numpy.uint64)
        self._distance = distance

    def pairs(self) -> Iterator[Batch]:
        yield from self._among(numpy.arange(len(self._hashes), dtype=numpy.uint32), 0, range(BITS), ())

    def _among(self, members: Any, agreed: int, bits: Sequence[int], passed: Tuple[int, ...]) -> Iterator[Batch]:
        """The pairs of ``members``, sorted by the bits of ``agreed`` and agreeing in them; ``bits`` are all others."""
        masks = _blocks(bits, self._distance + 1)
        if agreed:
            pays = self._pays(members, agreed, masks)
            direct = members[~pays]
            yield from self._compare(direct, self._hashes[direct] & numpy.uint64(agreed), passed)
            members = members[pays]
        for mask in masks:
            ordered, keys, starts, sizes = self._sorted(members, agreed | mask)
            inside = _outside(bits, mask)
            large = numpy.repeat((sizes > _SPLIT_ABOVE) & (len(inside) > self._distance), sizes)
            if large.any():
                yield from self._among(ordered[large], agreed | mask, inside, passed)
                keys, ordered = keys[~large], ordered[~large]
            yield from self._compare(ordered, keys, passed)
            passed += (mask,)

    def _sorted(self, members: Any, mask: int) -> Tuple[Any, Any, Any, Any]:
        """Members and their keys in the order of the keys, where each key starts, and how many members have it."""
        keys = self._hashes[members] & numpy.uint64(mask)
        order = numpy.argsort(keys)
        keys = keys[order]
        starts = numpy.flatnonzero(numpy.concatenate((numpy.ones(min(1, len(keys)), bool), keys[1:] != keys[:-1])))
        return members[order], keys, starts, numpy.diff(numpy.append(starts, len(keys)))

    def _pays(self, members: Any, agreed: int, masks: Sequence[int]) -> Any:
        """For each member whether to split its bucket again, see :func:`_pays`."""
        groups = self._hashes[members] & numpy.uint64(agreed)
        distinct, counts = numpy.unique(groups, return_counts=True)
        work = numpy.zeros(len(distinct))
        for mask in masks:
            _unused, keys, starts, sizes = self._sorted(members, agreed | mask)
            group = numpy.searchsorted(distinct, keys[starts] & numpy.uint64(agreed))
            work += numpy.bincount(group, sizes.astype(float) ** 2, len(distinct))
        pays = 2 * work < counts.astype(float) ** 2
        return pays[numpy.searchsorted(distinct, groups)]

    def _compare(self, members: Any, keys: Any, passed: Tuple[int, ...]) -> Iterator[Batch]:
        """Members in the order of their keys; each is compared with those of the same key behind it."""
        values = self._hashes[members]
        alive = numpy.arange(len(members))
        step, waiting, found = 0, 0, []
        while True:
            step += 1
            alive = alive[: numpy.searchsorted(alive, len(members) - step)]
            alive = alive[keys[alive] == keys[alive + step]]
            if not len(alive):
                break
            left, differs = self._near(values, alive, step)
            for mask in passed:
                apart = (differs & numpy.uint64(mask)) != 0
                left, differs = left[apart], differs[apart]
            if len(left):
                found.append((members[left], members[left + step], _population(differs)))
                waiting += len(left)
            if waiting >= _BATCH:
                yield _joined(found)
                waiting, found = 0, []
        if found:
            yield _joined(found)

    def _near(self, values: Any, alive: Any, step: int) -> Tuple[Any, Any]:
        differs = values[alive] ^ values[alive + step]
        near = _population(differs) <= self._distance
        return alive[near], differs[near]


def _joined(found: List[Tuple[Any, Any, Any]]) -> Batch:
    left, right, away = (numpy.concatenate(parts).tolist() for parts in zip(*found))
    return left, right, away


def _population(values: Any) -> Any:
    """How many bits are set in each number; NumPy itself counts them from version 2 on."""
    if hasattr(numpy, "bitwise_count"):
        return numpy.bitwise_count(values)
    one, two, four = (numpy.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    values = values - ((values >> numpy.uint64(1)) & one)
    values = (values & two) + ((values >> numpy.uint64(2)) & two)
    values = (values + (values >> numpy.uint64(4))) & four
    return (values * numpy.uint64(0x0101010101010101)) >> numpy.uint64(56)
