# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Variables are known on the controller alone, so they are judged there, without a word to the host."""

from __future__ import annotations

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.errors import MobiusError
from ..module_utils.variables.check import REMEDY, check

_OURS = "mobius.dhash."


class ActionModule(ActionBase):
    """Judge the variables of the host that the task runs for."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        # What another role is given in its own entry of the play cannot be seen from here; it looks for itself.
        name = str(task_vars.get("ansible_role_name") or "")
        role = name[len(_OURS) :] if name.startswith(_OURS) else ""
        prefixes = () if role and self._task.args.get("scope") == "role" else ("mobius_",)
        prefixes += (f"{role}_",) if role else ()
        try:
            given = {name: self._value(name, task_vars) for name in task_vars if name.startswith(prefixes)}
            result = check(given, role, far=self._connection.transport != "local")
        except MobiusError as error:
            return {"failed": True, "msg": str(error), "where": error.where, "remedy": error.remedy}
        for warning in result.pop("warnings"):
            self._display.warning(warning)
        return result

    def _value(self, name, task_vars):
        try:
            return self._templar.template(task_vars[name])
        except AnsibleError as error:
            # Only the reason: the text around it may hold a secret.
            reason = str(getattr(error, "message", error)).splitlines()[0][:200]
            raise MobiusError(f"{name} cannot be worked out: {reason}", remedy=REMEDY) from error
