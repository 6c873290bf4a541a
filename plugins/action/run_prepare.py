# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of preflight, lock and backup."""

from __future__ import annotations

from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.controller import controller_facts


class ActionModule(StepAction):
    """Name the run to the module, which keeps its journal on the host."""

    _supports_async = False

    def work(self, arguments, task_vars):
        run = self.current_run()
        named = {"id": run.id, "kind": run.kind, "controller": controller_facts()} if run else None
        if named and run.fleet:
            named["fleet"] = run.fleet
        arguments.setdefault("run", named)
        return self.execute(arguments, task_vars)
