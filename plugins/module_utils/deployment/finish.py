# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run on a host: maintenance, lock, report, metrics and retention, then what the host holds."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ..backups import prune as backup_retention
from ..errors import MobiusError
from ..maintenance.flag import read_flag, set_flag
from ..storage.journal import end_run, read_run
from ..storage.lock import release
from ..storage.paths import state_dir
from . import prune as log_retention
from .history import note_run
from .info import deployed
from .report import write_report
from .textfile import write_textfile

_PERIODS = ("days", "last", "daily", "weekly", "monthly")


def finish_run(
    path: str,
    *,
    run: Mapping[str, Any],
    report: Mapping[str, Any],
    log_dir: str,
    backup_dir: Optional[str],
    backup: str,
    flag: Optional[str] = None,
    lift: bool = True,
    owed: Optional[List[str]] = None,
    settled: Sequence[str] = (),
    metrics_file: str = "",
    retention: Optional[Mapping[str, Any]] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Do every part, even if others fail.

    :param run: ``id``, ``kind`` (start of the report's file names) and ``status``; for the history ``collection`` and
        ``settings`` as well.
    :param report: members of the report; see :func:`..deployment.report.write_report`.
    :param backup: the backup that a rollback would be given; it is verified.
    :param flag: the maintenance flag; None for the one that this run or an earlier one turned on, or the default.
    :param lift: whether a flag of this run is removed; that of an earlier one is, once nothing is owed any more.
    :param owed: what the library still needs, for the next run; None leaves the journal open.
    :param settled: what an earlier run left undone and this one made up for; see :func:`..storage.journal.end_run`.
    :param retention: by the names that ``run_finish`` documents; None removes nothing.
    :returns: ``changed`` (something was removed), ``report``, ``log``, ``page``, ``lock`` (released), ``maintenance``
        (``on``, None where the flag cannot be read, ``flag``, ``content`` and ``own``), ``removed``, ``state`` (see
        :func:`..deployment.info.deployed`), ``history`` (``number`` and ``sha256`` of the entry), ``errors`` by part.
    """
    end = _End(path, str(run["id"]), check_mode)
    end.part("maintenance", lambda: end.leave_maintenance(flag, lift, end.owes_nothing(owed, settled)))
    end.part("lock", lambda: {"lock": release(path, str(run["id"]), check_mode=check_mode)})
    end.part("report", lambda: _report(path, log_dir, run, report, check_mode))
    if retention is not None:
        end.part("retention", lambda: _prune(path, backup_dir, log_dir, retention, str(run["id"]), check_mode))
    end.part("state", lambda: {"state": deployed(path, backup_dir, backup)})
    if metrics_file:
        known: Dict[str, Any] = {"backup_dir": backup_dir, "found": end.result["state"], "check_mode": check_mode}
        end.part("metrics_file", lambda: {"metrics_file": write_textfile(path, metrics_file, **known)["dest"]})
    if not check_mode:
        end.part("history", lambda: end.note(run, report))
    if owed is not None and not check_mode:
        end.part("journal", lambda: end.close_journal(run, owed or [], settled))
    return end.result


class _End:
    def __init__(self, path: str, run_id: str, check_mode: bool) -> None:
        self.path, self.run_id, self.check_mode = path, run_id, check_mode
        #: Flags of earlier runs that stay on, each with its run.
        self.earlier_flags: Dict[str, str] = {}
        self.result: Dict[str, Any] = {
            **{"changed": False, "errors": {}, "warnings": [], "removed": []},
            **{"report": None, "log": None, "page": None, "lock": None, "state": None, "history": None},
            "maintenance": {"on": None, "own": False},
        }

    def part(self, name: str, call: Callable[[], Mapping[str, Any]]) -> None:
        """Merge the result of one part, or note its error."""
        try:
            self.result.update(call())
        except (MobiusError, OSError) as error:
            self.result["errors"][name] = str(error)

    def leave_maintenance(self, named: Optional[str], lift: bool, done: bool) -> Dict[str, Any]:
        """Turn off what this run, or an earlier one that was killed, turned on; report a flag that stays on.

        :param named: the flag of the configuration.
        :param done: whether nothing is owed any more: only then those of earlier runs are turned off.
        """
        journal = self._journal()
        main = named or str(journal.get("maintenance_flag") or f"{self.path}.maintenance")
        # Known even where the flag cannot be removed or read.
        self.result["maintenance"] = {"on": None, "flag": main, "content": {}, "own": False}
        earlier = self.earlier_flags = self._earlier_flags(journal)
        dead = {*earlier.values(), *(journal.get("killed") or [])} - {self.run_id, ""}
        found: Dict[str, Any] = {}
        for flag in dict.fromkeys([main, *list(earlier), str(journal.get("maintenance_flag") or main)]):
            state = self._leave_flag(flag, {self.run_id} if lift else set(), dead if done else set())
            state["own"] = state["own"] or state["by"] in {self.run_id, *dead}
            self.earlier_flags.pop(flag, None)
            if state["own"] and state["by"] != self.run_id:
                self.earlier_flags[flag] = state["by"]
            if not found or (state["own"] and not found["own"]) or (state["on"] and not found["on"]):
                found = state
        return {"maintenance": {name: found[name] for name in ("on", "flag", "content", "own")}}

    def _leave_flag(self, flag: str, own: Set[str], dead: Set[str]) -> Dict[str, Any]:
        content = read_flag(flag)
        by = str(content.get("deployment") or "")
        if by and by in own | dead:
            self.result["maintenance"] = {"on": True, "flag": flag, "content": content, "own": True}
            content = set_flag(flag, on=False, deployment=by, library=self.path, check_mode=self.check_mode)["content"]
        return {"on": bool(content), "flag": flag, "content": content, "own": False, "by": by if content else ""}

    def note(self, run: Mapping[str, Any], report: Mapping[str, Any]) -> Dict[str, Any]:
        """Append the run to the history, unless a mistyped path names no library at all."""
        if not (os.path.lexists(self.path) or os.path.isdir(state_dir(self.path))):
            return {}
        return {"history": note_run(self.path, run, report, self.result["state"] or {}, self.result["report"])}

    def _journal(self) -> Dict[str, Any]:
        journal = read_run(self.path) or {}
        return journal if journal.get("id") == self.run_id else {}

    def _earlier_flags(self, journal: Mapping[str, Any]) -> Dict[str, str]:
        flags = dict(journal.get("earlier_flags") or {})
        if journal.get("maintenance_flag"):
            flags.setdefault(str(journal["maintenance_flag"]), str(journal.get("maintenance_run") or ""))
        return {flag: by for flag, by in flags.items() if by != self.run_id}

    def owes_nothing(self, owed: Optional[Sequence[str]], settled: Sequence[str]) -> bool:
        """Whether the library needs nothing more once this run has ended."""
        return not (owed or set(self._journal().get("owed") or []) - set(settled))

    def close_journal(self, run: Mapping[str, Any], owed: Sequence[str], settled: Sequence[str]) -> Dict[str, Any]:
        maintenance, state = self.result["maintenance"], self.result["state"] or {}
        end_run(
            self.path,
            self.run_id,
            str(run["status"]),
            owed,
            settled=settled,
            sha256=state.get("sha256"),
            # A flag that could not be read may be there yet.
            flag_left_on=bool(maintenance["own"]) or maintenance["on"] is None,
            earlier_flags=self.earlier_flags,
        )
        return {}


def _report(
    path: str, log_dir: str, run: Mapping[str, Any], report: Mapping[str, Any], check_mode: bool
) -> Dict[str, Any]:
    if not (os.path.isdir(log_dir) or os.path.lexists(path)):
        # A mistyped path must not leave folders behind.
        raise MobiusError("The library does not exist, so no folder was created for the report", path)
    return write_report(log_dir, str(run["kind"]), {"deployment": run["id"], **report}, check_mode=check_mode)


def _prune(
    path: str,
    backup_dir: Optional[str],
    log_dir: str,
    retention: Mapping[str, Any],
    run_id: str,
    check_mode: bool,
) -> Dict[str, Any]:
    kept = {name: int(value) for name, value in retention.items()}
    backup_rules = backup_retention.Rules(*(kept[f"keep_{name}"] for name in _PERIODS))
    log_rules = log_retention.Rules(kept["log_keep_days"], kept["log_keep_last"], kept["max_evidence"])
    # A lock that could not be released is our own.
    details: Dict[str, Any] = {"check_mode": check_mode, "deployment": run_id}
    backups = backup_retention.prune(path, backup_dir, rules=backup_rules, **details)
    logs = log_retention.prune(path, log_dir, rules=log_rules, **details)
    return {
        "changed": bool(backups["changed"] or logs["changed"]),
        "removed": [*backups["removed"], *logs["removed"]],
        "warnings": [*backups.get("warnings", []), *logs.get("warnings", [])],
    }
