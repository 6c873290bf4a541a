# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the service: its code, as it is in this checkout."""

from __future__ import annotations

from ..plugin_utils import service
from ..plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    """Add the code where it may have to be installed, then run the module on the host."""

    def work(self, arguments, task_vars):
        if not self.flag("enabled", True) and not arguments.get("command"):
            return {"changed": False}
        if arguments.get("state") in (None, "", "started") and self.flag("enabled", True):
            arguments["_code"] = service.code()
        return self.execute(arguments, task_vars)
