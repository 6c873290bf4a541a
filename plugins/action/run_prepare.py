# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of preflight, lock and backup, and of a deployment that has nothing to change."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.errors import MobiusError
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.controller import controller_facts
from ..plugin_utils.run.extras import wanted_extras


class ActionModule(StepAction):
    """Name the run to the module, which keeps its journal on the host."""

    _supports_async = False

    def work(self, arguments, task_vars):
        late = [] if boolean(arguments.pop("extras", True)) else wanted_extras(task_vars)
        if late:
            raise MobiusError(
                f"{', '.join(late)} was set during the deployment, after its tasks had been left out",
                remedy="set it in the inventory, or before the role mobius.dhash.deploy; nothing was changed",
            )
        run = self.current_run()
        named = {"id": run.id, "kind": run.kind, "controller": controller_facts()} if run else None
        if named and run.fleet:
            named["fleet"] = run.fleet
        arguments.setdefault("run", named)
        result = self.execute(arguments, task_vars)
        predicted = result.get("dry_run") or {}
        migrated = predicted.get("migrated") or {}
        verified = migrated.get("verified") or {}
        result["unchanged"] = bool(verified.get("valid"))
        if not result["unchanged"]:
            # The tasks of these steps show what they have found.
            return result
        parts = (result, predicted, migrated, verified)
        warnings = [warning for part in parts for warning in part.get("warnings", [])]
        return {**result, "warnings": warnings, **self.show_prediction(predicted)}
