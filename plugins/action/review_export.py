# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of ``review_export``: it chooses the Python, and sets the head of the queue as an artifact."""

from __future__ import annotations

from ..plugin_utils.run.action import StepAction

_ARTIFACT = ("item_count", "library_items", "dest", "sha256", "lowest")


class ActionModule(StepAction):
    """Execute the module with the Python that its option names; its result is an artifact as well."""

    def work(self, arguments, task_vars):
        result = self.execute(arguments, task_vars)
        if not result.get("failed") and "lowest" in result:
            known = {name: result.get(name) for name in _ARTIFACT}
            stats = {"dhash_review": {self.host: self.redact(known)}}
            result["ansible_stats"] = {"data": stats, "per_host": False, "aggregate": True}
        return result
