# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the verification: outside of a run, it shows the findings."""

from __future__ import annotations

from ..plugin_utils.run.action import StepAction


class ActionModule(StepAction):
    """Execute the module as a step, and show its lines if no run reports them."""

    def work(self, arguments, task_vars):
        result = self.done_with_the_step_before("verified") or self.execute(arguments, task_vars)
        if self.current_run() is None and result.get("lines"):
            self.show(result["lines"])
        return result
