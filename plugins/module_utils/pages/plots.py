# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots as inline SVG: a histogram, a series over time, a span of time.

Own code instead of a library, because a report is written on the host, where nothing beside the standard library is
sure to be there, and because the page's policy forbids the inline styles and scripts that plotting libraries emit.
Colors come from the page's style sheet, so that a plot follows light, dark and print.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from . import plots_html
from .template import Html, Parts, join

_PARTS = Parts(plots_html.SOURCE)
_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 26, 24
_PLOT_WIDTH = _WIDTH - _LEFT - _RIGHT
_FLOOR = _HEIGHT - _BOTTOM
# Pitch of the labels of marks: a phone shows text at 17 units.
_LINE = 18


@dataclass(frozen=True)
class Mark:
    """A vertical line at a value; ``is_limit`` draws it as a limit."""

    value: float
    label: str
    is_limit: bool = False


@dataclass(frozen=True)
class Point:
    """A measured value; ``value`` is None where a sample has none, ``failing`` marks it red."""

    at: float
    value: Optional[float]
    failing: bool = False


def histogram(label: str, unit: str, bounds: Sequence[float], counts: Sequence[int], marks: Sequence[Mark]) -> Html:
    """Counts by upper bound, the last of them without one.

    :param bounds: ascending and above 0, one less than ``counts``.
    :param marks: positioned on the logarithmic scale of the bounds.
    """
    first, last = _occupied(counts, bounds, marks)
    shown = list(counts[first : last + 1])
    width = _PLOT_WIDTH / len(shown)
    # An even number, so that the middle of the axis is whole.
    most = max(shown) + max(shown) % 2 or 2
    roof = _LINE * len(marks) + 12
    pieces = [_axes(float(most), roof)]
    for place, count in enumerate(shown):
        name = _bucket_name(bounds, first + place, unit)
        x, height = _LEFT + place * width, (_FLOOR - roof) * count / most
        if count:
            size = {"x": _n(x + 1), "y": _n(_FLOOR - height), "width": _n(width - 2), "height": _n(height)}
            pieces.append(_PARTS.fill("bar", kind="bar", title=f"{name}: {count:,}", **size))
        if first + place < len(bounds) and (len(shown) <= 9 or place % 2 == 0):
            anchor = "end" if place == len(shown) - 1 else "middle"
            pieces.append(_text(x + width, _HEIGHT - 8, f"{bounds[first + place]:g}", "axis", anchor))
    for row, mark in enumerate(marks):
        x = _LEFT + (_position(mark.value, bounds) - first) * width
        pieces += _mark(min(max(x, _LEFT), _WIDTH - _RIGHT), mark, row)
    return _plot(label, pieces)


def series(label: str, unit: str, points: Sequence[Point], limit: Optional[float]) -> Html:
    """Values over seconds, with the limit as a line across."""
    values = [point.value for point in points if point.value is not None]
    top = max([*values, limit or 0.0, 0.0]) * 1.1 or 1.0
    span = max((point.at for point in points), default=0.0) or 1.0
    height = _FLOOR - _TOP
    pieces = [_axes(top, _TOP), *_time_axis(span, _HEIGHT - 8)]
    path = ""
    dots: List[Html] = []
    for point in points:
        x = _LEFT + _PLOT_WIDTH * point.at / span
        if point.value is None:
            path += " "
            if point.failing:
                dots.append(_dot(x, _FLOOR, point, f"{_clock(point.at)}: no value"))
            continue
        y = _FLOOR - height * point.value / top
        path += f"{'L' if path and path[-1] != ' ' else 'M'}{_n(x)} {_n(y)}"
        if len(points) <= 80 or point.failing:
            dots.append(_dot(x, y, point, f"{_clock(point.at)}: {point.value:g} {unit}"))
    if path.strip():
        pieces.append(_PARTS.fill("line", path=path))
    if limit is not None:
        y = _FLOOR - height * limit / top
        pieces.append(_PARTS.fill("limit", path=f"M{_LEFT} {_n(y)}H{_WIDTH - _RIGHT}"))
        pieces.append(_text(_WIDTH - _RIGHT, y - 5, f"limit {limit:g} {unit}", "limit-text", "end"))
    return _plot(label, [*pieces, *dots])


