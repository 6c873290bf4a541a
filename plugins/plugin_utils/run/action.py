# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the action plugins: a module of this collection as one step of a run.

Within a run it notes step, time and outcome in the controller's journal, names run and step to the module (see
``module_utils.storage.journal``), and returns a lost host as a failed result, so that ``rescue`` sees it. Outside of a
run the module is executed as it is.
"""

from __future__ import annotations

import json
import os
import time

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ...module_utils.clock import timestamp
from ...module_utils.errors import MobiusError
from ...module_utils.storage.journal import VARIABLE
from ...module_utils.text import redact
from ..variables import secrets_of
from .controller import controller_facts
from .journal import STEP, Journal
from .model import STEPS, Run, entry_of, step_of
from .rollout_lines import prediction

# Modules that renew the lease of the run that they belong to, or note it in the state.
_OF_A_DEPLOYMENT = frozenset(("library_backup", "dhash_migrate", "library_restore"))
# Modules that refuse a library that has moved since the preflight.
_FIXED = frozenset(("library_backup", "dhash_migrate", "library_verify"))
# Modules whose option ``python`` is the interpreter to execute them with.
_WITH_PILLOW = frozenset(
    (
        *("dhash_dry_run", "dhash_migrate", "library_verify", "dhash_worker_info"),
        *("dhash_share_hash", "dhash_share_merge", "dhash_share_plan"),
        *("library_duplicates", "review_export", "run_prepare"),
    )
)
# Exit codes of a program that is no Python, cannot be executed, or is missing.
_NOT_STARTED = (2, 126, 127)
# Modules that can tie a lease to the process of ansible-playbook.
_LOCKING = {"library_lock": "pid", "run_prepare": "lock_pid", "run_rollback": "lock_pid"}


class StepAction(ActionBase):
    """Execute the module of the same name as the action plugin. Subclasses override :meth:`work`."""

    _supports_async = True
    _secrets = None

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        self.name = self._task.action.rpartition(".")[2]
        self.host = task_vars["inventory_hostname"]
        self.journal = Journal(C.DEFAULT_LOCAL_TMP, self.host)
        self._task_vars = task_vars
        run = self.current_run() if self.name in STEPS else None
        step = step_of(self.name, run) if run is not None else None
        arguments = {name: value for name, value in self._task.args.items() if value is not None}
        started, began = timestamp(), time.monotonic()
        lost = False
        try:
            result = self.work(arguments, task_vars)
        except MobiusError as error:
            result = {"failed": True, "msg": str(error), "where": error.where, "remedy": error.remedy}
        except AnsibleConnectionFailure as error:
            if run is None:
                raise
            # Nothing was begun on a host that never answered.
            what = "was lost" if any(each.succeeded for each in run.steps) else "is unreachable"
            lost, result = True, {"failed": True, "msg": f"The host {what}: {error.message}"}
        except AnsibleActionFail as error:
            result = {**(error.result or {}), "failed": True, "msg": error.message}
        if result and result.get("failed") and result.get("msg"):
            result["msg"] = self.redact(str(result["msg"]))
        if run is None or result is None:
            return result or {"changed": False, "skipped": True}
        if result.pop("unreachable", False):
            lost, result["failed"] = True, True
        seconds = _seconds_of(result, time.monotonic() - began)
        entry = {"step": step, "name": step, "task": self._task.name, "at": started, "seconds": seconds}
        self.journal.add(STEP, **entry, **entry_of(result, lost))
        return result

    def work(self, arguments, task_vars):
        """What the step does; by default it executes the module. None: there was nothing to do, and it is no step."""
        return self.execute(arguments, task_vars)

    def execute(self, arguments, task_vars, **options):
        """Execute the module on the host.

        :param arguments: of the module. ``python`` of a module that reads images is the interpreter to execute it with.
        :param options: further arguments of ``_execute_module``.
        """
        arguments = dict(arguments)
        python = str(arguments.pop("python", None) or "").strip() if self.name in _WITH_PILLOW else ""
        if python:
            # Not the variable itself: an extra variable of that name would win.
            task_vars = {**task_vars, "ansible_python_interpreter": python}
        run = self.current_run()
        if run is not None and self.name in _OF_A_DEPLOYMENT:
            arguments.setdefault("deployment", run.id)
        if run is not None and self.name in _FIXED and run.real_paths:
            arguments.setdefault("expected_real_path", run.real_paths["path"])
        if self.name in _LOCKING and self._connection.transport == "local":
            # A worker runs this, and its parent lives as long as the play. On another host nobody can see that process.
            arguments.setdefault(_LOCKING[self.name], os.getppid())
        # A task of a user's own play may have async, as with every other module.
        options.setdefault("wrap_async", bool(self._task.async_val) and not self._connection.has_native_async)
        step = step_of(self.name, run) if self.name in STEPS else None
        with _named_run(self._task, run, step):
            result = self._execute_module(
                module_name=f"mobius.dhash.{self.name}", module_args=arguments, task_vars=task_vars, **options
            )
        return _with_blame(result, python) if python else result

    def done_with_the_step_before(self, member):
        """The result of this step where the module of the step before has done it, too; else None."""
        if not self.journal.is_open:
            return None
        steps = [entry for entry in self.journal.entries() if entry["event"] == STEP]
        return steps[-1].get("result", {}).get(member) if steps else None

    def show(self, lines):
        """Show lines to the operator; in one call, so that the hosts of a batch do not mix."""
        self._display.display("\n".join([f"[{self.host}]", *self.redact(list(lines))]))

    def show_prediction(self, predicted):
        """Show the lines of a dry run; returns the members of a result for whoever approves the deployment."""
        if predicted.get("lines"):
            self.show(predicted["lines"])
        if predicted.get("failed") or "item_count" not in predicted:
            return {}
        # The next node of a workflow of AWX reads it.
        data = {"mobius_dry_run": {self.host: redact(prediction(predicted, bool(self._task.check_mode)))}}
        return {"ansible_stats": {"data": data, "per_host": False, "aggregate": True}}

    def redact(self, value):
        """A copy of a value without secrets; those that the host's variables configure are masked wherever they are."""
        if self._secrets is None:
            self._secrets = secrets_of(self._task_vars, self._templar)
        return redact(value, self._secrets)

    def current_run(self):
        """The open run of this host, or None."""
        return Run.from_entries(self.journal.entries()) if self.journal.is_open else None

    def run_action(self, name, arguments, task_vars):
        """Run another action plugin on the same host and return its result."""
        task = self._task.copy()
        task.args = arguments
        action = self._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=task_vars)


