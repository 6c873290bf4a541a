# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a dry run: it shows the prediction, and fails on a refusal if requested."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.run.action import StepAction

_REMEDY = "correct those pictures or their paths, or raise mobius_max_failure_rate"


class ActionModule(StepAction):
    """Execute the module as a step, and show its lines."""

    def work(self, arguments, task_vars):
        fails = boolean(arguments.pop("fail_on_refusal", False))
        result = self.done_with_the_step_before("dry_run") or self.execute(arguments, task_vars)
        result.update(self.show_prediction(result))
        if fails and result.get("would_fail") and not result.get("failed"):
            result.update(failed=True, msg=f"The migration would fail: {result['refusal']}. Next: {_REMEDY}.")
        return result
