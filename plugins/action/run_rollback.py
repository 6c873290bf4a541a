# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback of a run: what is restored follows from the run's own journal."""

from __future__ import annotations

import os

from ..plugin_utils.run import rollback
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.controller import controller_facts
from ..plugin_utils.run.journal import FAILURE
from ..plugin_utils.run.model import MONITORING, ROLLBACK, Run, failed_task


class ActionModule(StepAction):
    """Wait for a host that was lost, then keep the evidence and restore in one execution of the module."""

    _supports_async = False

    def work(self, arguments, task_vars):
        own = {name: arguments.pop(name, None) for name in ("reconnect_timeout", "evidence_dest", "on_inconclusive")}
        run = self.current_run()
        if run is not None and run.kind != ROLLBACK:
            # A step that failed has noted itself; the journal counts both as one.
            self.journal.add(FAILURE, **self.redact(failed_task(run, task_vars)))
            run = self.current_run()
        if run is not None and run.kind == MONITORING and not self._is_wanted(run, own["on_inconclusive"]):
            return None
        if run is not None:
            arguments.update(rollback.arguments(run, arguments, controller_facts()))
        if arguments.get("evidence"):
            arguments["evidence"] = {**arguments["evidence"], **self._redacted(arguments["evidence"])}
        if run is not None and run.failure is not None and run.failure.lost:
            self._reconnect(own["reconnect_timeout"], task_vars)
        result = self.execute(arguments, task_vars)
        if own["evidence_dest"]:
            self._fetch(result, str(own["evidence_dest"]), task_vars)
        # Without a terminal, people read this, and later nodes of a workflow get it as a variable: not mobius_*.
        if run is not None and not result.get("failed"):
            kept = rollback.artifact(run, result.get("evidence") or {})
            if kept:
                stats = {"dhash_evidence": {self.host: self.redact(kept)}}
                result["ansible_stats"] = {"data": stats, "per_host": False, "aggregate": True}
        return result

    def _redacted(self, evidence):
        return {name: self.redact(evidence[name]) for name in ("failure", "timeline", "samples") if name in evidence}

    def _is_wanted(self, run: Run, on_inconclusive):
        verdict = run.result("watch").get("result")
        return not self._task.check_mode and (
            verdict == "fail" or (verdict, on_inconclusive) == ("inconclusive", "rollback")
        )

    def _reconnect(self, timeout, task_vars):
        waited = self.run_action(
            "ansible.builtin.wait_for_connection", {"timeout": int(timeout or 300), "sleep": 1}, task_vars
        )
        if waited.get("failed"):
            raise rollback.NotReachable(str(waited.get("msg") or "timed out waiting for the host"))

    def _fetch(self, result, dest, task_vars):
        """Copy the evidence to the controller; it stays on the host even if this fails."""
        evidence = result.get("evidence") or {}
        folder = evidence.get("folder")
        for name in evidence.get("files") or ():
            # Relative to where ansible-playbook was started, not to the folder of the playbook.
            target = f"{os.path.abspath(dest)}/{self.host}/{folder.rpartition('/')[2]}/{name}"
            self.run_action(
                "ansible.builtin.fetch", {"src": f"{folder}/{name}", "dest": target, "flat": True}, task_vars
            )
