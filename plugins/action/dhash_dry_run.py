# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a dry run: it shows the prediction, and fails on a refusal if requested."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.text import redact
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.rollout_lines import prediction

_REMEDY = "correct those pictures or their paths, or raise mobius_max_failure_rate"


class ActionModule(StepAction):
    """Execute the module as a step, and show its lines."""

    def work(self, arguments, task_vars):
        fails = boolean(arguments.pop("fail_on_refusal", False))
        result = self.done_with_the_step_before("dry_run") or self.execute(arguments, task_vars)
        if result.get("lines"):
            self.show(result["lines"])
        if not result.get("failed") and "item_count" in result:
            # For the person who approves the next node of a workflow of AWX.
            data = {"mobius_dry_run": {self.host: redact(prediction(result, bool(self._task.check_mode)))}}
            result["ansible_stats"] = {"data": data, "per_host": False, "aggregate": True}
        if fails and result.get("would_fail") and not result.get("failed"):
            result.update(failed=True, msg=f"The migration would fail: {result['refusal']}. Next: {_REMEDY}.")
        return result
