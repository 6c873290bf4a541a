# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only the controller knows the variables, so they are checked there, without a round trip to the host."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ..module_utils.errors import MobiusError
from ..plugin_utils.variables import check_variables, require_variables


class ActionModule(ActionBase):
    """Check the variables of the host that the task runs for."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        role_only = self._task.args.get("scope") == "role"
        is_remote = self._connection.transport != "local"
        try:
            require_variables(self._task.args.get("required") or [], task_vars, self._templar)
            result = check_variables(task_vars, self._templar, role_only=role_only, is_remote=is_remote)
        except MobiusError as error:
            return {"failed": True, "msg": str(error), "where": error.where, "remedy": error.remedy}
        for warning in result.pop("warnings"):
            self._display.warning(warning)
        return result