def span(start: float, seconds: float, total: float, kind: str) -> Html:
    """A span within ``total`` seconds, for the cell of a table."""
    whole = total or 1.0
    width = max(4.0, 1000 * seconds / whole)
    return _PARTS.fill("span", kind=kind, x=_n(min(1000 * start / whole, 1000 - min(width, 1000))), width=_n(width))


def strip(label: str, points: Sequence[Point]) -> Html:
    """One mark for each sample over seconds, by whether it fails; the values do not count."""
    span = max((point.at for point in points), default=0.0) or 1.0
    width = max(2.0, min(12.0, 0.6 * _PLOT_WIDTH / (len(points) or 1)))
    pieces = []
    for point in points:
        kind, word = ("bad", "not OK") if point.failing else ("bar", "OK")
        x = _LEFT + (_PLOT_WIDTH - width) * point.at / span
        size = {"x": _n(x), "y": "8", "width": _n(width), "height": "34"}
        pieces.append(_PARTS.fill("bar", kind=kind, title=f"{_clock(point.at)}: {word}", **size))
    return _plot(label, [*pieces, *_time_axis(span, 58)], 66)


def _plot(label: str, pieces: Sequence[Html], height: int = _HEIGHT) -> Html:
    return _PARTS.fill("plot", width=str(_WIDTH), height=str(height), label=label, inside=join(pieces))


def _time_axis(span: float, y: float) -> List[Html]:
    places = ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    return [_text(_LEFT + part * _PLOT_WIDTH, y, _clock(part * span), "axis", anchor) for part, anchor in places]


def _axes(most: float, roof: float) -> Html:
    lines = [roof, (roof + _FLOOR) / 2, _FLOOR]
    grid = _PARTS.fill("grid", path="".join(f"M{_LEFT} {_n(y)}H{_WIDTH - _RIGHT}" for y in lines))
    values = (most, most / 2, 0.0)
    return join([grid, *(_text(_LEFT - 6, y + 4, _short(value), "axis", "end") for y, value in zip(lines, values))])


def _mark(x: float, mark: Mark, row: int) -> List[Html]:
    anchor = "end" if x > _WIDTH / 2 else "start"
    kind = "limit" if mark.is_limit else "mark"
    y = 15 + _LINE * row
    return [
        _PARTS.fill(kind, path=f"M{_n(x)} {y - 10}V{_FLOOR}"),
        _text(x - 5 if anchor == "end" else x + 5, y, mark.label, f"{kind}-text", anchor),
    ]


def _dot(x: float, y: float, point: Point, title: str) -> Html:
    return _PARTS.fill("dot", kind="bad" if point.failing else "", x=_n(x), y=_n(y), title=title)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> Html:
    return _PARTS.fill("text", kind=kind, x=_n(x), y=_n(y), anchor=anchor, text=text)


def _occupied(counts: Sequence[int], bounds: Sequence[float], marks: Sequence[Mark]) -> Tuple[int, int]:
    """The first and the last bucket to draw: those with a count or a mark, and one on each side."""
    used = [place for place, count in enumerate(counts) if count]
    used += [min(int(_position(mark.value, bounds)), len(counts) - 1) for mark in marks]
    return max(0, min(used, default=0) - 1), min(len(counts) - 1, max(used, default=0) + 1)


def _position(value: float, bounds: Sequence[float]) -> float:
    """Where a value lies, in buckets from the left."""
    for place, bound in enumerate(bounds):
        if value <= bound:
            below = bounds[place - 1] if place else bound / 2
            return place + (math.log(max(value, below) / below) / math.log(bound / below))
    return len(bounds) + 0.5


def _bucket_name(bounds: Sequence[float], place: int, unit: str) -> str:
    if place >= len(bounds):
        return f"over {bounds[-1]:g} {unit}"
    return f"{bounds[place - 1] if place else 0:g} to {bounds[place]:g} {unit}"


def _short(value: float) -> str:
    """A tick: at most three digits, thousands as k, M or G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.4g}" if value >= 1000 else f"{value:.3g}"


def _clock(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
