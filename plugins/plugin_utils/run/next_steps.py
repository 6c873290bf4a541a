# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next commands after a run that failed; none of them harms another run."""

from __future__ import annotations

from typing import List

from .end import End
from .model import DEPLOYMENT, ROLLBACK


def next_commands(end: End) -> List[str]:
    """Commands that bring the host to a good end. None of them breaks the lock of another run."""
    if end.run.check_mode:
        return []
    return _recover(end) + _lift_maintenance(end)


def _recover(end: End) -> List[str]:
    if end.run.status == "refused" and end.run.kind != ROLLBACK:
        return [end.command("status")] if end.is_lost else _replace_broken(end)
    if not end.state:
        return _look_first(end)
    if end.is_held_by_another:
        return [_wait(end)]
    if end.run.status == "nothing_to_roll_back":
        return _keep_or_go_back(end)
    if end.sha256 and end.sha256 == end.before:
        return _bring_service_back(end)
    return _restore(end)


def _replace_broken(end: End) -> List[str]:
    """A preflight that found the library missing or broken names the backup at hand."""
    at_hand = end.run.result("preflight").get("rollback") or {}
    if at_hand and end.is_held_by_another:
        return [_wait(end)]
    return [end.command("rollback", extra={"mobius_backup": at_hand["backup"]})] if at_hand.get("backup") else []


def _wait(end: End) -> str:
    return f"{end.command('status')}  # wait until {end.lock['id']} has ended"


def _look_first(end: End) -> List[str]:
    """The state is not known: look at it, then restore, where this run may have replaced the library."""
    look = [end.command("status")]
    if end.run.kind == DEPLOYMENT and not (end.run.last("migrate") and end.before):
        return look
    # The lock may still be this run's own, which has ended by then.
    own = {"mobius_lock_break": end.run.id}
    return [*look, end.command("rollback", extra={"mobius_backup": _wanted(end), **own})]


def _bring_service_back(end: End) -> List[str]:
    if end.run.status in ("rolled_back", "kept_edit") and end.run.last_failure is None:
        return []
    restart = [end.command("service", extra={"mobius_service_state": "restarted"})]
    return [*(restart if end.settings.get("restartable") else []), end.command("health")]


def _restore(end: End) -> List[str]:
    if end.target.get("verified"):
        return [end.command("rollback", extra={"mobius_backup": _wanted(end)})]
    older = end.target.get("older")
    if older:
        return [end.command("backups"), end.command("rollback", extra={"mobius_backup": older})]
    return [end.command("backups"), end.command("verify")]


def _keep_or_go_back(end: End) -> List[str]:
    nothing = end.run.result("rollback").get("nothing") or {}
    if nothing.get("reason") == "edited":
        return [f"{end.command('deploy')}  # keeps the edit", f"{end.command('rollback')}  # discards the edit"]
    if nothing.get("reason") == "unchanged" and nothing.get("earlier"):
        return [end.command("rollback", extra={"mobius_backup": nothing["earlier"]})]
    return [end.command("status")]


def _lift_maintenance(end: End) -> List[str]:
    found = end.maintenance
    another = (found.get("content") or {}).get("deployment") and not end.is_held_by_another and end.state
    # A flag made by hand is somebody's decision, and a run that is alive turns its own off.
    if not found.get("on") or not (found.get("own") or another):
        return []
    return [end.command("maintenance", extra={"mobius_maintenance": "off"})]


def _wanted(end: End) -> str:
    """The backup to give a rollback to restore the bytes from before the run."""
    if end.run.kind == ROLLBACK:
        return str(end.settings.get("backup") or "deployment")
    return f"sha256:{end.before}" if end.run.kind == DEPLOYMENT and end.before else "deployment"
