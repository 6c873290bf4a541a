# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From options to a plan that can be judged: every limit is checked to be one that can trip."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ..errors import MobiusError
from ..http import Access
from .judge import FAIL, INCONCLUSIVE, Judgement, Limit, Rules, margins
from .judge import counts as count
from .sampler import Sampler
from .samples import FIGURES, Sample
from .told import summary
from .watch import Rhythm, watch

_QUEUE = "low_confidence_queue_length"
_KEPT_FIRST, _KEPT_LAST = 50, 150


class Plan(NamedTuple):
    rules: Rules
    rhythm: Rhythm


def make_plan(options: Mapping[str, Any]) -> Plan:
    """Check the options of a gate and turn them into rules and a rhythm.

    :raises MobiusError: a number is out of its range, or a limit could never trip.
    """
    rhythm = Rhythm(
        interval=_number(options, "interval", 0.05),
        window=_number(options, "window", 0.0),
        slow_after=_number(options, "slow_after", 0.0),
        slow_interval=_number(options, "slow_interval", 0.05),
    )
    _number(options, "timeout", 0.05)
    rules = Rules(
        consecutive=int(_number(options, "consecutive", 1)),
        duration=_number(options, "duration", 0.0),
        limits=tuple(_limits(options)),
        failures_in_a_row=options.get("failures_in_a_row"),
        unreachable_in_all=options.get("unreachable_in_all"),
        bad_in_all=options.get("bad_in_all"),
    )
    _refuse_what_never_ends(rules, rhythm, options)
    return Plan(rules, rhythm)


def run(options: Mapping[str, Any], check_mode: bool = False) -> Dict[str, Any]:
    """Sample and judge.

    In check mode one sample is taken and nothing fails: what a real run would have deployed first is not there.
    """
    plan = make_plan(options)
    sampler = Sampler(options["health_url"], options.get("metrics_url"), access_of(options), options.get("figures"))
    rhythm = replace(plan.rhythm, window=0.0) if check_mode else plan.rhythm
    judgement, samples = watch(plan.rules, rhythm, sampler.take)
    return outcome(judgement, samples, plan.rules)


def outcome(judgement: Judgement, samples: Sequence[Sample], rules: Rules) -> Dict[str, Any]:
    """A judgement and the samples it was made from, as a module returns them."""
    totals = count(samples)
    figures = margins(samples, rules)
    kept = list(samples)
    if len(kept) > _KEPT_FIRST + _KEPT_LAST:
        kept = kept[:_KEPT_FIRST] + kept[-_KEPT_LAST:]
    return {
        "changed": False,
        "result": judgement.result,
        "reasons": list(judgement.reasons),
        "counts": totals,
        "figures": figures,
        "summary": summary(totals, figures),
        "samples": [sample.as_dict() for sample in kept],
        "msg": f"{judgement.result}: {'; '.join(judgement.reasons)}.",
    }


def is_failure(result: str, on_inconclusive: str) -> bool:
    """Whether a task ends as failed: always for a fail, for an inconclusive end as the caller wants it."""
    return result == FAIL or (result == INCONCLUSIVE and on_inconclusive == "fail")


def access_of(options: Mapping[str, Any]) -> Access:
    return Access(
        timeout=float(options["timeout"]),
        headers={str(name): str(value) for name, value in (options.get("headers") or {}).items()},
        username=options.get("url_username"),
        password=options.get("url_password"),
        validate_certs=bool(options.get("validate_certs", True)),
        ca_path=options.get("ca_path"),
        client_cert=options.get("client_cert"),
        client_key=options.get("client_key"),
        use_proxy=bool(options.get("use_proxy", False)),
    )


def spike_limit(baseline: float, absolute: float, relative: float) -> float:
    """What a queue may grow to: a spike is more than ``absolute`` items and than ``relative`` of it more."""
    return max(baseline + absolute, baseline * (1 + relative))


def _limits(options: Mapping[str, Any]) -> List[Limit]:
    over = options.get("over") or {}
    limits = []
    for figure, value in sorted((options.get("limits") or {}).items()):
        if value is None:
            continue
        if figure not in FIGURES:
            raise MobiusError("There is no such figure", figure, f"use one of {', '.join(FIGURES)}")
        limits.append(Limit(figure, _number({figure: value}, figure, 0.0), _number(over, figure, 0.0)))
    if options.get("baseline") is not None:
        baseline = _number(options, "baseline", 0.0)
        spike = spike_limit(baseline, _number(options, "spike_absolute", 0.0), _number(options, "spike_relative", 0.0))
        limits.append(Limit(_QUEUE, spike, _number(over, _QUEUE, 0.0)))
    unknown = sorted(set(over) - {limit.figure for limit in limits})
    if unknown:
        raise MobiusError("over names a figure that has no limit", ", ".join(unknown), "give it a limit as well")
    return limits


def _refuse_what_never_ends(rules: Rules, rhythm: Rhythm, options: Mapping[str, Any]) -> None:
    most = rhythm.most_samples()
    if rules.consecutive > most or rules.duration > rhythm.window:
        raise MobiusError(
            f"The gate could never pass: {rules.consecutive} samples over at least {rules.duration:g} s are wanted, "
            f"but only {most} fit into a window of {rhythm.window:g} s",
            None,
            "make window longer or interval shorter",
        )
    for name in ("failures_in_a_row", "unreachable_in_all", "bad_in_all"):
        allowed: Optional[int] = options.get(name)
        if allowed is not None and not 0 <= allowed < most:
            raise MobiusError(
                f"{name} could never trip: {allowed} is not below the {most} samples of the window",
                None,
                "make it smaller",
            )
    if rules.limits and not options.get("metrics_url"):
        raise MobiusError("Limits on figures need metrics_url", None, "give metrics_url, or leave the limits out")
    for limit in rules.limits:
        if limit.figure == "extraction_failures_rate" and limit.at_most >= 100:
            raise MobiusError(
                f"The limit on {limit.figure} could never trip: a rate is never above 100 %", None, "make it smaller"
            )
        if limit.over > rhythm.window:
            raise MobiusError(
                f"The mean of {limit.figure} over {limit.over:g} s does not fit into a window of {rhythm.window:g} s",
                None,
                "make over shorter or window longer",
            )


def _number(options: Mapping[str, Any], name: str, least: float) -> float:
    try:
        value = float(options.get(name) or 0)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise MobiusError(f"{name} has to be a number of at least {least:g}", ascii(options.get(name)), "correct it")
    return value
