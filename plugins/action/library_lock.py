# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of the lock: only here can one know the process whose death sets the lock free."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Name the ansible-playbook process, then run the module on the host."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        # Only this machine can see that the play died; a worker runs this, and its parent lives as long as the play.
        if self._connection.transport == "local":
            arguments.setdefault("pid", os.getppid())
        return self._execute_module(module_name="mobius.dhash.library_lock", module_args=arguments, task_vars=task_vars)
