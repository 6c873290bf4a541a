"""The timing of a watch, with a fake clock; and the whole gate against a real server."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.gate.judge import FAIL, INCONCLUSIVE, PASS, Rules
from ansible_collections.mobius.dhash.plugins.module_utils.gate.plan import is_failure, make_plan, run, spike_limit
from ansible_collections.mobius.dhash.plugins.module_utils.gate.samples import NOT_OK, OK, Sample
from ansible_collections.mobius.dhash.plugins.module_utils.gate.watch import Rhythm, watch
from ansible_collections.mobius.dhash.tests.support.gate_server import METRICS, document, in_turn, raw, serving, url_of

OPTIONS = {
    "health_url": "http://127.0.0.1:1/health",
    "consecutive": 3,
    "interval": 2.0,
    "slow_after": 0.0,
    "slow_interval": 120.0,
    "duration": 0.0,
    "window": 60.0,
    "timeout": 5.0,
    "spike_absolute": 10.0,
    "spike_relative": 0.5,
}


class Clock:
    """Time passes only when slept, or when a sample takes some."""

    def __init__(self, per_sample: float = 0.0) -> None:
        self.now, self.per_sample, self.moments = 1000.0, per_sample, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def take(self, healths):
        def one(elapsed):
            self.moments.append(round(elapsed, 3))
            self.now += self.per_sample
            return Sample(elapsed=elapsed, health=healths.pop(0) if len(healths) > 1 else healths[0])

        return one


def watched(rules, rhythm, healths, per_sample=0.0):
    clock = Clock(per_sample)
    judgement, samples = watch(rules, rhythm, clock.take(list(healths)), clock, clock.sleep)
    return judgement, samples, clock


def test_it_stops_as_soon_as_it_knows():
    judgement, samples, clock = watched(Rules(), Rhythm(), [NOT_OK, OK])
    assert judgement.result == PASS
    assert clock.moments == [0, 2, 4, 6]
    assert len(samples) == 4


def test_it_ends_with_its_window():
    judgement, samples, clock = watched(Rules(), Rhythm(window=10), [NOT_OK])
    assert judgement.result == FAIL
    assert clock.moments == [0, 2, 4, 6, 8, 10]


def test_slow_samples_do_not_pile_up():
    _unused, _unused, clock = watched(Rules(), Rhythm(window=10), [NOT_OK], per_sample=3.0)
    assert clock.moments == [0, 3, 6, 9]


def test_the_rhythm_slows_down():
    rhythm = Rhythm(interval=30, slow_after=300, slow_interval=120, window=1800)
    judgement, samples, clock = watched(Rules(duration=1740), rhythm, [OK])
    assert judgement.result == PASS
    assert clock.moments[:11] == [30 * n for n in range(11)]
    assert clock.moments[11:13] == [420, 540]
    assert len(samples) == len(clock.moments) <= rhythm.most_samples()


def test_each_sample_is_reported():
    reported = []
    clock = Clock()
    watch(Rules(), Rhythm(), clock.take([OK]), clock, clock.sleep, reported.append)
    assert len(reported) == 3


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"consecutive": 0}, "consecutive"),
        ({"interval": -1}, "interval"),
        ({"interval": 0}, "interval"),
        ({"timeout": 0}, "timeout"),
        ({"window": float("nan")}, "window"),
        ({"consecutive": 40}, "never pass"),
        ({"duration": 90}, "never pass"),
        ({"failures_in_a_row": 31}, "never be exceeded"),
        ({"failures_in_a_row": -1}, "never be exceeded"),
        ({"bad_in_all": 31}, "never be exceeded"),
        ({"limits": {"avg_hash_time": 50}}, "metrics_url"),
        ({"limits": {"speed": 50}, "metrics_url": "http://h/"}, "Unknown metric"),
        ({"limits": {"extraction_failures_rate": 100}, "metrics_url": "http://h/"}, "never be exceeded"),
        ({"limits": {"avg_hash_time": "fast"}, "metrics_url": "http://h/"}, "avg_hash_time"),
        ({"limits": {"avg_hash_time": -1}, "metrics_url": "http://h/"}, "avg_hash_time"),
        ({"limits": {"avg_hash_time": 5}, "over": {"avg_hash_time": 61}, "metrics_url": "http://h/"}, "does not fit"),
        ({"over": {"avg_hash_time": 10}, "metrics_url": "http://h/"}, "no limit"),
    ],
)
def test_an_invalid_plan_is_refused(changes, words):
    with pytest.raises(MobiusError, match=words):
        make_plan({**OPTIONS, **changes})


def test_a_queue_may_grow_by_the_larger_of_both_measures():
    assert spike_limit(4, 10, 0.5) == 14
    assert spike_limit(100, 10, 0.5) == 150
    plan = make_plan({**OPTIONS, "baseline": 4, "metrics_url": "http://h/"})
    assert plan.rules.limits[0].maximum == 14


@pytest.mark.parametrize(
    "result, on_inconclusive, failed",
    [(PASS, "fail", False), (FAIL, "hold", True), (INCONCLUSIVE, "hold", False), (INCONCLUSIVE, "fail", True)],
)
def test_which_ends_fail(result, on_inconclusive, failed):
    assert is_failure(result, on_inconclusive) is failed


def gate(answers, check_mode=False, **options):
    with serving(answers) as server:
        urls = {"health_url": url_of(server, "/health"), "metrics_url": url_of(server, "/metrics")}
        return run({**OPTIONS, **urls, "interval": 0.05, "window": 1.0, **options}, check_mode)


HEALTHY = document({"status": "healthy"})
UNHEALTHY = document({"status": "unhealthy", "reasons": ["not the bytes that were deployed"]}, 503)


def test_a_real_service_that_needs_a_moment_passes():
    result = gate({"/health": in_turn(UNHEALTHY, HEALTHY), "/metrics": document(METRICS)})
    assert result["result"] == PASS
    assert result["counts"]["samples"] == 4
    assert result["metrics"]["avg_hash_time"]["worst"] == 1.5
    assert result["changed"] is False


def test_a_real_service_that_stays_bad_fails_with_its_reason():
    result = gate({"/health": UNHEALTHY, "/metrics": document(METRICS)})
    assert result["result"] == FAIL
    assert "not the bytes that were deployed" in result["msg"]


def test_metrics_that_turn_bad_fail_at_once():
    slow = document({**METRICS, "avg_hash_time": 80})
    result = gate(
        {"/health": HEALTHY, "/metrics": in_turn(document(METRICS), slow)}, consecutive=15, limits={"avg_hash_time": 50}
    )
    assert result["result"] == FAIL
    assert result["counts"]["samples"] == 2
    assert result["figures"]["avg_hash_time"]["margin"] == -30


def test_a_service_that_measured_nothing_is_inconclusive():
    result = gate({"/health": HEALTHY, "/metrics": document({**METRICS, "avg_hash_time": None})})
    assert result["result"] == INCONCLUSIVE


def test_nan_never_passes():
    result = gate({"/health": HEALTHY, "/metrics": raw(b'{"avg_hash_time": NaN}', 200, "application/json")})
    assert result["result"] == FAIL
    assert result["counts"]["bad"] == result["counts"]["samples"]


def test_check_mode_takes_one_look():
    assert gate({"/health": UNHEALTHY, "/metrics": UNHEALTHY}, check_mode=True)["counts"]["samples"] == 1


def test_long_watches_report_a_bounded_list():
    result = gate({"/health": HEALTHY, "/metrics": document({})}, interval=0.05, consecutive=1, window=0.3)
    assert len(result["samples"]) == result["counts"]["samples"] <= 7
