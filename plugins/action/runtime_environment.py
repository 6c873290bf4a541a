# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the Python environment: the locks of its packages."""

from __future__ import annotations

from ..plugin_utils import runtime
from ..plugin_utils.controller_action import ControllerAction


class ActionModule(ControllerAction):
    """Add the locks of the packages, then run the module on the host."""

    def work(self, arguments, task_vars):
        packages = runtime.choose(
            lean=self.flag("lean", False),
            turbo=self.flag("turbo", False),
            heif=self.flag("heif", False),
            with_service=self.flag("with_service", True),
        )
        added = {"_requirements": packages.requirements, "_imports": packages.imports}
        return self.execute({**arguments, **added}, task_vars)
