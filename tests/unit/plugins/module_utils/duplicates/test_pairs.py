from __future__ import annotations

import random
from itertools import combinations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates import pairs as module
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.pairs import MOST_DISTANCE, near_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

ENGINES = ["numpy", "plain"]


def found(hashes, distance):
    batches = list(near_pairs(sorted(hashes), distance))
    rows = [row for batch in batches for row in zip(*batch)]
    return sorted((*sorted((left, right)), away) for left, right, away in rows)


def brute(hashes, distance):
    ordered = sorted(hashes)
    differs = [
        (left, right, bin(ordered[left] ^ ordered[right]).count("1"))
        for left, right in combinations(range(len(ordered)), 2)
    ]
    return sorted(row for row in differs if row[2] <= distance)


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(module, "numpy", None)
    return request.param


def clustered(rng, size, flips):
    """Hashes as pictures of one kind have them: a few centers, most bits shared."""
    centers = [rng.getrandbits(64) & rng.getrandbits(64) & rng.getrandbits(64) for _unused in range(5)]
    hashes = set()
    while len(hashes) < size:
        value = rng.choice(centers)
        for _unused in range(rng.randrange(flips)):
            value ^= 1 << rng.randrange(64)
        hashes.add(value)
    return hashes


@pytest.mark.parametrize("distance", range(MOST_DISTANCE + 1))
@pytest.mark.parametrize("split", [2, 200])
def test_clustered_hashes_give_what_comparing_all_gives(engine, monkeypatch, distance, split):
    monkeypatch.setattr(module, "_SPLIT_ABOVE", split)
    monkeypatch.setattr(module, "_BATCH", 50)
    hashes = clustered(random.Random(distance), 300, 14)
    assert found(hashes, distance) == brute(hashes, distance)


@settings(max_examples=150)
@given(
    st.sets(
        st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300), st.sampled_from([2**63, 2**64 - 1])), max_size=60
    ),
    st.integers(0, MOST_DISTANCE),
    st.sampled_from(ENGINES),
    st.sampled_from([1, 3, 200]),
)
def test_any_hashes_give_what_comparing_all_gives(hashes, distance, engine, split):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SPLIT_ABOVE", split)
        if engine == "plain":
            patch.setattr(module, "numpy", None)
        assert found(hashes, distance) == brute(hashes, distance)


def test_every_hash_with_one_bit_of_difference_is_found(engine):
    center = 0x0F1E2D3C4B5A6978
    hashes = {center, *(center ^ 1 << bit for bit in range(64))}
    assert len(found(hashes, 1)) == 64
    assert len(found(hashes, 2)) == 64 + 64 * 63 // 2


def test_numpy_before_version_2_counts_bits_itself(monkeypatch):
    numpy = pytest.importorskip("numpy")
    counted = module._population(numpy.array([0, 1, 2**64 - 1, 0xF0F0], dtype=numpy.uint64)).tolist()
    monkeypatch.delattr(numpy, "bitwise_count", raising=False)
    assert counted == [0, 1, 64, 8]
    assert module._population(numpy.array([0, 1, 2**64 - 1, 0xF0F0], dtype=numpy.uint64)).tolist() == counted


def test_python_before_3_10_counts_bits_by_text():
    assert [module._count_by_text(value) for value in (0, 1, 2**64 - 1, 0xF0F0)] == [0, 1, 64, 8]
