# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a run, derived from its journal: status, failure, and what the library still needs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...module_utils.clock import parse_timestamp, timestamp
from .journal import BEGIN, FAILURE, HOOK, MARK, PART, STEP, Entry

DEPLOYMENT, ROLLBACK, MONITORING = "deployment", "rollback", "monitoring"

#: The step that each module is, in a run.
STEPS: Mapping[str, str] = {
    "host_info": "prepare",
    "run_begin": "start",
    "library_preflight": "preflight",
    "run_prepare": "preflight",
    "library_lock": "lock",
    "library_backup": "backup",
    "dhash_dry_run": "dry-run",
    "staging_gate": "staging",
    "run_confirm": "confirm",
    "maintenance_mode": "maintenance",
    "dhash_migrate": "migrate",
    "library_verify": "verify",
    "service_control": "restart",
    "dhash_gate": "health",
    "deployment_info": "state",
    "run_rollback": "rollback",
    "run_finish": "finish",
}
#: Statuses with which a run exits with 0.
GOOD = frozenset(("deployed", "unchanged", "restored", "skipped", "partial", "pass", "hold"))
#: What a library needs after it was replaced.
OBLIGATIONS = ("verify", "restart", "health")
_DONE = ("ok", "changed")
_LARGE = ("diff", "invocation", "text", "ansible_stats")
# Characters of the output of a failed command.
_OUTPUT = 500


@dataclass(frozen=True)
class Step:
    """One step: ``outcome`` is ok, changed, failed or lost; ``result`` the module's, without what is large."""

    name: str
    outcome: str
    at: str = ""
    seconds: float = 0.0
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.outcome in _DONE

    @classmethod
    def from_entry(cls, entry: Entry) -> Step:
        return cls(**{name: entry[name] for name in cls.__dataclass_fields__ if name in entry})


@dataclass(frozen=True)
class Failure:
    """What ended a run: the step, the task in it, and the message; ``lost`` where the host could not be reached."""

    step: str
    task: str
    message: str
    lost: bool = False


