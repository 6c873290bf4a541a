# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base of the actions that add arguments which only the controller has."""

from __future__ import annotations

from typing import Optional

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.vars import load_extra_vars

from .run.action import StepAction


class ControllerAction(StepAction):
    """Reads the arguments of its task and the extra variables of this ansible-playbook."""

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean argument, which may be text; None and "" mean the default."""
        value = self._task.args.get(name)
        if value is None or value == "":
            return default
        try:
            return bool(boolean(value))
        except TypeError as error:
            raise AnsibleError(f"{name} must be a boolean, not {value!a}") from error

    def extra_var(self, name: str) -> Optional[str]:
        """Return the value of an extra variable, which overrides every other, or None."""
        value = load_extra_vars(self._loader).get(name)
        return None if value is None else str(value)
