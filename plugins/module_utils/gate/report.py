# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples and their outcome as lines of text."""

from __future__ import annotations

from typing import Any, List, Mapping

from .samples import METRICS, UNITS, Sample

_SHORT = {
    "avg_hash_time": "avg",
    "p95_hash_time": "p95",
    "extraction_failures_rate": "failures",
    "low_confidence_queue_length": "queue",
}


def format_line(sample: Sample) -> str:
    """A sample as one plain line, for logs."""
    words = [sample.at, f"{sample.elapsed:.0f} s", _state(sample)]
    words += [f"{_SHORT[name]}={sample.values[name]:g}" for name in METRICS if name in sample.values]
    return "  ".join([word for word in words if word] + list(sample.notes))


_COLUMNS = tuple((name, f"{_SHORT[name]} {UNITS[name]}".replace(" items", "")) for name in METRICS)
_WIDTH = 11


def format_header() -> str:
    """The header of the rows."""
    cells = [f"{'UTC':<8}", f"{'elapsed':>9}", f"{'state':<6}"]
    return "  ".join(cells + [f"{title:>{_WIDTH}}" for _name, title in _COLUMNS])


def format_row(sample: Sample) -> str:
    """A sample as a row of a table, for a terminal."""
    cells = [f"{sample.at[11:19]:<8}", f"{sample.elapsed:>7.0f} s", f"{_state(sample):<6}"]
    for name, _title in _COLUMNS:
        value = f"{sample.values[name]:.4g}" if name in sample.values else "-"
        cells.append(f"{value:>{_WIDTH}}")
    return "  ".join(cells + list(sample.notes)).rstrip()


def summary(totals: Mapping[str, int], metrics: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """The number of samples, and for each metric the worst value and the margin below its limit."""
    kinds = ", ".join(
        f"{totals[kind]} {kind.replace('_', ' ')}"
        for kind in ("ok", "not_ok", "unreachable", "bad", "missing")
        if totals[kind] or kind == "ok"
    )
    lines = [f"{totals['samples']} samples: {kinds}"]
    for name, found in metrics.items():
        text = f"{name}: worst {found['worst']:g} {found['unit']}".rstrip()
        if "limit" in found:
            mean = f" on average over {found['over']:g} s" if found["over"] else ""
            text += f", limit {found['limit']:g}{mean}, margin {found['margin']:g}"
        lines.append(text)
    return lines


def _state(sample: Sample) -> str:
    return "ok" if sample.good else "NOT OK" if sample.failing else "no data"
