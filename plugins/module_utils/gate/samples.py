# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one look at a service found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Tuple

OK = "ok"
NOT_OK = "not_ok"
UNREACHABLE = "unreachable"
BAD = "bad"
NOT_ASKED = "not_asked"

FIGURES = ("avg_hash_time", "p95_hash_time", "extraction_failures_rate", "low_confidence_queue_length")
UNITS = {
    "avg_hash_time": "ms",
    "p95_hash_time": "ms",
    "extraction_failures_rate": "%",
    "low_confidence_queue_length": "items",
}


@dataclass(frozen=True)
class Sample:
    """One look.

    ``health`` and ``metrics`` are OK, NOT_OK (an answer that says no), UNREACHABLE (no answer) or BAD (an answer that
    makes no sense); ``metrics`` is NOT_ASKED where no URL was given. ``elapsed`` counts seconds since the watch began.
    """

    elapsed: float
    health: str
    metrics: str = NOT_ASKED
    figures: Mapping[str, float] = field(default_factory=dict)
    bad: Tuple[str, ...] = ()
    missing: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    at: str = ""

    def has(self, kind: str) -> bool:
        """Whether health or metrics ended as ``kind``; a figure that is no number counts as BAD."""
        return kind in (self.health, self.metrics) or (kind == BAD and bool(self.bad))

    @property
    def failing(self) -> bool:
        return any(self.has(kind) for kind in (NOT_OK, UNREACHABLE, BAD))

    @property
    def good(self) -> bool:
        """Healthy, and every figure asked for is a number."""
        return not self.failing and not self.missing

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Sample:
        """The sample of which :meth:`as_dict` was made."""
        return cls(
            elapsed=float(document["elapsed"]),
            at=str(document.get("at", "")),
            health=str(document["health"]),
            metrics=str(document["metrics"]),
            figures={str(name): float(value) for name, value in document["figures"].items()},
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
            "figures": dict(self.figures),
            "bad": list(self.bad),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }
