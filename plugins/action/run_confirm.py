# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the answer to the request for consent to the migration."""

from __future__ import annotations

from ..module_utils.errors import MobiusError
from ..plugin_utils.run.action import StepAction


class ActionModule(StepAction):
    """Refuse anything but a yes."""

    _requires_connection = False

    def work(self, arguments, task_vars):
        if str(arguments.get("answer") or "").strip().lower() not in ("y", "yes"):
            raise MobiusError(
                "No consent was given",
                remedy='type "yes" at the prompt, or leave mobius_confirm unset without a terminal',
            )
        return {"changed": False}
