# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extract the four metrics from a document: flat JSON, nested JSON, Prometheus text or OpenMetrics."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..json import is_number, load_json
from ..text import printable
from .prometheus import is_metric, parse
from .samples import METRICS

# Prometheus wants base units in names: seconds and ratios become the milliseconds and percent of the limits.
_SUFFIXES: Mapping[str, Tuple[Tuple[str, float], ...]] = {
    "avg_hash_time": (("", 1.0), ("_ms", 1.0), ("_milliseconds", 1.0), ("_seconds", 1000.0)),
    "p95_hash_time": (("", 1.0), ("_ms", 1.0), ("_milliseconds", 1.0), ("_seconds", 1000.0)),
    "extraction_failures_rate": (("", 1.0), ("_percent", 1.0)),
    "extraction_failures": (("_ratio", 100.0),),
    "low_confidence_queue_length": (("", 1.0), ("_items", 1.0)),
}
_ALSO = {"extraction_failures_rate": ("extraction_failures",)}
ACCEPTED = 'expected JSON such as {"avg_hash_time": 1.5}, or Prometheus or OpenMetrics text'


class InvalidDocument(ValueError):
    """The document is neither JSON nor metrics text; the message has what was found and what is accepted."""


class Reading(NamedTuple):
    """Metrics that are numbers, names of those that are not, and names of those that are absent."""

    values: Dict[str, float]
    bad: Tuple[str, ...]
    missing: Tuple[str, ...]


def read_metrics(text: str, paths: Optional[Mapping[str, str]] = None, *, openmetrics: bool = False) -> Reading:
    """Read the four metrics.

    :param paths: where a metric is when not under its own name: ``performance.avg_hash_time``, or a Prometheus name.
    :param openmetrics: whether the service calls the document OpenMetrics.
    :raises InvalidDocument: with the reason.
    """
    paths = paths or {}
    text = text.lstrip("\ufeff \t\r\n")
    # A Prometheus document may begin with a brace too, of a name in quotes.
    if text.startswith(("{", "[")) and not is_metric(text.partition("\n")[0].rstrip()):
        document = _parse_json(text)
        found = {metric: _in_json(document, metric, paths.get(metric)) for metric in METRICS}
    else:
        found = _read_text(text, paths, openmetrics)
    values = {metric: float(value) for metric, value in found.items() if value is not None and _is_sound(value)}
    missing = tuple(metric for metric, value in found.items() if value is None)
    bad = tuple(metric for metric in METRICS if metric not in values and metric not in missing)
    return Reading(values, bad, missing)


def _is_sound(value: Any) -> bool:
    return is_number(value) and value >= 0


def _parse_json(text: str) -> Dict[str, Any]:
    try:
        document = load_json(text)
    except ValueError as error:
        raise InvalidDocument(f"not valid JSON ({_short(str(error))}); {ACCEPTED}") from error
    if not isinstance(document, dict):
        raise InvalidDocument(f"a JSON {type(document).__name__}, not an object; {ACCEPTED}")
    return document


def _in_json(document: Dict[str, Any], metric: str, path: Optional[str]) -> Any:
    if path:
        value: Any = document
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value
    if metric in document:
        return document[metric]
    values = _nested(document, metric)
    # Two different values under one name are ambiguous.
    return values[0] if values and all(value == values[0] for value in values) else ("ambiguous" if values else None)


def _nested(document: Dict[str, Any], name: str) -> List[Any]:
    values, queue = [], [document]
    while queue:
        current = queue.pop()
        if name in current:
            values.append(current[name])
        queue.extend(value for value in current.values() if isinstance(value, dict))
    return values


def _read_text(text: str, paths: Mapping[str, str], openmetrics: bool) -> Dict[str, Optional[float]]:
    values, samples, invalid_line = parse(text, openmetrics=openmetrics)
    if not samples:
        found = f'not a metric: "{_short(invalid_line)}"' if invalid_line else "an empty document"
        raise InvalidDocument(f"{found}; {ACCEPTED}")
    return {metric: _in_text(values, metric, paths.get(metric)) for metric in METRICS}


def _in_text(values: Mapping[str, float], metric: str, path: Optional[str]) -> Optional[float]:
    if path:
        # prometheus_client adds the suffix to the name of a counter that lacks it.
        return values.get(path, values.get(f"{path}_total"))
    for stem in (metric, *_ALSO.get(metric, ())):
        for suffix, factor in _SUFFIXES[stem]:
            wanted = stem + suffix
            found = [value for name, value in values.items() if _is_called(name, wanted)]
            if found:
                return max(found, key=lambda value: (math.isnan(value), value)) * factor
    return None


def _is_called(name: str, wanted: str) -> bool:
    bare = name[: -len("_total")] if name.endswith("_total") else name
    # A name in UTF-8 has its parts divided by dots.
    return bare.replace(".", "_").endswith(f"_{wanted}") or bare == wanted


def _short(text: str) -> str:
    return printable(text, 60)
