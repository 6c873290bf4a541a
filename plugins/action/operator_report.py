# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a playbook, made from the results of its modules on the controller."""

from __future__ import annotations

from ansible import context
from ansible.plugins.action import ActionBase

from ..module_utils.text import redact
from ..plugin_utils.next_command import command
from ..plugin_utils.reports import KINDS, report
from ..plugin_utils.variables import secrets_of

_SPEC = {
    "kind": {"type": "str", "choices": list(KINDS), "required": True},
    "results": {"type": "dict", "required": True},
}


class ActionModule(ActionBase):
    """Show the lines, and fail if the report has a problem, without connecting to the host."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(_SPEC)
        host = task_vars["inventory_hostname"]
        made = report(
            given["kind"],
            given["results"],
            lambda name, extra=None: self._command(host, name, extra),
            check_mode=bool(self._task.check_mode),
        )
        secrets = secrets_of(task_vars, self._templar)
        lines = redact(made.lines, secrets)
        if lines:
            # One call, so that the lines of the hosts of a batch do not mix.
            self._display.display("\n".join([f"[{host}]", *lines]))
        result = {"changed": False, "lines": lines}
        return {**result, "failed": True, "msg": f"{redact(made.problem, secrets)}."} if made.problem else result

    def _command(self, host, name, extra):
        return command(name, host, context.CLIARGS, extra or {}, self._loader.load)
