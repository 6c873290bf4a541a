# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of ``host_info``: the packages and the code that the host should have."""

from __future__ import annotations

from ..plugin_utils import runtime, service
from ..plugin_utils.controller_action import ControllerAction

_INTERPRETER = "ansible_python_interpreter"


class ActionModule(ControllerAction):
    """Add the pinned packages and the digests of the service's code, then run the module on the host."""

    def work(self, arguments, task_vars):
        # A list, or text with commas.
        parts = arguments.get("parts") or ("runtime", "service")
        if "runtime" in parts:
            packages = runtime.choose(
                source=arguments.get("source") or "venv",
                lean=self.flag("lean", False),
                turbo=self.flag("turbo", False),
                heif=self.flag("heif", False),
                with_service=self.flag("with_service", True),
            )
            arguments |= {"_requirements": packages.requirements, "_imports": packages.imports}
        if "service" in parts:
            arguments["_code"] = service.digests()
        result = self.execute(arguments, task_vars)
        return self._blame_extra_var(result, arguments)

    def _blame_extra_var(self, result, arguments):
        """Name the extra variable that chose a Python without the packages, because no inventory can override it."""
        found = result.get("runtime") or {}
        chosen = self.extra_var(_INTERPRETER)
        if chosen and found.get("reason") and not arguments.get("base_python"):
            found["remedy"] = (
                f"run without the extra variable {_INTERPRETER}={chosen}, which chose this Python, or set "
                f"mobius_runtime_python{'; or: ' + found['remedy'] if found['remedy'] else ''}"
            )
        return result
