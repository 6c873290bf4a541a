# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of the smaller playbooks: the findings, and the next steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping

from .history_lines import as_json, as_table
from .run.end import Command, line

Results = Mapping[str, Any]
_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Report:
    """The lines to show; ``problem`` is why the playbook fails, empty if it does not."""

    lines: List[str] = field(default_factory=list)
    problem: str = ""


def report(kind: str, results: Results, command: Command, *, check_mode: bool = False) -> Report:
    """The report of one host.

    :param kind: one of :data:`KINDS`.
    :param check_mode: the modules predicted what they would do.
    :param results: the results of the modules that the kind needs, see the functions below.
    """
    return _REPORTS[kind]({**results, "check_mode": check_mode}, command)


def _backups(results: Results, command: Command) -> Report:
    """``listing``: of ``library_backup_info``; ``deployed``: of ``deployment_info`` with a backup."""
    backups: List[Dict[str, Any]] = list((results.get("listing") or {}).get("backups") or [])
    target = (results.get("deployed") or {}).get("rollback_target") or {}
    make = f"Back up the current library: {command('backup')}"
    if not backups:
        return Report([line("backups", "none"), line("next", command("backup"))], f"There is no backup. {make}")
    shown = [*map(_backup_line, backups), *_target_lines(target, command)]
    # A file without a checksum cannot be verified, so it is not a failure.
    bad = [each["path"] for each in backups if each.get("judged") and each["verified"] is False]
    if bad:
        verb = "does" if len(bad) == 1 else "do"
        problem = f"{len(bad)} of {len(backups)} backups {verb} not verify: {', '.join(bad)}. {make}"
        return Report(shown, f"{problem}. Remove a damaged one with its checksum when it is no longer needed")
    if not any(each["verified"] for each in backups):
        return Report(shown, f"None of the {len(backups)} backups verifies. {make}")
    return Report(shown)


def _backup_line(backup: Mapping[str, Any]) -> str:
    verdict = {True: "verified", False: f"not verified: {backup['reason']}", None: "not read"}[backup["verified"]]
    if backup.get("problem"):
        verdict += f", but it does not hold a valid library: {backup['problem']}"
    return f"{backup['created']}  {backup['kind']:8}  {_size(backup['size']):>9}  {backup['path']}  {verdict}"


def _target_lines(target: Mapping[str, Any], command: Command) -> List[str]:
    """Which file a rollback would use."""
    if target.get("verified"):
        note = f" ({target['reason']})" if target.get("reason") else ""
        return [line("rollback", f"would use {target['path']}{note}")]
    shown = [line("rollback", f"can use none: {target.get('reason') or 'there is no backup'}")]
    if target.get("older"):
        shown.append(line("older", f"{target['older']} (verified)"))
        shown.append(line("next", command("rollback", extra={"mobius_backup": target["older"]})))
    return shown


def _size(size: int) -> str:
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def _cleanup(results: Results, command: Command) -> Report:
    """``backups``: of ``library_backup_prune``; ``logs``: of ``deployment_prune``."""
    parts = [results.get(name) or {} for name in ("backups", "logs")]
    goes, stays = ("would go", "would stay") if results["check_mode"] else ("removed", "kept")
    removed = [line(goes, f"{each['path']}: {each['reason']}") for part in parts for each in part["removed"]]
    kept = [line(stays, f"{each['path']}: {each['reason']}") for part in parts for each in part["kept"]]
    return Report([*removed, *kept] or [line(goes, "nothing: there are no backups and no logs yet")])


def _health(results: Results, command: Command) -> Report:
    """``health``: of ``dhash_gate``."""
    health = results.get("health") or {}
    if not health.get("result"):
        return Report([line("health", "not checked (mobius_health_check is false)")])
    reasons = "; ".join(str(reason) for reason in health.get("reasons") or [])
    return Report([line("health", f"{health['result']}: {reasons}" if reasons else str(health["result"]))])


def _history(results: Results, command: Command) -> Report:
    """``history``: of ``deployment_history``; ``format``: table or json."""
    found = results.get("history") or {}
    entries: List[Dict[str, Any]] = list(found.get("entries") or [])
    if results.get("format") == "json":
        shown = as_json(entries)
    else:
        shown = as_table(entries) if entries else [line("history", "no run is known")]
        shown += [line("note", str(note)) for note in found.get("notes") or []]
    problems = [str(problem) for problem in found.get("problems") or []]
    if not problems:
        return Report(shown)
    named = "; ".join(problems[:_MOST_PROBLEMS]) + ("; ..." if len(problems) > _MOST_PROBLEMS else "")
    return Report(
        shown,
        f"The history was changed after the runs wrote it: {named}. No run depends on it. Next: find out who "
        "changes the state folder, and compare with the reports in the log folder",
    )


def _maintenance(results: Results, command: Command) -> Report:
    """``maintenance``: of ``maintenance_mode``; ``flag``: its path."""
    found = results.get("maintenance") or {}
    predicted = "would be " if results["check_mode"] and found.get("changed") else ""
    if not found.get("on"):
        return Report([line("maintenance", f"{predicted}off: {results.get('flag')}")])
    content = found.get("content") or {}
    details = [
        f"since {content['since']}" if content.get("since") else "",
        f"turned on by {content['deployment']}" if content.get("deployment") else "",
        str(content.get("reason") or "no reason given"),
    ]
    return Report([line("maintenance", f"{predicted}on: {results.get('flag')} ({', '.join(filter(None, details))})")])


def _verification(results: Results, command: Command) -> Report:
    """``verification``: of ``library_verify``, which has shown its lines."""
    found = results.get("verification") or {}
    if found.get("valid", True):
        return Report()
    count = int(found.get("errors") or 0)
    noun = "problem" if count == 1 else "problems"
    return Report([], f"The library is not valid: {count} {noun}, listed above")


def _service(results: Results, command: Command) -> Report:
    """``state``: the requested state."""
    return Report([line("service", str(results.get("state")))])


_REPORTS: Mapping[str, Callable[[Results, Command], Report]] = {
    "backups": _backups,
    "cleanup": _cleanup,
    "health": _health,
    "history": _history,
    "maintenance": _maintenance,
    "service": _service,
    "verification": _verification,
}
#: The playbooks that have a report.
KINDS = tuple(_REPORTS)
