# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Base of actions that give their module something from the controller: one call, and a lost host is a failure."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars


class OneCall(ActionBase):
    """Base of actions that add arguments and run their module once."""

    def call(self, module: str, arguments: Dict[str, Any], task_vars: Mapping[str, Any]) -> Dict[str, Any]:
        """The module's result; a host that is lost counts as a failure, which a rescue sees."""
        try:
            return self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"The host was lost: {error}"}

    def flag(self, name: str, default: bool) -> bool:
        """A boolean argument, which may have arrived as text; None and "" stand for the default."""
        value = self._task.args.get(name)
        if value is None or value == "":
            return default
        try:
            return bool(boolean(value))
        except TypeError as error:
            raise AnsibleError(f"{name} must be a boolean, not {value!a}") from error

    def extra_var(self, name: str) -> Optional[str]:
        """The value of a variable that was given on the command line, which beats every other; None without one."""
        value = load_extra_vars(self._loader).get(name)
        return None if value is None else str(value)
