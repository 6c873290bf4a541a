# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses a deployment that has not passed on the staging hosts: a step of a run, judged on the controller."""

from __future__ import annotations

from datetime import datetime, timezone

from ..module_utils.version import VERSION
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.staging import Wanted, refuse_unless_staged


class ActionModule(StepAction):
    """Compare the histories of the staging hosts with this run."""

    _requires_connection = False

    def work(self, arguments, task_vars):
        run = self.current_run()
        pillow = run.result("dry-run").get("pillow") if run is not None else ""
        wanted = Wanted(VERSION, str(pillow or ""), run.settings if run is not None else {}, float(arguments["days"]))
        passed = refuse_unless_staged(_by_host(arguments.get("histories") or []), wanted, datetime.now(timezone.utc))
        return {"changed": False, "passed": passed}


def _by_host(results):
    """The results of a loop over the staging hosts."""
    return {str(result.get("__deploy_staged") or result.get("item")): result for result in results}
