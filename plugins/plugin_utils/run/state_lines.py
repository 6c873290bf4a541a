# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the host after a run that failed, line by line."""

from __future__ import annotations

from typing import Any, List, Mapping

from ...module_utils.storage.lease import TTL
from .end import End, line
from .model import ROLLBACK

_PROBLEMS = {
    "maintenance": "Maintenance mode could not be turned off",
    "lock": "The lock was not released",
    "metrics_file": "The metrics file could not be written",
    "report": "The report could not be written",
    "retention": "Old backups and logs could not be removed",
    "state": "The state of the host could not be read",
    "history": "The run could not be added to the history",
    "journal": "The run could not be closed in its journal",
}


def state_lines(end: End) -> List[str]:
    """Library, backup, lock, maintenance, evidence and report."""
    return [
        line("library", f"{end.run.path}: {_library(end)}"),
        line("backup", backup_text(end)),
        line("lock", _lock(end)),
        *maintenance_lines(end, always=True),
        *_evidence_lines(end),
        *report_lines(end),
    ]


def _library(end: End) -> str:
    if not end.state:
        why = "the host cannot be reached" if end.is_lost else "the state of the host could not be read"
        before = f" (sha256 {end.before})" if end.before else ""
        return (
            f"unknown, because {why}. The file is complete: it holds the bytes from before{before} or the migrated ones"
        )
    if not end.sha256:
        return "missing"
    if end.sha256 == end.before:
        return f"the bytes from before (sha256 {end.sha256})"
    if end.sha256 == end.migrated:
        return f"migrated, but rejected or not verified (sha256 {end.sha256})"
    current = end.state.get("current") or {}
    if end.state.get("as_recorded") and current.get("status"):
        return f"{current['status']} (sha256 {end.sha256})"
    known = "neither the bytes from before nor the migrated ones, " if end.before else ""
    return f"{known}sha256 {end.sha256}"


def _evidence_lines(end: End) -> List[str]:
    """A rollback by hand keeps no evidence, so that none is missing there."""
    if end.run.kind == ROLLBACK and not end.evidence:
        return []
    return [line("evidence", end.evidence or "none was kept")]


def backup_text(end: End) -> str:
    """The backup that a rollback would restore, or why none can be used."""
    if not end.state:
        return "unknown"
    if end.target.get("verified"):
        return f"{end.target['path']} (verified)"
    older = f"; the newest older one that verifies is {end.target['older']}" if end.target.get("older") else ""
    return f"none that can be used: {end.target.get('reason') or 'there is no backup'}{older}"


def _lock(end: End) -> str:
    if not end.state:
        ttl = end.settings.get("lock_ttl", TTL)
        return f"unknown; if this run holds it, it expires {ttl} s after the run's last step"
    if not end.lock:
        return "free"
    who = f"{end.lock.get('user')} on {end.lock.get('host')}{job_in(end.lock)}"
    return f"held by {end.lock['id']} ({who}) until {end.lock['expires_at']} at the latest"


def job_in(lease: Mapping[str, Any]) -> str:
    """The job that holds a lease, as a part of a sentence; empty where it is not one."""
    info = lease.get("info")
    job, url = (info.get("job"), info.get("url")) if isinstance(info, dict) else (None, None)
    return "".join(f", {each}" for each in (job and f"job {job}", url) if each)


def maintenance_lines(end: End, *, always: bool = False) -> List[str]:
    """The maintenance flag where it is on; with ``always`` also where it is off or unknown."""
    found = end.maintenance
    if not found.get("on"):
        return [line("maintenance", "unknown" if found.get("on") is None else "off")] if always else []
    content = found.get("content") or {}
    details = [
        f"since {content['since']}" if content.get("since") else "",
        f"turned on by {content['deployment']}" if content.get("deployment") else "",
        str(content.get("reason") or "no reason given"),
    ]
    return [line("maintenance", f"STILL ON: {found['flag']} ({', '.join(detail for detail in details if detail)})")]


def report_lines(end: End) -> List[str]:
    """The report; check mode writes none."""
    if end.run.check_mode:
        return []
    page = [line("page", str(end.found["page"]))] if end.found.get("page") else []
    return [line("report", str(end.found.get("log") or "could not be written")), *page]


def problem_lines(end: End) -> List[str]:
    """What the end of the run itself could not do."""
    problems = [line("problem", f"{_PROBLEMS.get(part, part)}: {text}") for part, text in end.errors.items()]
    hook = end.run.hook_failure
    if hook is not None:
        problems.append(line("problem", f'The hook {hook.step} failed in task "{hook.task}": {hook.message}'))
    if end.run.holds_lock and not end.run.check_mode and end.found.get("lock") is False and "lock" not in end.errors:
        what = "The lock of this run was broken or had expired, so another run may have changed the library meanwhile"
        problems.append(line("problem", f"{what}; it is {_lock(end)}"))
    return problems
