"""The judgement alone: what passes, what fails, what stays open, and what no order of samples may change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.gate.judge import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    Limit,
    Rules,
    counts,
    judge,
    margins,
)
from ansible_collections.mobius.dhash.plugins.module_utils.gate.samples import BAD, NOT_OK, OK, UNREACHABLE, Sample
from hypothesis import given
from hypothesis import strategies as st

FULL = {
    "avg_hash_time": 10.0,
    "p95_hash_time": 20.0,
    "extraction_failures_rate": 1.0,
    "low_confidence_queue_length": 4.0,
}


def good(elapsed: float = 0.0, **metrics: float) -> Sample:
    return Sample(elapsed=elapsed, health=OK, metrics=OK, values={**FULL, **metrics})


def bad(elapsed: float = 0.0, kind: str = NOT_OK) -> Sample:
    return Sample(elapsed=elapsed, health=kind, notes=(f"health: {kind}",))


def test_three_oks_in_a_row_pass():
    assert judge([good(), good(), good()], Rules()).result == PASS


def test_two_oks_leave_it_open_and_end_without_a_pass():
    assert judge([good(), good()], Rules(), ended=False).result == INCONCLUSIVE
    assert judge([good(), good()], Rules(), ended=True).result == INCONCLUSIVE


def test_nothing_measured_is_never_a_pass():
    for rules in (Rules(), Rules(consecutive=1), Rules(consecutive=1, failures_in_a_row=0)):
        for ended in (False, True):
            judgement = judge([], rules, ended)
            assert judgement.result == INCONCLUSIVE
            assert judgement.reasons == ("nothing was measured",)


def test_an_early_failure_is_forgiven_where_only_the_end_counts():
    assert judge([bad(kind=UNREACHABLE), good(), good(), good()], Rules()).result == PASS


def test_flapping_to_the_end_of_the_window_fails_with_the_reason():
    judgement = judge([good(), bad(), good(), good()], Rules(), ended=True)
    assert judgement.result == FAIL
    assert "the last 2 of 4" in judgement.reasons[0]
    assert "health: not_ok" in judgement.reasons[0]
    assert judge([good(), bad(), good(), good()], Rules(), ended=False).result == INCONCLUSIVE


def test_missing_metrics_are_inconclusive_not_failed():
    lacking = replace(good(), missing=("avg_hash_time",), notes=("metrics: avg_hash_time was not measured",))
    judgement = judge([lacking] * 5, Rules())
    assert judgement.result == INCONCLUSIVE
    assert "avg_hash_time was not measured" in judgement.reasons[0]


@pytest.mark.parametrize("length, result", [(2, PASS), (3, FAIL)])
def test_more_than_two_failures_in_a_row_fail_for_good(length, result):
    samples = [good()] + [bad()] * length + [good()] * 3
    assert judge(samples, Rules(failures_in_a_row=2)).result == result


def test_different_kinds_of_failure_make_one_run():
    samples = [bad(kind=NOT_OK), bad(kind=UNREACHABLE), bad(kind=BAD), good(), good(), good()]
    assert judge(samples, Rules(failures_in_a_row=2)).result == FAIL


def test_totals_are_counted_apart_and_need_no_run():
    samples = [bad(kind=UNREACHABLE), good(), bad(kind=UNREACHABLE), good(), good(), good()]
    assert judge(samples, Rules(unreachable_in_all=1)).result == FAIL
    assert judge(samples, Rules(unreachable_in_all=2)).result == PASS
    assert judge(samples, Rules(bad_in_all=0)).result == PASS


def test_a_value_equal_to_its_limit_is_fine_and_above_it_is_not():
    rules = Rules(limits=(Limit("avg_hash_time", 50),))
    assert judge([good(avg_hash_time=50.0)] * 3, rules).result == PASS
    judgement = judge([good(avg_hash_time=50.001)] * 3, rules)
    assert judgement.result == FAIL
    assert "above the limit of 50 ms" in judgement.reasons[0]


def test_one_value_above_its_limit_is_not_forgiven_later():
    rules = Rules(limits=(Limit("avg_hash_time", 50),))
    assert judge([good(avg_hash_time=90.0)] + [good()] * 9, rules).result == FAIL


def test_a_mean_forgives_a_single_spike_and_catches_a_lasting_rise():
    rules = Rules(limits=(Limit("p95_hash_time", 200, over=100),))
    spike = [good(t, p95_hash_time=500.0 if t == 40 else 20.0) for t in range(0, 100, 10)]
    assert judge(spike, rules).result == PASS
    rise = [good(t, p95_hash_time=20.0 if t < 50 else 500.0) for t in range(0, 150, 10)]
    judgement = judge(rise, rules)
    assert judgement.result == FAIL
    assert "on average over 100 s" in judgement.reasons[0]


def test_what_left_the_window_of_a_mean_counts_no_more():
    rules = Rules(limits=(Limit("p95_hash_time", 200, over=25),))
    samples = [good(t, p95_hash_time=190.0) for t in range(0, 60, 10)]
    assert judge(samples, rules).result == PASS
    late = samples + [good(t, p95_hash_time=260.0) for t in (60, 70, 80)]
    assert judge(late, rules).result == FAIL


def test_a_mean_of_two_values_waits_until_the_end():
    rules = Rules(consecutive=2, limits=(Limit("p95_hash_time", 200, over=100),))
    samples = [good(0, p95_hash_time=500.0), good(10, p95_hash_time=500.0)]
    assert judge(samples, rules, ended=True).result == FAIL


def test_a_pass_waits_for_the_duration():
    rules = Rules(duration=60)
    samples = [good(t) for t in (0, 10, 20, 30)]
    assert judge(samples, rules, ended=False).result == INCONCLUSIVE
    assert judge([*samples, good(60)], rules, ended=False).result == PASS


def test_counts_and_margins():
    samples = [good(0, avg_hash_time=12.0), good(1, avg_hash_time=30.0), bad(2, UNREACHABLE)]
    assert counts(samples) == {"samples": 3, "ok": 2, "not_ok": 0, "unreachable": 1, "bad": 0, "missing": 0}
    row = margins(samples, Rules(limits=(Limit("avg_hash_time", 50),)))["avg_hash_time"]
    assert (row["worst"], row["last"], row["limit"], row["margin"], row["unit"]) == (30.0, 30.0, 50, 20.0, "ms")


# ---- properties

KINDS = st.sampled_from([OK, OK, OK, NOT_OK, UNREACHABLE, BAD])
SAMPLES = st.lists(
    st.builds(
        lambda health, value, missing: Sample(
            elapsed=0.0,
            health=health,
            metrics=OK,
            values={} if missing else {"avg_hash_time": value},
            missing=("avg_hash_time",) if missing else (),
        ),
        KINDS,
        st.floats(0, 100),
        st.booleans(),
    ),
    max_size=12,
).map(lambda samples: [replace(sample, elapsed=10.0 * at) for at, sample in enumerate(samples)])
RULES = st.builds(
    Rules,
    consecutive=st.integers(1, 4),
    duration=st.sampled_from([0.0, 30.0]),
    limits=st.sampled_from([(), (Limit("avg_hash_time", 50),), (Limit("avg_hash_time", 50, over=35),)]),
    failures_in_a_row=st.sampled_from([None, 0, 2]),
    unreachable_in_all=st.sampled_from([None, 1]),
)


def worse_ones(sample: Sample):
    yield replace(sample, health=UNREACHABLE)
    yield replace(sample, values={name: value + 60 for name, value in sample.values.items()})
    yield replace(sample, missing=("p95_hash_time",))


@given(SAMPLES, RULES, st.data())
def test_a_worse_sample_never_turns_a_fail_into_a_pass(samples, rules, data):
    if not samples or judge(samples, rules).result != FAIL:
        return
    position = data.draw(st.integers(0, len(samples) - 1))
    for worse in worse_ones(samples[position]):
        changed = [*samples[:position], worse, *samples[position + 1 :]]
        assert judge(changed, rules).result != PASS


@given(SAMPLES, RULES, st.data())
def test_a_sample_made_worse_never_makes_a_pass(samples, rules, data):
    if not samples or judge(samples, rules).result == PASS:
        return
    position = data.draw(st.integers(0, len(samples) - 1))
    for worse in worse_ones(samples[position]):
        changed = [*samples[:position], worse, *samples[position + 1 :]]
        assert judge(changed, rules).result != PASS


@given(st.permutations([good(avg_hash_time=value) for value in (1.0, 20.0, 49.0, 51.0)]), st.booleans())
def test_where_no_run_is_counted_order_is_irrelevant(samples, trips):
    rules = Rules(consecutive=1, limits=(Limit("avg_hash_time", 50 if trips else 60),))
    assert judge(samples, rules).result == (FAIL if trips else PASS)


@given(SAMPLES, RULES)
def test_a_failure_that_was_called_early_stands_at_the_end(samples, rules):
    for length in range(len(samples) + 1):
        if judge(samples[:length], rules, ended=False).result == FAIL:
            assert judge(samples, rules, ended=True).result == FAIL
            return
