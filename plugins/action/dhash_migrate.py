# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of a long migration: it runs in the background of the host, and here its progress is told."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.background import Background, whole

_MODULE = "mobius.dhash.dhash_migrate"


class ActionModule(Background):
    """Follow from here when progress or a limit of time is wanted; else let the module do all of it on the host."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            limit = whole(arguments.get("timeout") or 0)
            wanted = limit or boolean(arguments.get("progress") or False)
        except (TypeError, ValueError) as error:
            return {"failed": True, "msg": f"progress has to be a boolean and timeout a whole number: {error}"}
        if not wanted or self._task.check_mode or self._task.async_val:
            return self._execute_module(
                module_name=_MODULE, module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
            )
        return self.in_background(_MODULE, arguments, arguments.get("path"), limit, task_vars)
