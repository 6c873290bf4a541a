# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``run.json``: the progress of a run on this host, readable after the controller was killed.

The controller names its run and step to each module in the environment variable :data:`VARIABLE`; the module notes the
step here before and after its work. The next run reads what an unfinished one left undone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..clock import timestamp
from ..errors import MobiusError
from ..json import is_texts, load_object
from .lock import holder
from .paths import is_path, state_dir
from .replace import DurabilityUnknown, open_regular, read_version, write_json
from .state import library_owner, prepare_folder

Run = Dict[str, Any]

VARIABLE = "MOBIUS_DHASH_RUN"
#: Steps that may replace the bytes of the library.
REPLACING = ("migrate", "rollback")
#: What must follow a replacement of the library before the run may end, by the step that does it.
OBLIGATIONS = ("verify", "restart", "health")
_SUCCEEDED = ("ok", "changed")
_TEXTS = ("id", "kind", "status", "started_at", "ended_at", "sha256", "backup", "maintenance_run")
_KILLED = 20


def journal_path(library_path: str) -> str:
    """Return the path of the journal of this library's last run."""
    return str(Path(state_dir(library_path)) / "run.json")


def read_run(library_path: str) -> Optional[Run]:
    """The last run: ``id``, ``kind``, ``started_at``, ``steps``, ``owed``, ``ended_at``, ``status``, ...

    None when there is none, or when it cannot be read: nothing depends on it.
    """
    with suppress(OSError, ValueError, MobiusError), open_regular(journal_path(library_path)) as stream:
        run = load_object(stream.read())
        if _is_run(run):
            return run
    return None


def _is_run(run: Run) -> bool:
    """Whether the members that others read from have their types; a run must not stumble over an edited one."""
    steps, earlier = run.get("steps"), run.get("unfinished") or {}
    return (
        isinstance(steps, list)
        and all(isinstance(step, dict) for step in steps)
        and is_texts(run.get("owed"))
        and is_texts(run.get("killed") or [])
        and (not run.get("maintenance_flag") or is_path(run["maintenance_flag"]))
        and _are_flags(run.get("earlier_flags") or {})
        and _has_types(run)
        and isinstance(earlier, dict)
        and _has_types(earlier)
    )


def _are_flags(flags: Any) -> bool:
    """Whether these are paths of maintenance flags, each with its run."""
    if not isinstance(flags, dict):
        return False
    return all(is_path(path) and (by is None or isinstance(by, str)) for path, by in flags.items())


def _has_types(run: Run) -> bool:
    """Of the members of a run that :func:`unfinished` keeps as well."""
    controller = run.get("controller")
    if not isinstance(controller or {}, dict) or not isinstance((controller or {}).get("job") or {}, dict):
        return False
    return all(run.get(name) is None or isinstance(run[name], str) for name in _TEXTS)


def begin_run(library_path: str, run: Mapping[str, Any], sha256: Optional[str]) -> List[str]:
    """Start the journal of ``run`` and return what the run before it left undone.

    :param run: ``id`` and ``kind``; further members are kept as they are.
    :param sha256: of the library now; None when it is missing.
    """
    before = read_run(library_path)
    if before is not None and before.get("id") == run.get("id"):
        _write(library_path, {**before, **run, "sha256": sha256})
        return [str(name) for name in before["owed"]]
    owed = undone(before, sha256)
    flag = _flag_left_on(before)
    _write(
        library_path,
        {
            **run,
            "started_at": timestamp(),
            "sha256": sha256,
            "steps": [],
            "owed": owed,
            "maintenance_flag": flag["path"] if flag else None,
            "maintenance_run": flag["run"] if flag else None,
            "earlier_flags": {**_earlier_flags(before), **({flag["path"]: flag["run"]} if flag else {})},
            "killed": _killed(before),
            "unfinished": unfinished(before) if owed else None,
            "ended_at": None,
            "status": None,
        },
    )
    return owed


