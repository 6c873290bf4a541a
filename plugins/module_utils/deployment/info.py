# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is deployed, read from the record beside the library."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..storage.paths import resolve_library
from ..storage.replace import read_version
from ..storage.state import read_current

_QUEUE = "low_confidence_queue_length"


def deployed(path: str) -> Dict[str, Any]:
    """Tell what is deployed.

    :returns: ``current`` (the record, ``{}`` where there is none), ``sha256`` of the library (None: it is missing),
        ``as_recorded`` (the library still has the bytes on record) and ``baseline``, the length of the review queue
        before the last deployment, or None where that was not measured.
    :raises DamagedState: the record cannot be read.
    """
    try:
        sha256: Optional[str] = read_version(resolve_library(path)).sha256
    except FileNotFoundError:
        sha256 = None
    current = read_current(path, sha256) or {}
    return {
        "changed": False,
        "current": current,
        "sha256": sha256,
        "as_recorded": sha256 is not None and current.get("sha256") == sha256,
        "baseline": _queue(current.get("previous")),
    }


def _queue(state: Any) -> Optional[float]:
    metrics = state.get("metrics") if isinstance(state, dict) else None
    value = metrics.get(_QUEUE) if isinstance(metrics, dict) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
