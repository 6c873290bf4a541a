# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a long module: it runs in the background on the host, and its progress is shown here."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from itertools import chain, repeat

from ansible.errors import AnsibleConnectionFailure

from ..module_utils.errors import MobiusError
from ..module_utils.migration.progress_query import format_progress
from .run.action import StepAction

_PATIENCE = 60
_PROGRESS = "mobius.dhash.dhash_progress"
_STATUS = "ansible.legacy.async_status"
_SILENCE = 900
# The module's own timeout and Ansible's come first if the job is still alive.
_GRACE = 60
_NO_LIMIT = 10**9
# Short at first, so that a short job is not delayed; later, frequent queries would load the host.
_PAUSES = (0.5, 1, 2, 3, *[5] * 12)
_LAST_PAUSE = 10
_BETWEEN_LINES = 2.9
_TRIES = 5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Members of Ansible's job status that are not the module's result.
_OF_THE_JOB = ("ansible_job_id", "started", "finished", "results_file", "stdout", "stdout_lines", "stderr_lines")


class _Ended(Exception):
    """The job can no longer be followed; holds the result."""


class _Stopped(BaseException):
    """The play was interrupted, by Ctrl-C or a signal; holds the signal's number."""


class Background(StepAction):
    """Runs a module in the background on the host and follows it.

    The module keeps its progress beside a file ``path`` (see ``migration.progress``), and knows the options
    ``patience`` and ``timeout``.
    """

    _supports_async = True

    def in_background(self, arguments, path, limit, task_vars):
        """The module's result; ``limit`` in seconds, 0 for none."""
        with _signals_raised():
            job = self._start({"patience": _PATIENCE, **arguments}, limit, task_vars)
            if not job.get("ansible_job_id") or not job.get("results_file"):
                return {**job, "failed": True}
            try:
                self._follow(path, job, limit, task_vars)
                return self._result(job, limit, task_vars)
            except _Ended as error:
                return error.args[0]
            except _Stopped:
                self._stop(path, job, arguments.get("deployment"), task_vars)
                self.forget(arguments)
                self.cleanup()
                raise

    def _start(self, arguments, limit, task_vars):
        given = self._task.async_val
        self._task.async_val = limit or _NO_LIMIT
        try:
            return self.execute(arguments, task_vars, wrap_async=True)
        finally:
            self._task.async_val = given

    def _follow(self, path, job, limit, task_vars):
        """Poll until the job has ended, and show new progress."""
        host = task_vars.get("inventory_hostname", "")
        last, changed, failures = None, time.monotonic(), 0
        shown, shown_at, began = None, -_BETWEEN_LINES, changed
        for pause in chain(_PAUSES, repeat(_LAST_PAUSE)):
            time.sleep(pause)
            answer = self._ask({"path": path, "job": job["results_file"]}, task_vars)
            if answer.get("finished"):
                return
            failures = failures + 1 if answer.get("failed") else 0
            if failures == _TRIES:
                raise _Ended(answer)
            line, now = answer.get("msg") if failures else format_progress(answer["progress"]), time.monotonic()
            if (line, answer.get("progress")) != last:
                last, changed = (line, answer.get("progress")), now
            if now - changed > _SILENCE or 0 < limit < now - began - _GRACE:
                raise _Ended(_silent(job, now - changed))
            if line != shown and now - shown_at >= _BETWEEN_LINES:
                shown, shown_at = line, now
                self._display.display(f"{host}  {line}")

    def _ask(self, query, task_vars):
        try:
            return self._execute_module(module_name=_PROGRESS, module_args=query, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            return {"failed": True, "unreachable": True, "msg": f"the host cannot be reached: {error}"}

    def _stop(self, path, job, deployment, task_vars):
        """Stop the job and clean up; if the host is unreachable, the job ends by its idle timeout."""
        query = {"path": path, "job": job["results_file"], "stop": True}
        self._ask(query if deployment is None else {**query, "deployment": deployment}, task_vars)

    def forget(self, arguments):
        """Remove what the play would have removed after the job had ended."""

    def _result(self, job, limit, task_vars):
        query = {"jid": job["ansible_job_id"], "_async_dir": os.path.dirname(job["results_file"])}
        result = self._execute_module(_STATUS, module_args=dict(query), task_vars=task_vars)
        self._execute_module(_STATUS, module_args={**query, "mode": "cleanup"}, task_vars=task_vars)
        if result.get("failed") and "child_pid" in result:
            return {"failed": True, "msg": _too_long(limit), "timeout": limit}
        for name in _OF_THE_JOB:
            result.pop(name, None)
        return result


@contextmanager
def _signals_raised():
    """Turn a signal that ends the play into an exception here, and deliver it afterwards."""

    def stop(number, _frame):
        # Ansible sends a second one, and child processes may still be starting.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped(number)

    former = {number: signal.signal(number, stop) for number in _SIGNALS}
    stopped = None
    try:
        yield
    except _Stopped as error:
        stopped = error.args[0]
        raise
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if stopped is not None:
            os.kill(os.getpid(), stopped)


def whole(value):
    """A number of seconds; extra vars arrive as strings."""
    number = int(value)
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return number


def _too_long(limit):
    error = MobiusError(
        f"It did not end within its timeout of {limit} seconds and was stopped; the library is intact",
        remedy="run it again with a longer timeout: images that were hashed are not hashed again",
    )
    return str(error)


def _silent(job, seconds):
    error = MobiusError(
        f"It has not responded for {seconds:.0f} seconds, so it may or may not still be running",
        job["results_file"],
        "check the host, then run it again",
    )
    return {"failed": True, "msg": str(error)}
