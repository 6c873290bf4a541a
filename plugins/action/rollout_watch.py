# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of one host after a batch: started in the background, so that all hosts are watched at the same time."""

from __future__ import annotations

import os
import time

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..module_utils.text import redact
from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.rollout import GATE, JOB, VERDICT, verdict_of

_MODULE = "mobius.dhash.dhash_gate"
_STATUS = "ansible.legacy.async_status"
# Seconds beyond the window that a watch may take to end: its last request, and a busy machine.
_GRACE = 120
_PAUSE = 2


class ActionModule(ActionBase):
    """Start or judge the watch of the host ``host``; the task is delegated to where the watch runs."""

    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        host, phase = str(self._task.args["host"]), str(self._task.args["phase"])
        self.journal = Journal(C.DEFAULT_LOCAL_TMP, host)
        if phase == "failed":
            failed = task_vars.get("ansible_failed_result") or {}
            return self._judged(host, {"msg": failed.get("msg")})
        try:
            if phase == "start":
                return self._start(task_vars)
            return self._judged(host, self._result(task_vars))
        except AnsibleConnectionFailure as error:
            # As in a watch by monitor.yml, where a host that does not answer is a bad sample.
            reason = f"the host could not be reached: {error.message}"
            return self._judged(host, {"result": "fail", "reasons": [reason]})

    def _last(self, *events):
        """The last entry of this host for one of the events, or an empty one."""
        entries = [entry for entry in self.journal.rollout() if entry["host"] == self.journal.host]
        return next((entry for entry in reversed(entries) if entry["event"] in events), {})

    def _start(self, task_vars):
        arguments = self._last(GATE).get("arguments") or {}
        given, self._task.async_val = self._task.async_val, int(float(arguments.get("window") or 0)) + _GRACE
        try:
            job = self._execute_module(
                module_name=_MODULE, module_args=dict(arguments), task_vars=task_vars, wrap_async=True
            )
        finally:
            self._task.async_val = given
        if not job.get("ansible_job_id") or not job.get("results_file"):
            return self._judged(self.journal.host, job)
        known = {"id": job["ansible_job_id"], "folder": os.path.dirname(job["results_file"])}
        self.journal.note_rollout(JOB, job=known, limit=float(arguments.get("window") or 0) + _GRACE)
        return {"changed": False}

    def _result(self, task_vars):
        """The result of the module, once it has ended."""
        # A watch that could not be started was judged in place of it.
        entry = self._last(JOB, VERDICT)
        if "job" not in entry:
            return {"result": entry.get("verdict"), "reasons": entry.get("reasons")}
        asking = {"jid": entry["job"]["id"], "_async_dir": entry["job"]["folder"]}
        deadline = time.monotonic() + entry["limit"]
        while time.monotonic() < deadline:
            result = self._execute_module(_STATUS, module_args=dict(asking), task_vars=task_vars)
            if result.get("finished"):
                self._execute_module(_STATUS, module_args={**asking, "mode": "cleanup"}, task_vars=task_vars)
                return result
            time.sleep(_PAUSE)
        return {"msg": f"the watch did not end within {entry['limit']:g} s"}

    def _judged(self, host, result):
        noted = redact(verdict_of(result))
        self.journal.note_rollout(VERDICT, **noted)
        self._display.display(f"[{host}] Watched after the batch: {noted['verdict']}: {'; '.join(noted['reasons'])}")
        return {"changed": False, "host": host, **noted}
