# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a fleet run: one table, the same as an artifact for the next job, and a message where one is due."""

from __future__ import annotations

from ansible import constants as C
from ansible import context
from ansible.plugins.action import ActionBase

from ..module_utils.clock import timestamp
from ..module_utils.deployment.report import keep
from ..module_utils.errors import MobiusError
from ..module_utils.text import redact
from ..plugin_utils.next_command import command
from ..plugin_utils.run.fleet import fleet_page
from ..plugin_utils.run.fleet_rows import rows
from ..plugin_utils.run.journal import Journal
from ..plugin_utils.run.messages import send
from ..plugin_utils.run.rollout_lines import artifact, lines, notice
from ..plugin_utils.run.rollout_vars import rollout_of

ARTIFACT = "mobius_rollout"


class ActionModule(ActionBase):
    """Show the table; runs on the controller only."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
        rollout = rollout_of(journal, task_vars, self._templar.template)
        if not rollout.has_begun:
            return {"changed": False, "skipped": True}
        fleet = journal.known_fleet()
        shown = [redact(each) for each in lines(rollout, fleet, self._command)]
        self._display.display("\n".join(shown))
        self._renew_page(journal.kept_page(), rollout)
        sent = {"fleet": fleet} if fleet else {}
        given = self._task.args
        send(self, notice(rollout, shown), given.get("notify"), given.get("notify_timeout"), sent)
        data = {ARTIFACT: redact(artifact(rollout, fleet, self._command))}
        # As the action set_stats returns it, for all hosts together: AWX keeps nothing of single hosts.
        return {"changed": False, "ansible_stats": {"data": data, "per_host": False, "aggregate": False}}

    def _renew_page(self, page, rollout):
        """The page of all hosts, where a rollback by the scope or a watch came after it."""
        if not page or not any(member.rollback or member.verdict for member in rollout.members):
            return
        try:
            keep(page["path"], fleet_page(page["kind"], page["reports"], timestamp(), rows(rollout)).decode("utf-8"))
        except (MobiusError, OSError) as error:
            self._display.warning(f"The page of all hosts could not be written: {redact(str(error))}")

    def _command(self, playbook, host=None, extra=None):
        limit = host or context.CLIARGS.get("subset")
        return command(playbook, limit, context.CLIARGS, extra or {}, self._loader.load)
