# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``status.yml`` reports of a host: its state, what is wrong, and next commands that cannot do harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ...module_utils.clock import parse_timestamp
from .end import Command
from .model import DEPLOYMENT, MONITORING, ROLLBACK

#: States of a library.
MISSING, UNREADABLE, INVALID = "missing", "unreadable", "invalid"
UNDER_WAY, INTERRUPTED, REJECTED, INCOMPLETE = "under way", "interrupted", "rejected", "incomplete"
DEPLOYED, ROLLED_BACK, EDITED, UNKNOWN = "deployed", "rolled back", "edited", "none known"

#: A playbook and its extra variables.
Next = Tuple[str, Dict[str, Any]]

_PLAYBOOKS = {DEPLOYMENT: "deploy", ROLLBACK: "rollback", MONITORING: "monitor"}
#: Seconds for which a run on another machine is believed to live before it takes its lock.
_QUIET = 900


@dataclass(frozen=True)
class Status:
    """What ``deployment_status`` found on one host.

    :param found: the result of the module, see ``module_utils.deployment.status``.
    """

    found: Mapping[str, Any]

    @property
    def library(self) -> Mapping[str, Any]:
        return self.found["library"]  # type: ignore[no-any-return]

    @property
    def sha256(self) -> str:
        return str(self.library.get("sha256") or "")

    @property
    def current(self) -> Mapping[str, Any]:
        return self.found.get("current") or {}

    @property
    def run(self) -> Mapping[str, Any]:
        """The last run; empty where none is known."""
        return self.found.get("run") or {}

    @property
    def unfinished(self) -> Mapping[str, Any]:
        """The run that is to be completed; empty where there is none."""
        run = self.run
        return run.get("unfinished") or (run if run.get("status") == "rollback_failed" else {})

    @property
    def owed(self) -> List[str]:
        return list(self.run.get("owed") or [])

    @property
    def lock(self) -> Mapping[str, Any]:
        return self.found.get("lock") or {}

    @property
    def writer(self) -> Mapping[str, Any]:
        return self.found.get("writer") or {}

    @property
    def target(self) -> Mapping[str, Any]:
        return self.found.get("target") or {}

    @property
    def holds_lock(self) -> bool:
        """Whether the last run holds a lock that has not expired."""
        return bool(self.lock) and self.lock.get("id") == self.run.get("id")

    @property
    def is_open(self) -> bool:
        """Whether the last run has not ended, alive or not."""
        return bool(self.run) and self.run.get("ended_at") is None

    @property
    def is_alive(self) -> bool:
        """Whether the last run is under way; a doubt counts as yes."""
        alive = self.run.get("controller_alive")
        if not self.is_open or alive is False:
            return False
        if alive or self.holds_lock or self.run.get("module_alive"):
            return True
        # Its controller is on another machine. Before it takes the lock, only the clock speaks for it.
        return not _has_locked(self.run) and seconds_between(reached_at(self.run), self.found.get("now")) < _QUIET

    @property
    def is_busy(self) -> bool:
        """Whether anything is at work on the library, or may be: then the only advice is to wait."""
        return self.is_alive or bool(self.writer) or self.run.get("module_alive") is True or self._is_locked

    @property
    def _is_locked(self) -> bool:
        """Whether the lock is held by a holder that is not known to be dead."""
        return bool(self.lock) and not self.lock_is_dead

    @property
    def lock_is_dead(self) -> bool:
        """Whether the holder of the lock is provably dead: it may be broken."""
        return self.holds_lock and self.is_open and self.run.get("controller_alive") is False

    @property
    def state(self) -> str:
        """One of the states above; the worst that applies."""
        if not self.sha256:
            return UNREADABLE if self.library.get("error") else MISSING
        if self.is_alive:
            return UNDER_WAY
        if self.library.get("problem"):
            return INVALID
        return self._state_of_run() or self._state_of_library()

    def _state_of_run(self) -> str:
        if self.is_open or (self.owed and self.unfinished.get("status") is None):
            return INTERRUPTED
        if "verify" in self.owed or self.run.get("status") == "rollback_failed":
            return REJECTED
        return INCOMPLETE if self.owed else ""

    def _state_of_library(self) -> str:
        if not self.current.get("status"):
            return UNKNOWN
        if not self.found.get("as_deployed"):
            return EDITED
        return ROLLED_BACK if self._is_restored else DEPLOYED

    @property
    def is_deployed(self) -> bool:
        """Whether the library holds what the last deployment made of it, or an edit of that."""
        return self.state == DEPLOYED or (self.state == EDITED and not self._is_restored)

    @property
    def _is_restored(self) -> bool:
        return self.current["status"] == "rolled_back" or bool(self.current.get("restored_at"))

    @property
    def flag_is_left(self) -> bool:
        """Whether maintenance mode was turned on by a run that has ended."""
        maintenance = self.found.get("maintenance") or {}
        by = (maintenance.get("content") or {}).get("deployment")
        return bool(maintenance.get("on") and maintenance.get("own") and by) and not self.is_busy


