# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rollback of a run restores, and what it keeps as evidence."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ...module_utils.errors import MobiusError
from .model import DEPLOYMENT, MONITORING, ROLLBACK, Failure, Run, timeline

# What of the evidence goes into the artifacts of a job.
_MOST_MESSAGE = 2000
_MOST_STEPS = 50


class NotReachable(MobiusError):
    """The host could not be reached again."""


def arguments(run: Run, given: Mapping[str, Any], controller: Mapping[str, Any]) -> Dict[str, Any]:
    """The options of the module ``run_rollback`` that follow from the run.

    :param given: the options of the task.
    """
    wanted: Dict[str, Any] = {"run": {"id": run.id, "kind": run.kind, "controller": dict(controller)}}
    if run.kind == DEPLOYMENT:
        before = run.sha256_before
        migrated = run.last("migrate")
        wanted.update(
            backup=f"sha256:{before}" if before else given.get("backup", "deployment"),
            # What a migration did not replace is somebody's edit; one that returned nothing may have replaced it.
            only_replaced=migrated is not None and migrated.outcome != "changed",
            lock=False,
        )
        earlier = _unproven_before(run)
        if earlier:
            wanted.update(backup=f"sha256:{earlier}", only_replaced=False)
    if run.kind == MONITORING:
        current = run.result("state").get("current") or {}
        wanted["watched"] = {name: current.get(name) for name in ("deployment", "sha256", "status")}
    if run.kind == ROLLBACK and run.fleet:
        wanted["fleet"] = run.fleet
    if run.failure is not None:
        wanted["evidence"] = _evidence(run, run.failure, given.get("evidence") or {})
    return {**wanted, **{name: path for name, path in run.real_paths.items() if name != "log_dir"}}


def _unproven_before(run: Run) -> Optional[str]:
    """SHA-256 of what an earlier run replaced by a library that was never proven and is found bad now.

    None where this run replaced the library itself, or where there is no such run.
    """
    preflight, migrated = run.result("preflight"), run.last("migrate")
    earlier = preflight.get("unfinished") or {}
    if "verify" not in (preflight.get("owed") or ()) or earlier.get("kind") != DEPLOYMENT:
        return None
    untouched = migrated is not None and migrated.outcome == "ok" and not migrated.result.get("adopted")
    return (earlier.get("sha256") or None) if untouched else None


def _evidence(run: Run, failure: Failure, given: Mapping[str, Any]) -> Dict[str, Any]:
    now = timeline(run)
    now.append({"at": now[-1]["at"], "event": "rollback"})
    log_dir = {"log_dir": run.real_paths["log_dir"]} if "log_dir" in run.real_paths else {}
    return {
        **given,
        **log_dir,
        "failure": {"step": failure.step, "task": failure.task, "message": failure.message, **_watched(run)},
        "timeline": now,
        "samples": list((run.result("watch") or run.result("health")).get("samples") or []),
        "logs": [*(given.get("logs") or []), *_logs(run)],
    }


def artifact(run: Run, evidence: Mapping[str, Any]) -> Dict[str, Any]:
    """The evidence that is small enough for an artifact of a job; empty where none was kept.

    :param evidence: ``folder`` and ``files`` of the module's result.
    :returns: ``run``, ``folder``, ``files``, ``step`` and ``message`` of the failure, and ``timeline``.
    """
    if run.failure is None or not evidence.get("folder"):
        return {}
    return {
        "run": run.id,
        "folder": evidence["folder"],
        "files": list(evidence.get("files") or []),
        "step": run.failure.step,
        "message": run.failure.message[:_MOST_MESSAGE],
        "timeline": [f"{each['at']} {each['event']}: {each['outcome']}" for each in timeline(run)][-_MOST_STEPS:],
    }


def _watched(run: Run) -> Dict[str, Any]:
    watched = run.result("watch")
    deployment = (run.result("state").get("current") or {}).get("deployment")
    return {
        name: value
        for name, value in {**watched, "deployment": deployment}.items()
        if name in ("counts", "figures", "metrics", "deployment") and value
    }


def _logs(run: Run) -> List[str]:
    return [str(log) for log in (run.result("migrate").get("log"),) if log]
