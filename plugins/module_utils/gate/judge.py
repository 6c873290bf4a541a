# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement: a pure function over samples that never passes without measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .samples import BAD, NOT_OK, UNITS, UNREACHABLE, Sample

PASS = "pass"
FAIL = "fail"
INCONCLUSIVE = "inconclusive"

# A mean of fewer values is unreliable; at the end of the watch it is used anyway.
_MEAN_OF = 3


@dataclass(frozen=True)
class Limit:
    """A metric fails strictly above ``maximum``: each value (``over`` 0), or its mean over ``over`` seconds."""

    metric: str
    maximum: float
    over: float = 0.0


@dataclass(frozen=True)
class Rules:
    """The conditions of a pass and of a failure.

    Pass: the last ``consecutive`` samples are good and the watch lasted at least ``duration`` seconds.
    Failure: a limit is exceeded; more than ``failures_in_a_row`` consecutive samples fail; more than
    ``unreachable_in_all`` or ``bad_in_all`` samples in total are unreachable or invalid (None: no limit); or the watch
    ended without a pass after a failed sample.
    """

    consecutive: int = 3
    duration: float = 0.0
    limits: Tuple[Limit, ...] = ()
    failures_in_a_row: Optional[int] = None
    unreachable_in_all: Optional[int] = None
    bad_in_all: Optional[int] = None


@dataclass(frozen=True)
class Judgement:
    result: str
    reasons: Tuple[str, ...]


def judge(samples: Sequence[Sample], rules: Rules, ended: bool = True) -> Judgement:
    """Judge the samples so far; before the end, INCONCLUSIVE means that the watch continues."""
    tripped = _tripped(samples, rules, ended)
    if tripped:
        return Judgement(FAIL, tuple(tripped))
    run = _good_at_the_end(samples)
    lasted = samples[-1].elapsed if samples else 0.0
    if samples and run >= rules.consecutive and lasted >= rules.duration:
        return Judgement(PASS, (f"the last {run} of {len(samples)} samples were OK",))
    return _without_a_pass(samples, rules, ended, run)


def counts(samples: Sequence[Sample]) -> Dict[str, int]:
    """Count samples that were OK, not OK, unreachable, bad or lacked a metric; a sample may count more than once."""
    return {
        "samples": len(samples),
        "ok": sum(sample.good for sample in samples),
        "not_ok": sum(sample.has(NOT_OK) for sample in samples),
        "unreachable": sum(sample.has(UNREACHABLE) for sample in samples),
        "bad": sum(sample.has(BAD) for sample in samples),
        "missing": sum(bool(sample.missing) for sample in samples),
    }


def margins(samples: Sequence[Sample], rules: Rules) -> Dict[str, Dict[str, Any]]:
    """Worst and last value of each metric seen, with its limit and the margin below it."""
    limits = {limit.metric: limit for limit in rules.limits}
    table: Dict[str, Dict[str, Any]] = {}
    for metric in sorted({name for sample in samples for name in sample.values}):
        values = [sample.values[metric] for sample in samples if metric in sample.values]
        limit = limits.get(metric)
        row: Dict[str, Any] = {"worst": max(values), "last": values[-1], "unit": UNITS.get(metric, "")}
        if limit is not None:
            judged = [value for _unused, value in _judged_values(samples, limit, True)]
            row.update(limit=limit.maximum, over=limit.over, margin=round(limit.maximum - max(judged), 6))
        table[metric] = row
    return table


def _tripped(samples: Sequence[Sample], rules: Rules, ended: bool) -> List[str]:
    reasons = [reason for reason in (_over_the_limit(samples, limit, ended) for limit in rules.limits) if reason]
    # One cause that exceeds several limits is stated once.
    by_cause: Dict[str, List[str]] = {}
    length, last = _longest_failing_run(samples)
    if last is not None and rules.failures_in_a_row is not None and length > rules.failures_in_a_row:
        by_cause[why(last)] = [f"not OK {length} times in a row (at most {rules.failures_in_a_row} allowed)"]
    for kind, allowed, words in (
        (UNREACHABLE, rules.unreachable_in_all, "no response"),
        (BAD, rules.bad_in_all, "an invalid response"),
    ):
        found = [sample for sample in samples if sample.has(kind)]
        if allowed is not None and len(found) > allowed:
            exceeded = f"{words} {len(found)} times in total (at most {allowed} allowed)"
            by_cause.setdefault(why(found[-1]), []).append(exceeded)
    return reasons + [f"{', '.join(exceeded)}: {cause}" for cause, exceeded in by_cause.items()]


def _over_the_limit(samples: Sequence[Sample], limit: Limit, ended: bool) -> str:
    values = _judged_values(samples, limit, ended)
    above = [(elapsed, value) for elapsed, value in values if value > limit.maximum]
    if not above:
        return ""
    elapsed, value = max(above, key=lambda pair: pair[1])
    unit = UNITS.get(limit.metric, "")
    mean = f" on average over {limit.over:g} s" if limit.over else ""
    return (
        f"{limit.metric} was {value:g} {unit}{mean} after {elapsed:.0f} s, above the limit of {limit.maximum:g} {unit}"
    )


def _judged_values(samples: Sequence[Sample], limit: Limit, ended: bool) -> List[Tuple[float, float]]:
    """Yield (seconds, value) of everything that is compared with the limit."""
    seen = [(sample.elapsed, sample.values[limit.metric]) for sample in samples if limit.metric in sample.values]
    if not limit.over:
        return seen
    means = []
    for position, (elapsed, _unused) in enumerate(seen):
        window = [value for moment, value in seen[: position + 1] if moment > elapsed - limit.over]
        if len(window) >= _MEAN_OF or (ended and position == len(seen) - 1):
            means.append((elapsed, sum(window) / len(window)))
    return means


def _without_a_pass(samples: Sequence[Sample], rules: Rules, ended: bool, run: int) -> Judgement:
    if not samples:
        return Judgement(INCONCLUSIVE, ("nothing was measured",))
    required = f"{rules.consecutive} OK samples in a row are required, the last {run} of {len(samples)} were OK"
    failing = [sample for sample in samples if sample.failing]
    if failing:
        result = FAIL if ended else INCONCLUSIVE
        return Judgement(result, (f"{required}; last failure: {why(failing[-1])}",))
    lacking = [sample for sample in samples if sample.missing]
    if lacking:
        return Judgement(INCONCLUSIVE, (f"{required}; {why(lacking[-1])}",))
    return Judgement(INCONCLUSIVE, (f"{required}, after {samples[-1].elapsed:.0f} of {rules.duration:g} s",))


def _good_at_the_end(samples: Sequence[Sample]) -> int:
    run = 0
    for sample in reversed(samples):
        if not sample.good:
            break
        run += 1
    return run


def _longest_failing_run(samples: Sequence[Sample]) -> Tuple[int, Optional[Sample]]:
    longest, last, run = 0, None, 0
    for sample in samples:
        run = run + 1 if sample.failing else 0
        if run > longest:
            longest, last = run, sample
    return longest, last


def why(sample: Sample) -> str:
    """Describe what was wrong with a sample, in one line."""
    return "; ".join(sample.notes) if sample.notes else f"health {sample.health}, metrics {sample.metrics}"