def problems(status: Status) -> List[str]:
    """Why the status is not good; empty where it is."""
    found = [_PROBLEMS[status.state](status)] if status.state in _PROBLEMS else []
    if status.found.get("state_error"):
        found.append(str(status.found["state_error"]))
    if status.is_deployed and not status.target.get("verified"):
        found.append("no rollback is possible")
    if status.flag_is_left:
        found.append("maintenance mode was left on by a run that has ended")
    return found


_PROBLEMS: Mapping[str, Callable[[Status], str]] = {
    MISSING: lambda status: f"{status.library['path']} is missing",
    UNREADABLE: lambda status: f"{status.library['path']} cannot be read: {status.library['error']}",
    INVALID: lambda status: f"{status.library['path']} is not valid JSON: {status.library['problem']}",
    INTERRUPTED: lambda status: f"{name_of(status.unfinished or status.run)} was interrupted",
    REJECTED: lambda status: (
        f"the library was rejected and is still in place: the rollback of {name_of(status.unfinished)} failed"
    ),
    INCOMPLETE: lambda status: f"{name_of(status.unfinished)} left undone: {', '.join(status.owed)}",
}


# Next commands


def next_commands(status: Status, command: Command) -> List[str]:
    """The commands that complete what was begun, the best one first; where something is at work, only the status."""
    if status.is_busy:
        return [command("status")]
    found: List[Next] = _NEXT[status.state](status)
    if status.state == DEPLOYED and not status.target.get("verified"):
        found = [("backups", {})]
    if status.flag_is_left and status.state in (DEPLOYED, ROLLED_BACK, EDITED, UNKNOWN):
        found = [("maintenance", {"mobius_maintenance": "off"}), *found]
    breaking = {"mobius_lock_break": str(status.lock.get("id"))} if status.lock_is_dead else {}
    changing = ("deploy", "rollback")
    return [command(name, extra={**extra, **(breaking if name in changing else {})}) for name, extra in found]


def _restore(status: Status) -> List[Next]:
    """For a library that is missing or broken."""
    if status.target.get("verified"):
        return [("rollback", {"mobius_backup": status.target["path"]})]
    if status.target.get("older"):
        return [("backups", {}), ("rollback", {"mobius_backup": status.target["older"]})]
    return [("backups", {})]


def _complete(status: Status) -> List[Next]:
    """For a run that was killed."""
    kind = (status.unfinished or status.run).get("kind")
    if kind == ROLLBACK:
        backup = status.unfinished.get("backup")
        return [("rollback", {"mobius_backup": backup} if backup else {})]
    if "verify" in status.owed:
        back = _back(status)
        return [("deploy", {}), *([back] if back else [])]
    if status.owed:
        return _keep(status)
    return [(_PLAYBOOKS.get(str(status.run.get("kind")), "deploy"), {})]


def _keep(status: Status) -> List[Next]:
    """The library is as it should be: a rollback to its own bytes restarts the service and checks its health."""
    return [("rollback", {"mobius_backup": f"sha256:{status.sha256}"})]


def _back(status: Status) -> Optional[Next]:
    """To the bytes of before the run that is not completed."""
    if status.unfinished.get("kind") != DEPLOYMENT:
        return _restore(status)[-1]
    before = status.found.get("before") or {}
    if before.get("verified"):
        return ("rollback", {"mobius_backup": f"sha256:{before['sha256']}"})
    if before.get("older"):
        return ("rollback", {"mobius_backup": before["older"]})
    return None


def _keep_or_discard_edit(status: Status) -> List[Next]:
    if status.target.get("verified"):
        return [("deploy", {}), ("rollback", {})]
    older = status.target.get("older")
    return [("deploy", {}), ("rollback", {"mobius_backup": older}) if older else ("backups", {})]


def _reject(status: Status) -> List[Next]:
    back = _back(status)
    return [back] if back else [("backups", {})]


_NEXT: Mapping[str, Callable[[Status], List[Next]]] = {
    MISSING: _restore,
    UNREADABLE: lambda status: [("status", {})],
    INVALID: _restore,
    UNDER_WAY: lambda status: [("status", {})],
    INTERRUPTED: _complete,
    REJECTED: _reject,
    INCOMPLETE: _keep,
    DEPLOYED: lambda status: [],
    ROLLED_BACK: lambda status: [],
    EDITED: _keep_or_discard_edit,
    UNKNOWN: lambda status: [("deploy", {})],
}


# Texts


def name_of(run: Mapping[str, Any]) -> str:
    return f"{run.get('kind')} {run.get('id')}"


def _has_locked(run: Mapping[str, Any]) -> bool:
    return (run.get("step") or {}).get("step") not in (None, "start", "prepare", "preflight", "look")


def reached_at(run: Mapping[str, Any]) -> Optional[str]:
    step = run.get("step") or {}
    at = step.get("at") if step.get("outcome") == "running" else step.get("ended_at") or step.get("at")
    return at or run.get("started_at")


def seconds_between(since: Optional[str], now: Any) -> float:
    """Between two times of the host; without both, more than any limit."""
    try:
        return float((parse_timestamp(str(now)) - parse_timestamp(str(since))).total_seconds())
    except ValueError:
        return float("inf")
