# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The end of a run on a host: maintenance, lock, report, metrics and retention, then what the host holds."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..backups import prune as backup_retention
from ..errors import MobiusError
from ..maintenance.flag import read_flag, set_flag
from ..storage.journal import end_run, read_run
from ..storage.lock import release
from . import prune as log_retention
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
    """Do every part, whatever becomes of the others.

    :param run: ``id``, ``kind`` (start of the report's file names) and ``status``.
    :param report: members of the report; see :func:`..deployment.report.write_report`.
    :param backup: what a rollback would be asked for; it is verified.
    :param flag: the maintenance flag; None for the one that this run or an earlier one turned on, or the default.
    :param lift: whether a flag of this run, or of an earlier one that was killed, is removed.
    :param owed: what the library still needs, for the next run; None leaves the journal open.
    :param settled: what an earlier run left undone and this one made up for; see :func:`..storage.journal.end_run`.
    :param retention: by the names that ``run_finish`` documents; None removes nothing.
    :returns: ``changed`` (something was removed), ``report``, ``log``, ``lock`` (released), ``maintenance`` (``on``,
        None where the flag cannot be read, ``flag``, ``content`` and ``own``), ``removed``, ``state`` (see
        :func:`..deployment.info.deployed`) and ``errors`` by part.
    """
    end = _End(path, str(run["id"]), check_mode)
    end.part("maintenance", lambda: end.leave_maintenance(flag, lift))
    end.part("lock", lambda: {"lock": release(path, str(run["id"]), check_mode=check_mode)})
    if metrics_file:
        end.part(
            "metrics_file", lambda: {"metrics_file": write_textfile(path, metrics_file, check_mode=check_mode)["dest"]}
        )
    end.part("report", lambda: _report(log_dir, run, report, check_mode))
    if retention is not None:
        end.part("retention", lambda: _prune(path, backup_dir, log_dir, retention, str(run["id"]), check_mode))
    end.part("state", lambda: {"state": deployed(path, backup_dir, backup)})
    if owed is not None and not check_mode:
        end.part("journal", lambda: end.close_journal(run, owed or [], settled))
    return end.result


class _End:
    def __init__(self, path: str, run_id: str, check_mode: bool) -> None:
        self.path, self.run_id, self.check_mode = path, run_id, check_mode
        self.result: Dict[str, Any] = {
            **{"changed": False, "errors": {}, "warnings": [], "removed": []},
            **{"report": None, "log": None, "lock": None, "state": None},
            "maintenance": {"on": None, "own": False},
        }

    def part(self, name: str, call: Callable[[], Mapping[str, Any]]) -> None:
        """Merge the result of one part, or note its error."""
        try:
            self.result.update(call())
        except (MobiusError, OSError) as error:
            self.result["errors"][name] = str(error)

    def leave_maintenance(self, named: Optional[str], lift: bool) -> Dict[str, Any]:
        """Turn off what this run, or an earlier one that was killed, turned on; report any other flag."""
        earlier = read_run(self.path) or {}
        flag = named or str(earlier.get("maintenance_flag") or f"{self.path}.maintenance")
        owners = {self.run_id, earlier.get("maintenance_run")} if earlier.get("id") == self.run_id else {self.run_id}
        # Known even where the flag cannot be removed or read.
        self.result["maintenance"] = {"on": None, "flag": flag, "content": {}, "own": False}
        content = read_flag(flag)
        own = bool(content) and content.get("deployment") in owners - {None, ""}
        self.result["maintenance"] = {"on": bool(content), "flag": flag, "content": content, "own": own}
        if not (own and lift):
            return {}
        found = set_flag(
            flag, on=False, deployment=content["deployment"], library=self.path, check_mode=self.check_mode
        )
        return {"maintenance": {"on": found["on"], "flag": flag, "content": found["content"], "own": found["on"]}}

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
        )
        return {}


def _report(log_dir: str, run: Mapping[str, Any], report: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
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
