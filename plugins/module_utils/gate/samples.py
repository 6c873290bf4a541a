# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sample of a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Tuple

OK = "ok"
NOT_OK = "not_ok"
UNREACHABLE = "unreachable"
BAD = "bad"
NOT_REQUESTED = "not_asked"

METRICS = ("avg_hash_time", "p95_hash_time", "extraction_failures_rate", "low_confidence_queue_length")
UNITS = {
    "avg_hash_time": "ms",
    "p95_hash_time": "ms",
    "extraction_failures_rate": "%",
    "low_confidence_queue_length": "items",
}


@dataclass(frozen=True)
class Sample:
    """One sample.

    ``health`` and ``metrics`` are OK, NOT_OK (an unhealthy response), UNREACHABLE (no response) or BAD (an invalid
    response); ``metrics`` is NOT_REQUESTED without a URL. ``values`` are the metrics that are numbers, in the units of
    :data:`UNITS`; ``bad`` and ``missing`` name the others. ``elapsed`` is in seconds since the watch began.
    """

    elapsed: float
    health: str
    metrics: str = NOT_REQUESTED
    values: Mapping[str, float] = field(default_factory=dict)
    bad: Tuple[str, ...] = ()
    missing: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    at: str = ""

    def has(self, kind: str) -> bool:
        """Whether health or metrics ended as ``kind``; a metric that is not a number counts as BAD."""
        return kind in (self.health, self.metrics) or (kind == BAD and bool(self.bad))

    @property
    def failing(self) -> bool:
        return any(self.has(kind) for kind in (NOT_OK, UNREACHABLE, BAD))

    @property
    def good(self) -> bool:
        """Healthy, and every metric requested is a number."""
        return not self.failing and not self.missing

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Sample:
        """The inverse of :meth:`as_dict`."""
        return cls(
            elapsed=float(document["elapsed"]),
            at=str(document.get("at", "")),
            health=str(document["health"]),
            metrics=str(document["metrics"]),
            values={str(name): float(value) for name, value in document["values"].items()},
            bad=tuple(document["bad"]),
            missing=tuple(document["missing"]),
            notes=tuple(document["notes"]),
        )

    def as_dict(self) -> Dict[str, Any]:
        return {
            "at": self.at,
            "elapsed": round(self.elapsed, 3),
            "ok": self.good,
            "health": self.health,
            "metrics": self.metrics,
            "values": dict(self.values),
            "bad": list(self.bad),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }
