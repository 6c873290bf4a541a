# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last task of a fleet run: it fails where the run of this host did, where it was rolled back, or never began."""

from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ..module_utils.text import redact
from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.rollout_vars import answers_of


class ActionModule(ActionBase):
    """Runs on the controller only."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
        why = answers_of(journal, task_vars, self._templar.template).get("why")
        return {"changed": False, "failed": True, "msg": redact(why)} if why else {"changed": False}
