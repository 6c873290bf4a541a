# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``run_finish`` on the host, and whether the run may count as a success."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ...module_utils.storage.lease import TTL
from ...module_utils.version import VERSION
from .end import Command, End, facts
from .headlines import headline
from .model import DEPLOYMENT, MONITORING, ROLLBACK, Run, timeline

#: Start of the names of report files.
KINDS = {DEPLOYMENT: "deployment", ROLLBACK: "rollback", MONITORING: "monitoring"}


def owns_lock(run: Run) -> bool:
    """Whether the run may have taken the lock."""
    return any(step.name in ("preflight", "lock", "rollback") for step in run.steps)


def arguments(
    run: Run, given: Mapping[str, Any], controller: Mapping[str, Any], own: Mapping[str, Any], command: Command
) -> Dict[str, Any]:
    """The options of the module.

    :param given: the options of the task; ``retention`` counts only for a deployment that succeeded.
    :param own: the options that the action plugin acts on; of them ``rollback_backup`` and ``limits`` count here.
    """
    wanted = dict(given)
    stays_on_after = wanted.pop("stays_on_after", None) or []
    if not run.succeeded or run.part:
        wanted.pop("retention", None)
    owed, settled = run.obligations()
    return {
        **wanted,
        "path": run.path,
        **run.real_paths,
        "run": {
            **{"id": run.id, "kind": KINDS[run.kind], "status": run.status},
            **{"collection": VERSION, "settings": dict(run.settings)},
        },
        "backup": _rollback_target(run, own),
        "report_members": report(run, controller, own.get("limits"), command),
        "lift_maintenance": not stays_on(run, stays_on_after),
        "owed": owed,
        "settled": settled,
    }


def report(run: Run, controller: Mapping[str, Any], limits: Any, command: Command) -> Dict[str, Any]:
    """The report: what is in it beside the id.

    :param limits: on the metrics, by name; the page draws them.
    """
    end = End(run, {}, {}, command)
    failure: Dict[str, Any] = {}
    if run.failure is not None:
        failure = {"step": run.failure.step, "task": run.failure.task, "message": run.failure.message}
        if run.last_failure is not None:
            failure["afterwards"] = run.last_failure.message
    if run.hook_failure is not None:
        failure[run.hook_failure.step] = run.hook_failure.message
    return {
        "kind": KINDS[run.kind],
        "status": run.status,
        "host": run.host,
        **({"fleet": run.fleet} if run.fleet else {}),
        "message": headline(end),
        "failure": failure,
        "facts": facts_of(run, end),
        "controller": dict(controller),
        "timeline": timeline(run),
        "commands": _commands(run, command),
        **_tables(run, limits),
    }


def _commands(run: Run, command: Command) -> Dict[str, str]:
    """Commands that make sense whatever ``run_finish`` finds; the next ones after a failure follow from the state."""
    status = {"status": command("status")}
    if run.check_mode or not run.path:
        return {}
    if run.kind != DEPLOYMENT:
        return status if run.succeeded else {**status, "rollback": command("rollback")}
    if run.status == "partial":
        return status
    if run.succeeded:
        return {"rollback": command("rollback"), "review": command("review_export"), **status}
    return status if run.status in ("refused", "rolled_back", "kept_edit") else {**status, "next": command("rollback")}


def _tables(run: Run, limits: Any) -> Dict[str, Any]:
    """What only the JSON and the page have room for."""
    migrated, watched = run.result("migrate"), run.result("watch")
    tables = {
        "failures": migrated.get("failures"),
        "hash_times": migrated.get("hash_times"),
        "samples": watched.get("samples"),
        "limits": limits if isinstance(limits, dict) and run.kind == DEPLOYMENT else {},
    }
    return {name: table for name, table in tables.items() if table}


def facts_of(run: Run, end: End) -> Dict[str, Any]:
    """What the report and the message at the end contain for a run of its kind."""
    if run.kind == DEPLOYMENT:
        return facts(end)
    if run.kind == ROLLBACK:
        return {"library": run.path, **_members(run.result("rollback"), "restored_from", "snapshot", "sha256")}
    watched = _members(run.result("watch"), "counts", "figures", "metrics", "reasons", "baseline")
    deployment = (run.result("state").get("current") or {}).get("deployment")
    verdict = run.result("watch").get("result") or ""
    evidence = facts(end)["evidence"]
    return {"library": run.path, "deployment": deployment or "", "verdict": verdict, **watched, "evidence": evidence}


def _members(result: Mapping[str, Any], *names: str) -> Dict[str, Any]:
    return {name: result[name] for name in names if result.get(name) not in (None, "", [], {})}


def stays_on(run: Run, steps: Any) -> bool:
    """Whether maintenance mode stays on after this end.

    :param steps: ``mobius_maintenance_stays_on_after``: a list or text of steps, ``rollback``,
        ``after_rollback`` or ``all``.
    """
    if run.succeeded or run.failure is None:
        return False
    given = steps.split(",") if isinstance(steps, str) else steps
    chosen = [str(part).strip() for part in given]
    if run.status == "rollback_failed":
        failed = "rollback"
    elif run.last("rollback") is not None and run.last_failure is not None:
        failed = "after_rollback"
    else:
        failed = run.failure.step
    return "all" in chosen or failed in chosen


def failure_of(end: End, lost: str) -> str:
    """Why the task that ends the run fails; empty where the run succeeded."""
    run = end.run
    if not run.succeeded:
        return headline(end)
    if lost and run.holds_lock:
        ttl = end.settings.get("lock_ttl") or TTL
        return (
            f"{headline(end)} But the host was lost before its lock was released: no other run can begin until "
            f"the lock expires, in {ttl} s at the latest."
        )
    if lost:
        return f"{headline(end)} But the host was lost before the run could be closed: {lost}"
    if run.hook_failure is not None:
        return f"{headline(end)} But the hook {run.hook_failure.step} failed: {run.hook_failure.message}"
    for part, what in (
        ("maintenance", "maintenance mode could not be turned off"),
        ("lock", "the lock was not released"),
    ):
        if end.errors.get(part):
            return f"{headline(end)} But {what}: {end.errors[part]}"
    return ""


def _rollback_target(run: Run, own: Mapping[str, Any]) -> str:
    """The backup that a rollback after this run would be given."""
    if run.kind == ROLLBACK:
        return str(own.get("rollback_backup") or "deployment")
    # After a rollback that failed, the bytes from before are wanted; otherwise those of before the last deployment.
    if run.kind == DEPLOYMENT and run.status == "rollback_failed" and run.sha256_before:
        return f"sha256:{run.sha256_before}"
    return "deployment"
