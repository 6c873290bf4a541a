# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of preflight, lock and backup, and of a deployment that has nothing to change."""

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
        result = self.execute(arguments, task_vars)
        predicted = result.get("dry_run") or {}
        verified = (predicted.get("migrated") or {}).get("verified") or {}
        result["unchanged"] = bool(verified.get("valid"))
        # Otherwise the task of the dry run shows it.
        return {**result, **self.show_prediction(predicted)} if result["unchanged"] else result
