# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a host: what the module found, as lines with the next commands; it fails if something is wrong."""

from __future__ import annotations

from ansible import context

from ..plugin_utils.next_command import command
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.status import Status, next_commands, problems
from ..plugin_utils.run.status_lines import lines

_NO_LIBRARY = (
    "mobius_library_path is not set, so there is no library to report on. "
    "Next: set it in the inventory, or give it with -e mobius_library_path=/srv/mobius/library.json"
)


class ActionModule(StepAction):
    """Execute the module and show what it found."""

    _supports_async = False

    def work(self, arguments, task_vars):
        if not arguments.get("path"):
            return {"failed": True, "msg": _NO_LIBRARY}
        found = self.execute(arguments, task_vars)
        if found.get("failed") or found.get("unreachable"):
            return found
        status = Status(found)
        self.show(lines(status, self._command))
        wrong = self.redact(problems(status))
        commands = self.redact(next_commands(status, self._command))
        result = {"changed": False, "state": status.state, "problems": wrong, "next": commands}
        if wrong:
            # The lines have shown the rest; a failed task would show its whole result.
            return {**result, "failed": True, "msg": f"{'; '.join(wrong)}."}
        return {**result, "status": found}

    def _command(self, playbook, extra=None):
        return command(playbook, self.host, context.CLIARGS, extra or {}, self._loader.load)
