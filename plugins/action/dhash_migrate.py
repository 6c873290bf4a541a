# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a long migration: it runs in the background of the host, and its progress is shown here."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils.background import Background, whole
from ..plugin_utils.run.tags import refuse_in_part

# Seconds. Following a migration takes further module executions, so a short one is not followed.
_LONG = 15


class ActionModule(Background):
    """Follow the job if progress or a time limit is requested; else run the module synchronously on the host."""

    def work(self, arguments, task_vars):
        run = self.current_run()
        if run is not None:
            # A tag "always" of the user's own on all steps: the tags of the run have left out the lock.
            refuse_in_part(run.part)
            # Also passed to the job that Ctrl-C stops, which releases the lock of this run.
            arguments.setdefault("deployment", run.id)
        try:
            limit = whole(arguments.get("timeout") or 0)
            progress = arguments.get("progress") or False
            if progress == "auto":
                progress = run is None or float(run.result("dry-run").get("projected_seconds", 60)) > _LONG
            arguments["progress"] = wanted = boolean(progress)
        except (TypeError, ValueError) as error:
            return {
                "failed": True,
                "msg": f"Invalid progress or timeout: must be a boolean and a whole number: {error}",
            }
        if not (wanted or limit) or self._task.check_mode or self._task.async_val:
            return self.execute(arguments, task_vars, wrap_async=self._task.async_val)
        arguments.pop("verify", None)
        return self.in_background(arguments, arguments.get("path"), limit, task_vars)
