# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of a long migration: it runs in the background of the host, and here its progress is told."""

from __future__ import annotations

import os
import time
from itertools import chain, repeat

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils.errors import MobiusError
from ..module_utils.migration.asked import told

_MODULE = "mobius.dhash.dhash_migrate"
_PATIENCE = 60
_SILENCE = 900
_NO_LIMIT = 10**9
# Soon at first, so that a short one is not held up; later each question costs the host more than it tells.
_PAUSES = (0.5, 1, 2, 3, *[5] * 12)
_LAST_PAUSE = 10
_TRIES = 5
# What Ansible says about the job, not the module about the library.
_OF_THE_JOB = ("ansible_job_id", "started", "finished", "results_file", "stdout", "stdout_lines", "stderr_lines")


class _Ended(Exception):
    """The migration cannot be followed any more; holds the result."""


class ActionModule(ActionBase):
    """Follow from here when progress or a limit of time is wanted; else let the module do all of it on the host."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            limit = _whole(arguments.get("timeout") or 0)
            wanted = limit or boolean(arguments.get("progress") or False)
        except (TypeError, ValueError) as error:
            return {"failed": True, "msg": f"progress has to be a boolean and timeout a whole number: {error}"}
        if not wanted or self._task.check_mode or self._task.async_val:
            return self._execute_module(
                module_name=_MODULE, module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
            )
        job = self._start({"patience": _PATIENCE, **arguments}, limit, task_vars)
        if not job.get("ansible_job_id") or not job.get("results_file"):
            return {**job, "failed": True}
        try:
            self._follow(arguments.get("path"), job, task_vars)
        except _Ended as error:
            return error.args[0]
        return self._result(job, limit, task_vars)

    def _start(self, arguments, limit, task_vars):
        given = self._task.async_val
        self._task.async_val = limit or _NO_LIMIT
        try:
            return self._execute_module(
                module_name=_MODULE, module_args=arguments, task_vars=task_vars, wrap_async=True
            )
        finally:
            self._task.async_val = given

    def _follow(self, path, job, task_vars):
        """Ask until the job has ended, and tell what is new."""
        host = task_vars.get("inventory_hostname", "")
        last, changed, failures = None, time.monotonic(), 0
        for pause in chain(_PAUSES, repeat(_LAST_PAUSE)):
            time.sleep(pause)
            answer = self._ask(path, job, task_vars)
            if answer.get("finished"):
                return
            failures = failures + 1 if answer.get("failed") else 0
            if failures == _TRIES:
                raise _Ended(answer)
            line = answer.get("msg") if failures else told(answer["progress"])
            if (line, answer.get("progress")) != last:
                last, changed = (line, answer.get("progress")), time.monotonic()
                self._display.display(f"{host}  {line}")
            elif time.monotonic() - changed > _SILENCE:
                raise _Ended(_silent(job))

    def _ask(self, path, job, task_vars):
        asking = {"path": path, "job": job["results_file"]}
        try:
            return self._execute_module(
                module_name="mobius.dhash.dhash_progress", module_args=asking, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            return {"failed": True, "unreachable": True, "msg": f"the host cannot be reached: {error}"}

    def _result(self, job, limit, task_vars):
        asking = {"jid": job["ansible_job_id"], "_async_dir": os.path.dirname(job["results_file"])}
        result = self._execute_module("ansible.legacy.async_status", module_args=dict(asking), task_vars=task_vars)
        self._execute_module(
            "ansible.legacy.async_status", module_args={**asking, "mode": "cleanup"}, task_vars=task_vars
        )
        if result.get("failed") and "child_pid" in result:
            return {"failed": True, "msg": _too_long(limit), "timeout": limit}
        for name in _OF_THE_JOB:
            result.pop(name, None)
        return result


def _whole(value):
    """Extra vars arrive as strings."""
    number = int(value)
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return number


def _too_long(limit):
    error = MobiusError(
        f"The migration did not end within its timeout of {limit} seconds and was ended; the library is whole",
        remedy="run it again with a longer timeout: pictures that were hashed are not hashed again",
    )
    return str(error)


def _silent(job):
    error = MobiusError(
        f"The migration has shown no sign of life for {_SILENCE} seconds; whether it still runs cannot be told",
        job["results_file"],
        "look at the host, then run it again",
    )
    return {"failed": True, "msg": str(error)}
