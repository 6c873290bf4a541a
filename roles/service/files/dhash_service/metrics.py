# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics for Prometheus, in base units."""

from __future__ import annotations

from typing import Any, Iterator, Optional

from ansible_collections.mobius.dhash.plugins.module_utils.clock import parse_timestamp
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from .library import HEALTHY, View

_PREFIX = "mobius_dhash_"
# name, help, key of the metric, factor to the base unit
_GAUGES = (
    ("avg_hash_time_seconds", "Mean time to hash one image in the last migration.", "avg_hash_time", 0.001),
    ("p95_hash_time_seconds", "95th percentile of the time to hash one image.", "p95_hash_time", 0.001),
    ("extraction_failures_ratio", "Share of the images without a dHash.", "extraction_failures_rate", 0.01),
    ("low_confidence_queue_length", "Items under the confidence threshold.", "low_confidence_queue_length", 1),
)


class Metrics:
    """Counts requests, and turns a view into text."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._of_library = _OfLibrary()
        self.registry.register(self._of_library)
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            f"{_PREFIX}http_requests", "Requests answered.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            f"{_PREFIX}http_request_duration_seconds", "Time to answer.", ["path"], registry=self.registry
        )

    def text(self, view: View) -> bytes:
        self._of_library.view = view
        return generate_latest(self.registry)


class _OfLibrary(Collector):
    view: Optional[View] = None

    def collect(self) -> Iterator[Any]:
        view = self.view
        if view is None:
            return
        healthy = 1 if view.status == HEALTHY else 0
        yield GaugeMetricFamily(f"{_PREFIX}healthy", "1 when the library is as it was deployed.", value=healthy)
        if view.reading is not None and view.reading.sha256:
            yield GaugeMetricFamily(f"{_PREFIX}library_size_bytes", "Size of the library.", value=view.reading.size)
        counts = view.counts
        if counts["items"] is not None:
            yield GaugeMetricFamily(f"{_PREFIX}items", "Items in the library.", value=counts["items"])
        if counts["with_dhash"] is not None:
            yield GaugeMetricFamily(f"{_PREFIX}hashed_items", "Items with a dHash.", value=counts["with_dhash"])
        metrics, known = view.metrics, view.deployed
        # What was not measured is left out: a zero would be made up.
        for name, text, key, factor in _GAUGES:
            if metrics[key] is not None:
                yield GaugeMetricFamily(_PREFIX + name, text, value=round(metrics[key] * factor, 9))
        locked = 0 if view.lock is None else 1
        yield GaugeMetricFamily(f"{_PREFIX}lock_held", "1 while a run holds the lock of the library.", value=locked)
        for name, text, moment in (
            ("lock_taken", "When the current lock was taken.", (view.lock or {}).get("taken_at")),
            ("migrated", "When the library was migrated.", known["migrated_at"]),
        ):
            seconds = _seconds(moment)
            if seconds is not None:
                yield GaugeMetricFamily(f"{_PREFIX}{name}_timestamp_seconds", text, value=seconds)
        if known["deployment"]:
            labels = {"deployment": known["deployment"], "status": known["status"] or ""}
            yield InfoMetricFamily(f"{_PREFIX}deployment", "What is deployed.", value=labels)


def _seconds(moment: Any) -> Optional[float]:
    """Seconds since 1970 of a time in the state; None where it has none."""
    try:
        return parse_timestamp(str(moment)).timestamp()
    except ValueError:
        return None
