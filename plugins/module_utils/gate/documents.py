# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Figures out of a metric document: flat JSON, nested JSON or Prometheus text."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .samples import FIGURES

_LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?\s+(\S+)(?:\s+-?\d+)?\s*$")
# Prometheus wants base units in names: seconds and ratios become the milliseconds and per cent of the limits.
_SUFFIXES: Mapping[str, Tuple[Tuple[str, float], ...]] = {
    "avg_hash_time": (("", 1.0), ("_ms", 1.0), ("_milliseconds", 1.0), ("_seconds", 1000.0)),
    "p95_hash_time": (("", 1.0), ("_ms", 1.0), ("_milliseconds", 1.0), ("_seconds", 1000.0)),
    "extraction_failures_rate": (("", 1.0), ("_percent", 1.0)),
    "extraction_failures": (("_ratio", 100.0),),
    "low_confidence_queue_length": (("", 1.0), ("_items", 1.0)),
}
_ALSO = {"extraction_failures_rate": ("extraction_failures",)}


class NoDocument(ValueError):
    """The body is neither JSON nor Prometheus text."""


class Reading(NamedTuple):
    """Figures that are numbers, names of those that are none, and names of those that are not there."""

    figures: Dict[str, float]
    bad: Tuple[str, ...]
    missing: Tuple[str, ...]


def read_figures(body: bytes, paths: Optional[Mapping[str, str]] = None) -> Reading:
    """Read the four figures.

    :param paths: where a figure is when not under its own name: ``performance.avg_hash_time``, or a metric's name.
    :raises NoDocument: with the reason.
    """
    paths = paths or {}
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith(("{", "[")):
        document = _parse(text)
        found = {figure: _in_json(document, figure, paths.get(figure)) for figure in FIGURES}
    else:
        metrics = _parse_prometheus(text)
        found = {figure: _in_prometheus(metrics, figure, paths.get(figure)) for figure in FIGURES}
    figures = {figure: float(value) for figure, value in found.items() if value is not None and _sound(value)}
    missing = tuple(figure for figure, value in found.items() if value is None)
    bad = tuple(figure for figure in FIGURES if figure not in figures and figure not in missing)
    return Reading(figures, bad, missing)


def _sound(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:
        return False


def _parse(text: str) -> Dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoDocument(f"not JSON ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise NoDocument("JSON, but no object")
    return document


def _in_json(document: Dict[str, Any], figure: str, path: Optional[str]) -> Any:
    if path:
        value: Any = document
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value
    if figure in document:
        return document[figure]
    values = _nested(document, figure)
    # Two different values under one name: guessing would be making it up.
    return values[0] if values and all(value == values[0] for value in values) else ("ambiguous" if values else None)


def _nested(document: Dict[str, Any], name: str) -> List[Any]:
    values, queue = [], [document]
    while queue:
        current = queue.pop()
        if name in current:
            values.append(current[name])
        queue.extend(value for value in current.values() if isinstance(value, dict))
    return values


def _parse_prometheus(text: str) -> Dict[str, float]:
    """Worst value of each metric over its labels; NaN is worst of all."""
    metrics: Dict[str, float] = {}
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            raise NoDocument("neither JSON nor Prometheus text")
        try:
            value = float(match.group(2))
        except ValueError as error:
            raise NoDocument(f"the metric {match.group(1)} has no number") from error
        known = metrics.get(match.group(1))
        if known is None or math.isnan(value) or value > known:
            metrics[match.group(1)] = value
    if not metrics:
        raise NoDocument("an empty document")
    return metrics


def _in_prometheus(metrics: Mapping[str, float], figure: str, path: Optional[str]) -> Optional[float]:
    if path:
        return metrics.get(path)
    for stem in (figure, *_ALSO.get(figure, ())):
        for suffix, factor in _SUFFIXES[stem]:
            wanted = stem + suffix
            values = [value for name, value in metrics.items() if name == wanted or name.endswith("_" + wanted)]
            if values:
                return max(values, key=lambda value: (math.isnan(value), value)) * factor
    return None