@dataclass(frozen=True)
class Run:
    """A run as its journal has it."""

    id: str
    kind: str
    host: str = ""
    path: str = ""
    started_at: str = ""
    check_mode: bool = False
    #: The fleet run that the run belongs to, or that it rolls back; empty for none.
    fleet: str = ""
    #: What decides the outcome of a migration, beside the images; see :mod:`.settings`.
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: The steps of a deployment whose tags leave out the migration; empty for a whole one.
    part: Sequence[str] = ()
    steps: Sequence[Step] = ()
    failures: Sequence[Failure] = ()
    #: The failure of the hook after the host, which undoes nothing.
    hook_failure: Optional[Failure] = None
    #: Steps that were marked before a hook.
    marks: Sequence[str] = ()
    #: Set while a step is under way, or by a hook: what a failing task that is not ours belongs to.
    current: str = "start"

    @classmethod
    def from_entries(cls, entries: Sequence[Entry]) -> Run:
        """:raises ValueError: no run has begun."""
        if not entries or entries[0]["event"] != BEGIN:
            raise ValueError("no run has begun")
        begin = entries[0]
        steps = [step for entry in entries if entry["event"] == STEP for step in _steps_of(entry)]
        return cls(
            **{name: begin[name] for name in ("id", "kind", "host", "path", "started_at", "check_mode")},
            fleet=str(begin.get("fleet") or ""),
            settings=begin.get("settings") or {},
            part=next((entry["steps"] for entry in entries if entry["event"] == PART), ()),
            steps=steps,
            failures=_failures(entries),
            hook_failure=next((_failed_hook(entry) for entry in entries if entry["event"] == HOOK), None),
            marks=[str(entry["step"]) for entry in entries if entry["event"] == MARK],
            current=next((_current(entry) for entry in reversed(entries) if "step" in entry), "start"),
        )

    def has_reached(self, step: str) -> bool:
        """Whether a hook of that step was run, or any step on the host has come to a result."""
        return step in self.marks or any(each.name != "start" for each in self.steps)

    def last(self, name: str) -> Optional[Step]:
        """The last step of that name that came to a result."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    def result(self, name: str) -> Mapping[str, Any]:
        """The result of the last step of that name; empty when it was not reached."""
        step = self.last(name)
        return {} if step is None else step.result

    @property
    def failure(self) -> Optional[Failure]:
        """The first failure: everything after it is its consequence."""
        return self.failures[0] if self.failures else None

    @property
    def last_failure(self) -> Optional[Failure]:
        """The failure of the rollback, or of the service after it; None where there was none."""
        return self.failures[-1] if len(self.failures) > 1 else None

    @property
    def real_paths(self) -> Dict[str, str]:
        """``path``, ``backup_dir`` and ``log_dir`` with links followed, as the preflight found them; empty before it.

        A link in them may be moved during the run, and the rollback and the end belong where the run began.
        """
        found = self.result("preflight")
        return {"path": str(found["real_path"]), **found.get("real_folders", {})} if found.get("real_path") else {}

    @property
    def status(self) -> str:
        """How the run ended, if it ends now."""
        return {DEPLOYMENT: _deployment, ROLLBACK: _rollback, MONITORING: _monitoring}[self.kind](self)

    @property
    def succeeded(self) -> bool:
        return self.status in GOOD

    @property
    def made_backup(self) -> Mapping[str, Any]:
        """The backup of the bytes from before this run: ``path``, ``sha256``; empty where this run made none."""
        backup = self.result("backup")
        # A library that is as deployed is not backed up again: that backup holds what the deployment before replaced.
        for found in (self.result("migrate").get("backup"), None if backup.get("skipped") else backup.get("backup")):
            if found and found.get("path"):
                return dict(found)
        return {}

    @property
    def sha256_before(self) -> str:
        """SHA-256 of the bytes that the migration replaced, or would have; empty where they are not known."""
        known = (
            self.result("migrate").get("sha256_before"),
            self.made_backup.get("sha256"),
            self.result("preflight").get("sha256"),
        )
        return next((str(sha256) for sha256 in known if sha256), "")

    @property
    def holds_lock(self) -> bool:
        """Whether the run took the lock of the library, as far as the controller knows."""
        restored = self.last("rollback")
        if self.kind != DEPLOYMENT:
            return restored is not None and restored.succeeded and self.status != "skipped"
        locked = self.last("lock")
        return locked is not None and locked.succeeded

    def obligations(self) -> Tuple[List[str], List[str]]:
        """What the library needs when the run ends now, and what of an earlier run's is made up for or void.

        :returns: two lists of :data:`OBLIGATIONS`. What is in neither stays as the journal on the host has it.
        """
        if self.status in ("skipped", "partial"):
            return [], []
        if self._ended_well:
            return [], list(OBLIGATIONS)
        owed: Dict[str, bool] = {}
        for step in self.steps:
            if step.name == "migrate" and step.outcome != "ok":
                owed = dict.fromkeys(OBLIGATIONS, True)
            elif step.name == "rollback" and step.outcome != "ok":
                owed.update(restart=True, health=True)
                if step.succeeded:
                    owed["verify"] = False
            elif step.name == "rollback" and not self._migrated:
                # The failed migration had replaced nothing.
                owed = {}
            elif step.succeeded and step.name in OBLIGATIONS:
                owed[step.name] = False
        return [name for name in OBLIGATIONS if owed.get(name)], [
            name for name in OBLIGATIONS if owed.get(name) is False
        ]

    @property
    def _migrated(self) -> bool:
        migrated = self.last("migrate")
        return migrated is not None and migrated.outcome == "changed"

    @property
    def _ended_well(self) -> bool:
        """Whether everything that the library needed was done."""
        if self.kind == MONITORING and self.last("rollback") is None:
            return False
        restored = self.last("rollback")
        rolled_back = restored is not None and restored.outcome == "changed" and self.last_failure is None
        return self.succeeded or (self.status == "rolled_back" and rolled_back)


def _steps_of(entry: Entry) -> List[Step]:
    """The step of an entry; those of an entry of ``run_prepare``, which does several in one call, by themselves."""
    whole = Step.from_entry(entry)
    parts = [name for name in ("preflight", "lock", "backup") if isinstance(whole.result.get(name), dict)]
    # The result of library_preflight alone has a member "backup", too.
    if whole.name != "preflight" or not {"preflight", "lock"}.intersection(parts):
        return [whole]
    steps = []
    for name in parts:
        members = ("owed", "unfinished", "real_folders")
        shared = {member: whole.result[member] for member in members if member in whole.result}
        result = {**whole.result[name], **shared}
        outcome = "changed" if result.get("changed") else "ok"
        steps.append(Step(name, outcome, whole.at, 0.0, "", result))
    if not whole.succeeded:
        return [*steps, replace(whole, name=str(whole.result.get("step") or whole.name), result={})]
    steps[-1] = replace(steps[-1], seconds=whole.seconds)
    return [*steps, *_confirmed(whole)] if whole.result.get("unchanged") else steps


def _confirmed(whole: Step) -> Iterator[Step]:
    """The steps that ``run_prepare`` did as well for a library that needs no change; each result holds the next."""
    result: Mapping[str, Any] = whole.result
    began = parse_timestamp(whole.at) + timedelta(seconds=whole.seconds)
    for name, member in (("dry-run", "dry_run"), ("migrate", "migrated"), ("verify", "verified")):
        result = result[member]
        yield Step(name, "ok", timestamp(began), result["step_seconds"], "", _kept(result))
        began += timedelta(seconds=result["step_seconds"])


def _current(entry: Entry) -> str:
    """The step that a failure after this entry belongs to."""
    return "verify" if (entry.get("result") or {}).get("unchanged") is True else str(entry["step"])


def failed_task(run: Run, task_vars: Mapping[str, Any]) -> Dict[str, str]:
    """The members of a journal entry for the task that failed, as Ansible names it in a rescue."""
    task, failed = task_vars.get("ansible_failed_task") or {}, task_vars.get("ansible_failed_result") or {}
    return {"step": run.current, "task": str(task.get("name") or ""), "message": describe_failure(failed)}


def step_of(module: str, run: Optional[Run]) -> str:
    """The step that a module is; the gate of a monitoring run is its watch, until something is rolled back."""
    step = STEPS[module]
    if step == "restart" and run is not None and not any(run.last(name) for name in ("preflight", "state", "rollback")):
        # The service is installed and started before anything else; that is no restart with another library.
        return "prepare"
    if step == "health" and run is not None and run.kind == MONITORING and run.last("rollback") is None:
        return "watch"
    return step


def entry_of(result: Mapping[str, Any], lost: bool) -> Dict[str, Any]:
    """The members of a journal entry for the result of a module."""
    outcome = "lost" if lost else "failed" if result.get("failed") else "changed" if result.get("changed") else "ok"
    return {
        "outcome": outcome,
        "message": str(result.get("msg") or "") if outcome in ("failed", "lost") else "",
        "result": _kept(result),
    }


def _kept(result: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in result.items() if name not in _LARGE}


def describe_failure(result: Mapping[str, Any]) -> str:
    """The message of a failed task; of a command with its exit code and the end of its output."""
    message = str(result.get("msg") or "no message").strip()
    if result.get("cmd") is None or result.get("rc") in (None, 0):
        return message
    command = result["cmd"] if isinstance(result["cmd"], str) else shlex.join(map(str, result["cmd"]))
    output = str(result.get("stderr") or result.get("stdout") or "").strip()
    return f"{command}: exit code {result['rc']}" + (f": {' '.join(output[-_OUTPUT:].split())}" if output else "")


def _failures(entries: Sequence[Entry]) -> List[Failure]:
    """Failed steps and failed tasks, each once: the rescue notes what failed, and a failed step has noted itself."""
    found: List[Failure] = []
    # A step that failed and that no rescue has noted: a task with retries may succeed yet.
    open_task: Optional[str] = None
    before: Entry = {}
    for entry in entries:
        task = str(entry.get("task") or "")
        if entry["event"] == STEP:
            if open_task is not None and open_task == task:
                found.pop()
            open_task = None
            if entry.get("outcome") in ("failed", "lost"):
                found.append(_failed_step(entry))
                open_task = task
        elif entry["event"] == FAILURE:
            message = str(entry.get("message") or "")
            if found and before.get("task") == entry["task"]:
                # A module that crashed returns no message of its own; Ansible makes one.
                found[-1] = replace(found[-1], message=found[-1].message or message)
            else:
                found.append(Failure(str(entry["step"]), task, message))
            open_task = None
        before = entry
    return found


def _failed_hook(entry: Entry) -> Failure:
    return Failure(str(entry["step"]), str(entry.get("task") or ""), str(entry.get("message") or ""))


def _failed_step(entry: Entry) -> Failure:
    step = str(entry.get("result", {}).get("step") or entry["step"])
    return Failure(step, str(entry.get("task") or ""), str(entry.get("message") or ""), entry["outcome"] == "lost")


def _deployment(run: Run) -> str:
    if run.failure is None and run.part:
        return "partial"
    if run.failure is None:
        migrated = run.last("migrate")
        changed = migrated is not None and migrated.outcome == "changed"
        # What an earlier run left without a verification counts as deployed only now.
        return "deployed" if changed or "verify" in (run.result("preflight").get("owed") or ()) else "unchanged"
    restored = run.last("rollback")
    if restored is None:
        return "refused" if run.last("migrate") is None else "rollback_failed"
    if not restored.succeeded:
        return "rollback_failed"
    return "kept_edit" if _is_kept_edit(run, restored) else "rolled_back"


def _is_kept_edit(run: Run, restored: Step) -> bool:
    """The migration replaced nothing, and the library was edited meanwhile: the edit stays."""
    if restored.outcome != "ok" or restored.result.get("snapshot"):
        return False
    return bool(run.sha256_before) and restored.result.get("sha256") != run.sha256_before


def _rollback(run: Run) -> str:
    restored = run.last("rollback")
    if restored is None or not restored.succeeded:
        return "refused"
    if run.failure is not None:
        return "unhealthy"
    if restored.result.get("nothing"):
        return "skipped"
    return "restored" if restored.outcome == "changed" else "unchanged"


def _monitoring(run: Run) -> str:
    verdict = str(run.result("watch").get("result") or "")
    restored = run.last("rollback")
    if restored is not None:
        if restored.result.get("nothing"):
            return "nothing_to_roll_back"
        return "rolled_back" if restored.succeeded and run.last_failure is None else "rollback_failed"
    if verdict == "inconclusive" and run.failure is None:
        return "hold"
    return verdict or "refused"


def timeline(run: Run) -> List[Dict[str, Any]]:
    """The steps of the report: ``at``, ``event``, ``seconds``, ``outcome``."""
    start = {"at": run.started_at, "event": "start", "seconds": 0.0, "outcome": "ok"}
    return [
        start,
        *({"at": step.at, "event": step.name, "seconds": step.seconds, "outcome": step.outcome} for step in run.steps),
    ]