def end_run(
    library_path: str,
    run_id: str,
    status: str,
    owed: Sequence[str],
    *,
    settled: Sequence[str] = (),
    sha256: Optional[str] = None,
    flag_left_on: bool,
    earlier_flags: Optional[Mapping[str, str]] = None,
) -> None:
    """Close the journal of ``run_id``, if it is the last run's.

    :param owed: what the run left to be done for a library that it replaced; of :data:`OBLIGATIONS`.
    :param settled: what is no longer owed; what is in neither list stays as an earlier run left it.
    :param sha256: of the library now; None when it is missing or cannot be read.
    :param earlier_flags: maintenance flags of earlier runs that stay on, each with its run; None keeps the known ones.
    """
    run = read_run(library_path)
    if run is None or run.get("id") != run_id:
        return
    if not flag_left_on:
        run["maintenance_flag"] = None
    left = set(run["owed"]) - set(settled)
    replacing = [entry for entry in run["steps"] if entry.get("step") in REPLACING]
    if not replacing or any(_may_have_replaced(run, entry, sha256) for entry in replacing):
        left |= set(owed)
    left_to_do = [name for name in OBLIGATIONS if name in left]
    flags = _earlier_flags(run) if earlier_flags is None else dict(earlier_flags)
    earlier = run.get("unfinished") if left_to_do else None
    ended = {"ended_at": timestamp(), "status": status, "owed": left_to_do}
    _write(library_path, {**run, **ended, "earlier_flags": flags, "unfinished": earlier})


def undone(run: Optional[Run], sha256: Optional[str]) -> List[str]:
    """What a run left to be done for the library as it is now.

    :param sha256: of the library now. If the run started from the same bytes, it replaced nothing.
    """
    if run is None:
        return []
    owed = set(run["owed"])
    if run.get("ended_at") is None:
        for entry in run["steps"]:
            name = entry.get("step")
            if name in REPLACING and _may_have_replaced(run, entry, sha256):
                owed = {"restart", "health"} | ({"verify"} if name == "migrate" else set())
            elif name in OBLIGATIONS and entry.get("outcome") in _SUCCEEDED:
                owed.discard(name)
    return [name for name in OBLIGATIONS if name in owed]


def replaced_by(run: Run) -> List[str]:
    """Return the steps of a run that may have replaced the library, in order."""
    steps = [entry for entry in run["steps"] if entry.get("step") in REPLACING]
    return [str(entry["step"]) for entry in steps if entry.get("outcome") != "ok"]


def unfinished(run: Optional[Run]) -> Optional[Dict[str, Any]]:
    """Return the run that left the library as it is: ``run`` itself, or an earlier one if ``run`` replaced nothing.

    :returns: ``id``, ``kind``, ``status``, ``started_at``, ``controller``, ``sha256`` (of the library before it),
        ``backup`` (the requested backup of a rollback) and ``step`` (the last one), or None.
    """
    if run is None:
        return None
    if run.get("unfinished") and not replaced_by(run):
        return dict(run["unfinished"])
    members = ("id", "kind", "status", "started_at", "controller", "sha256", "backup")
    last = run["steps"][-1].get("step") if run["steps"] else None
    return {**{name: run.get(name) for name in members}, "step": last}


def _may_have_replaced(run: Run, entry: Mapping[str, Any], sha256: Optional[str]) -> bool:
    """Whether a step replaced the library; an interrupted step could not report it."""
    outcome = entry.get("outcome")
    if outcome in _SUCCEEDED:
        return bool(outcome == "changed")
    # After a restore, unchanged bytes do not prove that the migration replaced nothing.
    restored = any(each.get("step") == "rollback" and each.get("outcome") != "failed" for each in run["steps"])
    return bool((entry.get("step") == "migrate" and restored) or run.get("sha256") != sha256)