def _with_blame(result, python):
    """Name the Python of the option that could not run the module; Ansible reports only an unreadable result."""
    if not result.get("failed") or result.get("rc") not in _NOT_STARTED:
        return result
    stderr = str(result.get("module_stderr") or "")
    if "Traceback" in stderr:
        return result
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    error = MobiusError(
        f"The option python names a program that does not run modules ({lines[0] if lines else 'no output'})",
        python,
        "name a Python of the host that has Pillow, or leave the option out",
    )
    return {**result, "msg": str(error), "where": error.where, "remedy": error.remedy}


def _seconds_of(result, seconds):
    """The seconds of a step alone; a module that did the next step, too, has measured that one."""
    own = result.pop("step_seconds", None)
    if own is not None:
        return own
    return round(max(0.0, seconds - _seconds_of_further(result)), 3)


def _seconds_of_further(result):
    """The seconds of the steps that a module did as well; the result of each is in that of the step before."""
    parts = [part for part in result.values() if isinstance(part, dict) and "step_seconds" in part]
    return sum(part["step_seconds"] + _seconds_of_further(part) for part in parts)


class _named_run:
    """Name the run and its step to the module, in the environment of this one execution."""

    def __init__(self, task, run, step):
        self._task = task
        self._named = None
        if run is not None and step is not None:
            named = {"id": run.id, "kind": run.kind, "step": step, "controller": controller_facts()}
            if run.fleet:
                named["fleet"] = run.fleet
            named["path"] = run.real_paths.get("path", run.path)
            self._named = {VARIABLE: json.dumps(named)}

    def __enter__(self):
        self._before = self._task.environment
        if self._named:
            self._task.environment = [*(self._before or []), self._named]

    def __exit__(self, *_unused):
        self._task.environment = self._before
