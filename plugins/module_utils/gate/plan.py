# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn options into a plan, and check that every limit can be exceeded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ..errors import MobiusError
from ..http import Access
from .health import HealthRules
from .judge import FAIL, INCONCLUSIVE, Judgement, Limit, Rules, margins
from .judge import counts as count
from .report import summary
from .sampler import Sampler
from .samples import METRICS, Sample
from .watch import Rhythm, watch

_QUEUE = "low_confidence_queue_length"
_KEPT_FIRST, _KEPT_LAST = 50, 150


class Plan(NamedTuple):
    rules: Rules
    rhythm: Rhythm


def make_plan(options: Mapping[str, Any]) -> Plan:
    """Check the options of a gate and turn them into rules and a rhythm.

    :raises MobiusError: a number is out of range, or a limit could never be exceeded.
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
    _refuse_what_never_trips(rules, rhythm, options)
    return Plan(rules, rhythm)


def run(options: Mapping[str, Any], check_mode: bool = False) -> Dict[str, Any]:
    """Sample and judge.

    In check mode one sample is taken and nothing fails, because nothing was deployed.
    """
    plan = make_plan(options)
    sampler = Sampler(
        options["health_url"],
        options.get("metrics_url"),
        access_of(options),
        options.get("metric_paths"),
        HealthRules.of(options.get("health_status_codes"), options.get("health_words")),
    )
    rhythm = replace(plan.rhythm, window=0.0) if check_mode else plan.rhythm
    judgement, samples = watch(plan.rules, rhythm, sampler.take)
    return outcome(judgement, samples, plan.rules)


def outcome(judgement: Judgement, samples: Sequence[Sample], rules: Rules) -> Dict[str, Any]:
    """Return a judgement and its samples for a module; of more than 200 samples the first 50 and the last 150."""
    totals = count(samples)
    metrics = margins(samples, rules)
    kept = list(samples)
    if len(kept) > _KEPT_FIRST + _KEPT_LAST:
        kept = kept[:_KEPT_FIRST] + kept[-_KEPT_LAST:]
    return {
        "changed": False,
        "result": judgement.result,
        "reasons": list(judgement.reasons),
        "counts": totals,
        "metrics": metrics,
        # The former name of "metrics".
        "figures": metrics,
        "summary": summary(totals, metrics),
        "samples": [sample.as_dict() for sample in kept],
        "msg": f"{judgement.result}: {'; '.join(judgement.reasons)}.",
    }


def is_failure(result: str, on_inconclusive: str) -> bool:
    """Whether the task fails: always on a fail, on an inconclusive end depending on ``on_inconclusive``."""
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
    """Return the queue length above which it is a spike: longer by both ``absolute`` items and ``relative`` of it."""
    return max(baseline + absolute, baseline * (1 + relative))


def _limits(options: Mapping[str, Any]) -> List[Limit]:
    over = options.get("over") or {}
    limits = []
    for metric, value in sorted((options.get("limits") or {}).items()):
        if value is None:
            continue
        if metric not in METRICS:
            raise MobiusError("Unknown metric in limits", ascii(metric), f"use one of {', '.join(METRICS)}")
        limits.append(Limit(metric, _number({metric: value}, metric, 0.0), _number(over, metric, 0.0)))
    if options.get("baseline") is not None:
        baseline = _number(options, "baseline", 0.0)
        spike = spike_limit(baseline, _number(options, "spike_absolute", 0.0), _number(options, "spike_relative", 0.0))
        limits.append(Limit(_QUEUE, spike, _number(over, _QUEUE, 0.0)))
    unknown = sorted(set(over) - {limit.metric for limit in limits})
    if unknown:
        raise MobiusError(
            "A metric in over has no limit", ", ".join(unknown), "add it to limits, or remove it from over"
        )
    return limits


def _refuse_what_never_trips(rules: Rules, rhythm: Rhythm, options: Mapping[str, Any]) -> None:
    most = rhythm.most_samples()
    if rules.consecutive > most or rules.duration > rhythm.window:
        raise MobiusError(
            f"The gate could never pass: it requires {rules.consecutive} samples over at least {rules.duration:g} s, "
            f"and only {most} fit into a window of {rhythm.window:g} s",
            None,
            "use a longer window or a shorter interval",
        )
    for name in ("failures_in_a_row", "unreachable_in_all", "bad_in_all"):
        allowed: Optional[int] = options.get(name)
        if allowed is not None and not 0 <= allowed < most:
            raise MobiusError(
                f"{name} could never be exceeded: {allowed} is not below the {most} samples of the window",
                None,
                "use a lower limit",
            )
    if rules.limits and not options.get("metrics_url"):
        raise MobiusError("Limits on metrics require metrics_url", None, "set metrics_url, or leave the limits out")
    for limit in rules.limits:
        if limit.metric == "extraction_failures_rate" and limit.maximum >= 100:
            raise MobiusError(
                f"The limit on {limit.metric} could never be exceeded: a rate is at most 100 %",
                None,
                "use a lower limit",
            )
        if limit.over > rhythm.window:
            raise MobiusError(
                f"The mean of {limit.metric} over {limit.over:g} s does not fit into a window of {rhythm.window:g} s",
                None,
                "use a shorter over or a longer window",
            )


def _number(options: Mapping[str, Any], name: str, least: float) -> float:
    try:
        value = float(options.get(name) or 0)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise MobiusError(f"{name} must be a number of at least {least:g}", ascii(options.get(name)), f"correct {name}")
    return value
