# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for the operator, neither quoted nor folded, so that a command among them can be pasted."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from ..module_utils.text import redact
from ..plugin_utils.variables import secrets_of


class ActionModule(ActionBase):
    """Show the lines without connecting to the host."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec({"lines": {"type": "list", "elements": "str", "required": True}})
        lines = redact(given["lines"], secrets_of(task_vars, self._templar))
        # One call, so that the lines of the hosts of a batch do not mix.
        self._display.display("\n".join([f"[{task_vars['inventory_hostname']}]", *lines]))
        return {"changed": False, "lines": lines}
