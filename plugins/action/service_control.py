# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of the service: its code, as it is in this checkout."""

from __future__ import annotations

from ..plugin_utils import service
from ..plugin_utils.one_call import OneCall


class ActionModule(OneCall):
    """Add the code where it may have to be installed, then run the module on the host."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state") in (None, "", "started") and self.flag("enabled", True):
            arguments["_code"] = service.code()
        return self.call("mobius.dhash.service_control", arguments, task_vars)
