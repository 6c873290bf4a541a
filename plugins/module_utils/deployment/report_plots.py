# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots of a report: hash times beside the limits, and the samples of a watch with the limits drawn."""

from __future__ import annotations

import math
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional

from ..gate.samples import METRICS, UNITS
from ..pages.plots import Mark, Point, histogram, series, strip
from ..pages.template import Html

_NAMES = {
    "avg_hash_time": "Mean hash time",
    "p95_hash_time": "95th percentile of hash times",
    "extraction_failures_rate": "Images without a dHash",
    "low_confidence_queue_length": "Review queue",
}


class Drawn(NamedTuple):
    """A plot, and the same in words."""

    plot: Html
    note: str


def hash_times(report: Mapping[str, Any]) -> Optional[Drawn]:
    """The distribution of hash times; None where the report has none."""
    times = report.get("hash_times") or {}
    bounds, counts = _numbers(times.get("bounds")), _numbers(times.get("counts"))
    if not bounds or len(counts) != len(bounds) + 1 or not any(counts):
        return None
    facts, limits = report.get("facts") or {}, report.get("limits") or {}
    metrics = facts.get("metrics") or {}
    marks, words = [], []
    for key, name in (("avg_hash_time", "mean"), ("p95_hash_time", "p95")):
        value, limit = _number(metrics.get(key)), _number(limits.get(key))
        if value is not None and value > 0:
            marks.append(Mark(value, f"{name} {value:g} ms"))
        if limit is not None and limit > 0:
            marks.append(Mark(limit, f"limit of {name} {limit:g} ms", is_limit=True))
        if value is not None:
            words.append(f"{name} {value:g} ms" + ("" if limit is None else f" (limit {limit:g} ms)"))
    note = ", ".join([f"{sum(counts):,.0f} images", *words])
    plot = histogram(f"Histogram of hash times: {note}", "ms", bounds, [int(count) for count in counts], marks)
    return Drawn(plot, note)


def monitoring(report: Mapping[str, Any]) -> Iterator[Drawn]:
    """One plot for each metric that was measured; one of the health where none was."""
    samples: List[Mapping[str, Any]] = [each for each in report.get("samples") or [] if isinstance(each, dict)]
    if not samples:
        return
    facts = report.get("facts") or {}
    rows = facts.get("metrics") or facts.get("figures") or {}
    for name in METRICS:
        if any(_value(sample, name) is not None for sample in samples):
            row = rows.get(name)
            yield _metric(name, samples, row if isinstance(row, dict) else {})
    failing = sum(not sample.get("ok") for sample in samples)
    points = [Point(_number(each.get("elapsed")) or 0.0, None, not each.get("ok")) for each in samples]
    note = f"Samples: {len(samples)}, of them {failing} not OK"
    yield Drawn(strip(note, points), note)


def _metric(name: str, samples: List[Mapping[str, Any]], row: Mapping[str, Any]) -> Drawn:
    unit, limit = UNITS[name], _number(row.get("limit"))
    points = [
        Point(_number(sample.get("elapsed")) or 0.0, value, value is not None and limit is not None and value > limit)
        for sample, value in ((sample, _value(sample, name)) for sample in samples)
    ]
    words = [f"{_NAMES[name]}, {unit}"]
    worst = _number(row.get("worst"))
    if worst is not None:
        words.append(f"worst {worst:g}")
    if limit is not None:
        over = _number(row.get("over"))
        words.append(f"limit {limit:g}" + (f" on average over {over:g} s" if over else ""))
    note = "; ".join(words)
    return Drawn(series(f"{note}. Over time", unit, points, limit), note)


def _value(sample: Mapping[str, Any], name: str) -> Optional[float]:
    values = sample.get("values")
    return _number(values.get(name)) if isinstance(values, dict) else None


def _numbers(values: Any) -> List[float]:
    found = [_number(value) for value in values] if isinstance(values, list) else []
    return [value for value in found if value is not None and value >= 0]


def _number(value: Any) -> Optional[float]:
    """A finite number; a limit may be text where it came from an extra variable."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
