# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a deployment needs the tasks of the extras."""

from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ..plugin_utils.run.extras import wanted_extras
from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.messages import hosts_of


class ActionModule(ActionBase):
    """Decide for all hosts of a batch alike, because they take each task together."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        wanted = bool(wanted_extras(task_vars))
        batch = hosts_of(task_vars).batch
        if not wanted and len(batch) > 1:
            journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
            raw = task_vars["hostvars"].raw_get
            key = f"extras {' '.join(batch)}"
            wanted = journal.once(key, lambda: {"wanted": any(wanted_extras(raw(host)) for host in batch)})["wanted"]
        return {"changed": False, "wanted": wanted}
