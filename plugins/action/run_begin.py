# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a run: its id, its journal, the checks on the controller, and the message at the start."""

from __future__ import annotations

import os
import random
import time

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils.clock import file_stamp, timestamp
from ..module_utils.errors import MobiusError
from ..plugin_utils.ci.gate import refuse_unless_green
from ..plugin_utils.run import checks, tags
from ..plugin_utils.run.controller import job_of
from ..plugin_utils.run.journal import BEGIN, FAILURE, PART, Journal
from ..plugin_utils.run.messages import hosts_of, send
from ..plugin_utils.run.model import DEPLOYMENT, MONITORING
from ..plugin_utils.run.notification import start_notice
from ..plugin_utils.run.rollout import begin_entry
from ..plugin_utils.run.settings import settings_of
from ..plugin_utils.run.watch_lines import turns
from ..plugin_utils.variables import check_variables


def new_id():
    return f"{file_stamp()}-{random.randrange(1 << 24):06x}"


class ActionModule(ActionBase):
    """Begin a run on this host."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        given = {"kind": "deployment", "path": "", **self._task.args}
        chosen = self._chosen_by(task_vars)
        if given["kind"] == DEPLOYMENT and not tags.chosen_steps(*chosen):
            return {"changed": False, "skip": True, "hooks": {}, "steps": [], "chosen": []}
        journal = Journal(C.DEFAULT_LOCAL_TMP, task_vars["inventory_hostname"])
        run = {
            "id": new_id(),
            "kind": given["kind"],
            "path": str(given["path"] or ""),
            "started_at": timestamp(),
            "check_mode": bool(self._task.check_mode),
            "fleet": str(given.get("fleet") or ""),
        }
        if run["kind"] == DEPLOYMENT:
            run["fleet"] = journal.fleet(run["fleet"], new_id())
        elif run["fleet"]:
            journal.fleet(run["fleet"], run["fleet"])
        hosts = hosts_of(task_vars)
        by_scope = boolean(given.get("by_scope") or False)
        settings = settings_of(given.get("settings") or {})
        part, hooks = [], {}
        journal.begin({**run, "settings": settings})
        journal.note_rollout(BEGIN, **begin_entry({**run, "by_scope": by_scope}, hosts, time.time()))
        try:
            # A host that is lost keeps no other of its fleet run from being rolled back.
            if not by_scope:
                checks.refuse_after_lost_hosts(hosts, journal)
            if run["kind"] == DEPLOYMENT:
                checks.refuse_slice(task_vars)
                part = tags.part_of(*chosen)
                journal.add(PART, steps=part)
            for warning in self._checked(given, task_vars):
                self._display.warning(warning)
            ci = given.get("ci") or {}
            journal.once(f"ci {ci.get('commit')}", lambda: refuse_unless_green(ci, job_of()))
            hooks = {name: file for name, file in (given.get("hooks") or {}).items() if tags.runs_hook(name, part)}
            hooks = checks.find_hooks(hooks, self._folders(task_vars))
        except MobiusError as error:
            after_lost = isinstance(error, checks.LostHosts)
            journal.add(FAILURE, step="start", task=self._task.name, message=str(error), after_lost=after_lost)
            return {"failed": True, "msg": str(error), "where": error.where, "remedy": error.remedy, **run}
        finally:
            # A run that migrates nothing is nobody's concern but the operator's.
            notice = None if part else start_notice(given["kind"], hosts, task_vars["inventory_hostname"])
            send(self, notice, given.get("notify"), given.get("notify_timeout"), {given["kind"]: run["id"]})
        self._tell_turns(given["kind"], hosts, task_vars)
        steps = {"steps": tags.preparation(part), "chosen": sorted(part or tags.chosen_steps(*chosen))}
        found = {"hooks": hooks, "settings": settings, "skip": False, **steps}
        return {"changed": False, **run, **found}

    def _chosen_by(self, task_vars):
        """``--tags``, ``--skip-tags``, and the tags that all steps have from a playbook of the user's own."""
        return task_vars.get("ansible_run_tags") or ["all"], task_vars.get("ansible_skip_tags") or [], self._task.tags

    def _folders(self, task_vars):
        playbooks = str(task_vars.get("playbook_dir") or self._loader.get_basedir())
        return [str(task_vars.get("inventory_dir") or ""), playbooks, os.path.dirname(playbooks), os.getcwd()]

    def _tell_turns(self, kind, hosts, task_vars):
        lines = turns(int(task_vars["ansible_forks"]), hosts, task_vars["inventory_hostname"])
        if kind == MONITORING and lines:
            self._display.display("\n".join(lines))

    def _checked(self, given, task_vars):
        checks.refuse_without_library(str(given["path"] or ""))
        checks.refuse_task_timeout(self._task.timeout)
        checks.refuse_unanswerable_question(given.get("confirm"))
        checks.refuse_ephemeral_evidence(str(given.get("evidence_dest") or ""))
        is_remote = self._connection.transport != "local"
        result = check_variables(task_vars, self._templar, role_only=given["kind"] == "rollback", is_remote=is_remote)
        checks.refuse_outside_window(given.get("window") or {}, given.get("ignore_window"))
        return result["warnings"]
