# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes in the journal of a run what its modules cannot note by themselves."""

from __future__ import annotations

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils.clock import timestamp
from ..module_utils.text import redact
from ..plugin_utils.run.journal import FAILURE, HOOK, MARK, STEP, Journal
from ..plugin_utils.run.model import Run, failed_task
from ..plugin_utils.variables import secrets_of


class ActionModule(ActionBase):
    """Note which step a hook belongs to, or, in a rescue, what failed."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
        if not journal.is_open:
            return {"changed": False, "reached": False}
        run = Run.from_entries(journal.entries())
        if self._task.args.get("reached"):
            return {"changed": False, "reached": run.has_reached(str(self._task.args["reached"])), "status": run.status}
        if self._task.args.get("hook"):
            failure = redact(failed_task(run, task_vars), secrets_of(task_vars, self._templar))
            journal.add(HOOK, **{**failure, "step": str(self._task.args["hook"])})
            return {"changed": False}
        if self._task.args.get("step"):
            step = str(self._task.args["step"]).replace("_", "-")
            if boolean(self._task.args.get("done") or False):
                noted = {"name": step, "task": self._task.name, "at": timestamp(), "seconds": 0.0, "result": {}}
                journal.add(STEP, step=step, outcome="changed", message="", **noted)
            else:
                journal.add(MARK, step=step)
            return {"changed": False}
        failure = failed_task(run, task_vars)
        journal.add(FAILURE, **redact(failure, secrets_of(task_vars, self._templar)))
        return {"changed": False}
