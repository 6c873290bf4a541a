# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a fleet run that is continued has anything left to do on a host."""

from __future__ import annotations

import time

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.messages import hosts_of
from ..plugin_utils.run.rollout import SKIP, skip_entry, why_skipped

_MODULE = "mobius.dhash.deployment_status"


class ActionModule(ActionBase):
    """Read the status of the host, and note that it is skipped where the fleet run has deployed it already."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        given = {name: value for name, value in self._task.args.items() if value is not None}
        fleet = str(given.pop("fleet", "") or "")
        try:
            found = self._execute_module(module_name=_MODULE, module_args=given, task_vars=task_vars)
        except AnsibleConnectionFailure:
            # The run itself reports a host that is unreachable.
            found = {}
        why = why_skipped(found, fleet)
        if why:
            journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
            journal.fleet(fleet, fleet)
            noted = skip_entry(why, hosts_of(task_vars), bool(self._task.check_mode), time.time())
            journal.note_rollout(SKIP, **noted)
            self._display.display(f"[{journal.host}]\nSkipped: {why}.")
        return {"changed": False, "skip": bool(why), "why": why}
