# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a fleet run: one table for people, the same as data for the next job, and one message."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .end import Command, line
from .fleet_rows import Row, outcomes, rows, totals
from .model import DEPLOYMENT, MONITORING
from .notification import Notice
from .rollout import Member, Rollout

_COLUMNS = ("host", "outcome", "items", "hashed", "review", "seconds", "report")
_COUNTS = ("items", "hashed", "review")
_PREDICTION = (
    *("item_count", "to_hash", "unchanged", "failed_items", "would_change", "low_confidence"),
    *("expected_failure_rate", "max_failure_rate", "would_fail", "refusal", "projected_seconds", "report"),
)


def lines(rollout: Rollout, fleet: str, command: Command) -> List[str]:
    """The table, the totals, why it stopped, and the next commands."""
    found = rows(rollout)
    cells = [list(_COLUMNS), *map(_cells, found)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(_COLUMNS))]
    shown = [_aligned(row, widths) for row in cells]
    named = [line("fleet run", fleet)] if fleet else []
    skipped = [line("skipped", f"{each.host}: {each.skipped}") for each in rollout.members if each.skipped]
    name = "stopped" if rollout.kind == DEPLOYMENT else "failed"
    stopped = [line(name, f"{rollout.stopped}.")] if rollout.stopped else []
    reach = [line("unreachable", f"{each.host} may hold what was deployed") for each in rollout.out_of_reach()]
    # A single host has printed its own.
    several = len(rollout.members) > 1
    commands = [line("next", each) for each in next_commands(rollout, fleet, command)] if several else []
    return [*named, *shown, line("total", _total(found)), *skipped, *stopped, *reach, *commands]


def _cells(row: Row) -> List[str]:
    return [
        row.host,
        row.outcome,
        *(str(row.counts.get(name, "-")) for name in _COUNTS),
        "-" if row.seconds is None else f"{row.seconds:.0f}",
        row.report or "-",
    ]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Text to the left, numbers to the right."""
    cells = [
        cell.rjust(width) if name in (*_COUNTS, "seconds") else cell.ljust(width)
        for name, cell, width in zip(_COLUMNS, row, widths)
    ]
    return "  ".join(cells).rstrip()


def _total(found: Sequence[Row]) -> str:
    hosts = f"{len(found)} host{'' if len(found) == 1 else 's'}"
    sums = totals(found)
    counts = f"{sums['items']} items, {sums['hashed']} hashed, {sums['review']} open for review"
    return f"{hosts}: {', '.join(f'{number} {name}' for name, number in outcomes(found).items())}; {counts}"


def next_commands(rollout: Rollout, fleet: str, command: Command) -> List[str]:
    """Commands that finish hosts out of reach, then those that go on with the fleet run, or end it."""
    if rollout.check_mode or rollout.kind != DEPLOYMENT:
        return []
    if len(rollout.members) == 1:
        (member,) = rollout.members
        return list((member.rollback or member.main).get("next") or [])
    named = {"mobius_fleet": fleet}
    finish = [
        command("rollback", host=each.host, extra={**named, **_left_lock(rollout, each)})
        for each in rollout.out_of_reach()
    ]
    if not rollout.stopped:
        return finish
    going_on = {**named, "mobius_batch_inconclusive": "continue"} if not rollout.failed else named
    deployed = [each for each in rollout.members if each.is_deployed and not each.rollback]
    back = [f"{command('rollback', extra=named)}  # rolls back every host that this fleet run deployed"]
    unfinished = any(not each.is_deployed or each.rollback for each in rollout.members)
    onward = [f"{command('deploy', extra=going_on)}  # deploys the missing hosts"] if unfinished else []
    return [*finish, *onward, *(back if deployed else [])]


def _left_lock(rollout: Rollout, member: Member) -> Dict[str, str]:
    """A host that was lost in the middle of a run still has the lock of that run."""
    run = member.run if rollout.is_lost(member) or member.main.get("lost") else member.rollback.get("run")
    return {"mobius_lock_break": str(run)} if run else {}


def artifact(rollout: Rollout, fleet: str, command: Command) -> Dict[str, Any]:
    """The same as data: for ``set_stats``, so that it becomes an artifact of a job of AWX."""
    found = rows(rollout)
    sums = totals(found)
    return {
        "kind": rollout.kind,
        "fleet": fleet,
        "check_mode": rollout.check_mode,
        "succeeded": not any(rollout.why(member) or rollout.is_lost(member) for member in rollout.members),
        "stopped": rollout.stopped,
        "outcomes": outcomes(found),
        **{name: sums[name] for name in _COUNTS},
        "next": next_commands(rollout, fleet, command),
        "hosts": {member.host: _host(rollout, member, row) for member, row in zip(rollout.members, found)},
    }


def _host(rollout: Rollout, member: Member, row: Row) -> Dict[str, Any]:
    end = member.rollback or member.main
    counts: Mapping[str, Any] = member.main.get("counts") or {}
    return {
        "outcome": row.outcome,
        "status": str(end.get("status") or ""),
        "run": str(end.get("run") or member.run),
        "why": rollout.why(member),
        **{name: counts.get(name) for name in (*_COUNTS, "unchanged", "failed")},
        "seconds": None if row.seconds is None else round(row.seconds, 1),
        "backup": str(member.main.get("backup") or ""),
        "verdict": member.verdict or str(end.get("verdict") or ""),
        "reasons": list(member.watch.get("reasons") or end.get("reasons") or []),
        "report": end.get("report") or "",
        "next": list(end.get("next") or []),
    }


def prediction(result: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """What a dry run predicts, in numbers: for whoever approves the deployment.

    :param result: of the module ``dhash_dry_run``. In check mode it writes no report.
    """
    return {name: result[name] for name in _PREDICTION if name in result and not (check_mode and name == "report")}


def notice(rollout: Rollout, shown: Sequence[str]) -> Optional[Notice]:
    """The message about what came after the deployments: a rollback by the scope, or a watch that did not pass.

    :param shown: what the operator reads.
    """
    chosen = set(rollout.targets())
    targets = [member for member in rollout.members if member.rollback or member.host in chosen]
    judged = [member for member in rollout.members if member.verdict in ("fail", "inconclusive")]
    if rollout.check_mode or rollout.kind != DEPLOYMENT or not (targets or judged):
        return None
    total = f"{len(rollout.members)} host{'' if len(rollout.members) == 1 else 's'}"
    if not targets:
        subject = f"Watch was inconclusive on {len(judged)} of {total}"
        if rollout.failed:
            subject = f"Watch FAILED on {len(judged)} of {total}"
        return Notice(MONITORING, subject, "\n".join(shown), {})
    failed = [member for member in targets if not member.rollback or member.rollback.get("why")]
    words = "FAILED" if failed else "was rolled back"
    event = "failure" if failed else "rollback"
    subject = f"Fleet run {words} on {len(failed or targets)} of {total}"
    return Notice(event, subject, "\n".join(shown), {"rolled back": len(targets) - len(failed), "failed": len(failed)})
