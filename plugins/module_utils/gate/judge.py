# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The judgement: a pure function over samples, with nothing measured never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .samples import BAD, NOT_OK, UNITS, UNREACHABLE, Sample

PASS = "pass"
FAIL = "fail"
INCONCLUSIVE = "inconclusive"

# A mean over fewer values than this says little; at the end of the watch it is taken all the same.
_MEAN_OF = 3


@dataclass(frozen=True)
class Limit:
    """A figure may not be strictly above ``at_most``: each value (``over`` 0), or its mean over ``over`` seconds."""

    figure: str
    at_most: float
    over: float = 0.0


@dataclass(frozen=True)
class Rules:
    """What makes a pass and what a failure.

    A pass: the last ``consecutive`` samples are good and the watch lasted at least ``duration`` seconds.
    A failure: a limit trips; more than ``failures_in_a_row`` samples fail one after the other; more than
    ``unreachable_in_all`` or ``bad_in_all`` samples do in all (None: no such limit); or the watch ended without a pass
    and something had failed.
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
    """Judge what was seen so far; while not ``ended``, INCONCLUSIVE means that the watch goes on."""
    tripped = _tripped(samples, rules, ended)
    if tripped:
        return Judgement(FAIL, tuple(tripped))
    run = _good_at_the_end(samples)
    lasted = samples[-1].elapsed if samples else 0.0
    if samples and run >= rules.consecutive and lasted >= rules.duration:
        return Judgement(PASS, (f"the last {run} of {len(samples)} samples were OK",))
    return _without_a_pass(samples, rules, ended, run)


def counts(samples: Sequence[Sample]) -> Dict[str, int]:
    """How many samples were OK, not OK, unreachable, bad or lacked a figure; one sample may count in several."""
    return {
        "samples": len(samples),
        "ok": sum(sample.good for sample in samples),
        "not_ok": sum(sample.has(NOT_OK) for sample in samples),
        "unreachable": sum(sample.has(UNREACHABLE) for sample in samples),
        "bad": sum(sample.has(BAD) for sample in samples),
        "missing": sum(bool(sample.missing) for sample in samples),
    }


def margins(samples: Sequence[Sample], rules: Rules) -> Dict[str, Dict[str, Any]]:
    """Worst and last value of each figure seen, with its limit and the room that was left."""
    limits = {limit.figure: limit for limit in rules.limits}
    table: Dict[str, Dict[str, Any]] = {}
    for figure in sorted({name for sample in samples for name in sample.figures}):
        values = [sample.figures[figure] for sample in samples if figure in sample.figures]
        limit = limits.get(figure)
        row: Dict[str, Any] = {"worst": max(values), "last": values[-1], "unit": UNITS.get(figure, "")}
        if limit is not None:
            judged = [value for _unused, value in _judged_values(samples, limit, True)]
            row.update(limit=limit.at_most, over=limit.over, margin=round(limit.at_most - max(judged), 6))
        table[figure] = row
    return table


def _tripped(samples: Sequence[Sample], rules: Rules, ended: bool) -> List[str]:
    reasons = [reason for reason in (_over_the_limit(samples, limit, ended) for limit in rules.limits) if reason]
    length, last = _longest_failing_run(samples)
    if last is not None and rules.failures_in_a_row is not None and length > rules.failures_in_a_row:
        reasons.append(f"not OK {length} times in a row (at most {rules.failures_in_a_row}): {why(last)}")
    for kind, allowed, words in (
        (UNREACHABLE, rules.unreachable_in_all, "no answer"),
        (BAD, rules.bad_in_all, "an answer that makes no sense"),
    ):
        found = [sample for sample in samples if sample.has(kind)]
        if allowed is not None and len(found) > allowed:
            reasons.append(f"{words} {len(found)} times in all (at most {allowed}): {why(found[-1])}")
    return reasons


def _over_the_limit(samples: Sequence[Sample], limit: Limit, ended: bool) -> str:
    values = _judged_values(samples, limit, ended)
    above = [(elapsed, value) for elapsed, value in values if value > limit.at_most]
    if not above:
        return ""
    elapsed, value = max(above, key=lambda pair: pair[1])
    unit = UNITS.get(limit.figure, "")
    mean = f" on average over {limit.over:g} s" if limit.over else ""
    return (
        f"{limit.figure} was {value:g} {unit}{mean} after {elapsed:.0f} s, above the limit of {limit.at_most:g} {unit}"
    )


def _judged_values(samples: Sequence[Sample], limit: Limit, ended: bool) -> List[Tuple[float, float]]:
    """(seconds, value) of everything that the limit is held against."""
    seen = [(sample.elapsed, sample.figures[limit.figure]) for sample in samples if limit.figure in sample.figures]
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
    wanted = f"{rules.consecutive} OKs in a row were wanted, the last {run} of {len(samples)} samples were OK"
    failing = [sample for sample in samples if sample.failing]
    if failing:
        result = FAIL if ended else INCONCLUSIVE
        return Judgement(result, (f"{wanted}; the last that was not: {why(failing[-1])}",))
    lacking = [sample for sample in samples if sample.missing]
    if lacking:
        return Judgement(INCONCLUSIVE, (f"{wanted}; {why(lacking[-1])}",))
    return Judgement(INCONCLUSIVE, (f"{wanted}, over {samples[-1].elapsed:.0f} of {rules.duration:g} s",))


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
    """What was wrong with a sample, in one line."""
    return "; ".join(sample.notes) if sample.notes else f"health {sample.health}, metrics {sample.metrics}"