def _flag_left_on(run: Optional[Run]) -> Optional[Dict[str, Any]]:
    """The maintenance flag that an earlier run turned on and did not turn off."""
    if run is None or not run.get("maintenance_flag"):
        return None
    return {"path": run["maintenance_flag"], "run": run.get("maintenance_run") or run.get("id")}


def _earlier_flags(run: Optional[Run]) -> Dict[str, str]:
    flags = (run or {}).get("earlier_flags")
    return {str(path): str(by) for path, by in flags.items()} if isinstance(flags, dict) else {}


def _killed(run: Optional[Run]) -> List[str]:
    """Return the latest runs that never ended: their maintenance flags may be on without a note."""
    if run is None:
        return []
    ended = run.get("ended_at") is not None
    return [*(run.get("killed") or []), *([] if ended else [str(run.get("id"))])][-_KILLED:]


class Step:
    """One step of the run that the environment names; does nothing outside of a run."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        self._run = {name: value for name, value in run.items() if name not in ("step", "path")}
        self._name = str(run.get("step") or "")
        self._path = str(run.get("path") or "")

    @classmethod
    def from_environment(cls, *, check_mode: bool) -> Step:
        """Return the step that the controller named; a step without effect in check mode, which writes nothing."""
        return cls({} if check_mode else _named_run())

    def following(self, name: str) -> Step:
        """The next step of the same run, or one without effect after such a one."""
        return Step({**self._run, "step": name, "path": self._path} if self._path else {})

    def begin(self, pid_start: Optional[str] = None) -> None:
        """Note that the step has begun; the first step of a run opens its journal unless another run is in progress.

        :param pid_start: start time of this process from ``process.identity``, because a pid may be reused.
        """
        with suppress(OSError, MobiusError):
            if self._path and os.path.exists(self._path) and self._may_open(read_run(self._path)):
                begin_run(self._path, self._run, read_version(self._path).sha256)
        process = {"pid": os.getpid(), "pid_start": pid_start}
        self._note({"step": self._name, "at": timestamp(), "outcome": "running", **process})

    def _may_open(self, before: Optional[Run]) -> bool:
        # A watch changes nothing, so the journal of the watched deployment stays until the watch rolls back.
        if self._run.get("kind") == "monitoring":
            return False
        if before is None or before.get("id") == self._run.get("id"):
            return before is None
        # An open journal without a lock belongs to a killed run, or to a run that reopens it once it locks.
        return bool(before.get("ended_at")) or holder(self._path) is None

    def end(self, outcome: str, message: str = "", **members: Any) -> None:
        """Note how the step ended.

        :param outcome: ``ok``, ``changed`` or ``failed``.
        :param members: members of the run itself to set with it, such as ``maintenance_flag``.
        """
        self._note({"step": self._name, "outcome": outcome, "ended_at": timestamp(), "message": message}, members)

    def _note(self, entry: Dict[str, Any], members: Optional[Dict[str, Any]] = None) -> None:
        # The journal serves people and the next run; a full disk must not stop the step itself.
        if not self._path:
            return
        with suppress(OSError, MobiusError):
            run = read_run(self._path)
            if run is None or run.get("id") != self._run.get("id"):
                return
            steps = run["steps"]
            if steps and entry["outcome"] != "running" and steps[-1].get("step") == self._name:
                entry = {**steps.pop(), **entry}
            _write(self._path, {**run, "steps": [*steps, entry], **(members or {})})


def named_fleet() -> str:
    """The fleet run that the controller named to this module; empty outside of one."""
    return str(_named_run().get("fleet") or "")


def _named_run() -> Dict[str, Any]:
    with suppress(ValueError):
        return load_object(os.environ.get(VARIABLE) or "{}")
    return {}


def _write(library_path: str, run: Run) -> None:
    prepare_folder(library_path)
    uid, gid = library_owner(library_path)
    with suppress(DurabilityUnknown):
        write_json(journal_path(library_path), run, owner=uid, group=gid)
