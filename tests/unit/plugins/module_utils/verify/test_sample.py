from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.verify.members import Sample, Sampled


def chosen(size, count):
    sample = Sample(size)
    for number in range(count):
        sample.offer(Sampled(str(number), "a.png", "0" * 16))
    return [int(item.pointer) for item in sample.chosen()]


@pytest.mark.parametrize("count", [0, 1, 7, 19, 20, 21, 79, 80, 81, 1_000, 12_345])
def test_a_sample_is_spread_evenly_over_all(count):
    found = chosen(20, count)
    assert len(found) == min(20, count) and found == sorted(set(found))
    if count > 20:
        gaps = [after - before for before, after in zip(found, found[1:])]
        assert max(gaps) <= 2 * min(gaps) + 1 and found[0] <= max(gaps) and count - found[-1] <= 2 * max(gaps)


def test_a_sample_is_the_same_each_time_and_may_be_empty():
    assert chosen(5, 999) == chosen(5, 999)
    assert chosen(0, 999) == []
