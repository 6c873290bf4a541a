# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the history of a library keeps of a run: who, from where, what, when, with which versions, and how it ended."""

from __future__ import annotations

import platform
from typing import Any, Dict, List, Mapping, Optional

from ..clock import timestamp
from ..storage.history import append, read_history
from ..text import redact

_LONGEST = 500
_COUNTS = ("items", "hashed", "unchanged", "failed", "low_confidence")
_FACTS = ("sha256_before", "sha256_after", "backup", "restored_from", "snapshot", "verdict", "deployment", "evidence")
_CONTROLLER = ("host", "user", "job")


def note_run(
    path: str, run: Mapping[str, Any], report: Mapping[str, Any], state: Mapping[str, Any], log: Optional[str]
) -> Dict[str, Any]:
    """Append a run to the history of its library.

    :param run: ``id``, ``kind``, ``status``, ``collection`` (version) and ``settings``.
    :param report: the members of its report.
    :param state: what the library holds, as :func:`.info.deployed` returns it.
    :param log: path of the report.
    :returns: ``number`` and ``sha256`` of the entry.
    """
    return append(path, redact(entry(run, report, state, log)))


def entry(
    run: Mapping[str, Any], report: Mapping[str, Any], state: Mapping[str, Any], log: Optional[str]
) -> Dict[str, Any]:
    """The members of the entry; what is not known is left out."""
    facts, failure = report.get("facts") or {}, report.get("failure") or {}
    controller = report.get("controller") or {}
    timeline: List[Mapping[str, Any]] = list(report.get("timeline") or [])
    known = {
        **{"id": run.get("id"), "kind": run.get("kind"), "status": run.get("status")},
        "started_at": timeline[0].get("at") if timeline else None,
        "ended_at": timestamp(),
        "host": platform.node(),
        "controller": {name: controller[name] for name in _CONTROLLER if controller.get(name)},
        "message": str(report.get("message") or "")[:_LONGEST],
        "failed_step": failure.get("step"),
        "library": facts.get("library"),
        "sha256": state.get("sha256"),
        **{name: facts.get(name) for name in _FACTS},
        "counts": {name: facts[name] for name in _COUNTS if name in facts},
        "report": log,
        "versions": _versions(run, state),
        "settings": run.get("settings"),
    }
    return {name: value for name, value in known.items() if value not in (None, "", {}, [])}


def _versions(run: Mapping[str, Any], state: Mapping[str, Any]) -> Dict[str, Any]:
    """Of the collection and the host's Python, and of what hashed the library as it is now."""
    hashed_with = (state.get("current") or {}).get("versions")
    known = dict(hashed_with) if isinstance(hashed_with, dict) else {}
    return {**known, "collection": run.get("collection"), "python": platform.python_version()}


def history_of(path: str, last: int = 0) -> Dict[str, Any]:
    """The history of a library.

    :param last: how many entries, the newest ones; 0 for all.
    :returns: ``changed`` (false), ``entries`` (oldest first), ``entry_count``, ``problems``, ``notes`` and ``valid``.
    """
    found = read_history(path)
    return {
        "changed": False,
        "entries": found.entries[-last:] if last > 0 else found.entries,
        "entry_count": len(found.entries),
        "problems": found.problems,
        "notes": found.notes,
        "valid": not found.problems,
    }
