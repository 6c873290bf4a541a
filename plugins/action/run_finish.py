# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run: lock, report, retention and maintenance in one execution of the module; then what people read."""

from __future__ import annotations

import time
from pathlib import Path

from ansible import context
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.clock import timestamp
from ..module_utils.deployment.report import keep
from ..module_utils.errors import MobiusError
from ..module_utils.storage.lease import TTL
from ..plugin_utils.next_command import command
from ..plugin_utils.run import fleet
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.controller import controller_facts
from ..plugin_utils.run.end import End, facts
from ..plugin_utils.run.finish import arguments, facts_of, failure_of, owns_lock
from ..plugin_utils.run.fleet_rows import rows as fleet_rows
from ..plugin_utils.run.headlines import headline
from ..plugin_utils.run.journal import END
from ..plugin_utils.run.lines import lines
from ..plugin_utils.run.messages import hosts_of, send
from ..plugin_utils.run.next_steps import next_commands
from ..plugin_utils.run.notification import end_notice
from ..plugin_utils.run.rollout import end_entry
from ..plugin_utils.run.rollout_vars import rollout_of

_OWN = (
    *("notify", "notify_timeout", "report_dest", "limits"),
    *("restartable", "lock_ttl", "rollback_backup", "in_rollout"),
)


class ActionModule(StepAction):
    """End the run of this host: it fails if the run did."""

    _supports_async = False

    def work(self, given, task_vars):
        own = {name: given.pop(name, None) for name in _OWN}
        run = self.current_run()
        if run is None:
            return {"failed": True, "msg": "There is no run to finish. Next: call run_begin first."}
        found, lost = self._on_host(run, given, own, task_vars)
        settings = {
            "backup": own["rollback_backup"],
            "lock_ttl": own["lock_ttl"] or TTL,
            "restartable": own["restartable"],
        }
        end = End(run, found, settings, self._command(task_vars))
        shown = self.redact(lines(end))
        self.show(shown)
        # It notes the end in the journal of the fleet run, which the page of all hosts is made from.
        result = self._result(end, found, lost, boolean(own["in_rollout"] or False))
        self._notify(run, own, shown, self.redact(facts_of(run, end)), task_vars)
        return result

    def _on_host(self, run, given, own, task_vars):
        """The result of the module, and why the host could not be reached; without either where nothing was begun."""
        if not run.path or run.failure is not None and run.failure.lost and not owns_lock(run):
            return {}, ""
        try:
            wanted = arguments(run, given, controller_facts(), own, self._command(task_vars))
            wanted["report_members"] = self.redact(wanted["report_members"])
            found = self.execute(wanted, task_vars)
        except AnsibleConnectionFailure as error:
            return {}, str(error.message)
        if found.get("unreachable"):
            return {}, str(found.get("msg"))
        if found.get("failed") and "errors" not in found:
            return {"errors": {"state": str(found.get("msg"))}}, ""
        return found, ""

    def _command(self, task_vars, host=None):
        def printed(playbook, extra=None):
            return command(playbook, host or self.host, context.CLIARGS, extra or {}, self._loader.load)

        return printed

    def _notify(self, run, own, shown, known, task_vars):
        hosts = hosts_of(task_vars)
        batch = [host for host in hosts.batch if host in hosts.still_in_play]
        with self.journal.ended(batch, status=run.status, lines=[] if run.succeeded else shown) as runs:
            if not runs:
                return
            self._write_fleet(run, hosts, runs, own, task_vars)
            notice = None if run.part else end_notice(run.kind, hosts, runs)
            # The message of the batch that lost a host has reported that no later one was begun.
            if any(entry.get("after_lost") for entry in runs[self.host]) and self.journal.reported(runs):
                return
            send(self, notice, own["notify"], own["notify_timeout"], {run.kind: run.id, **known})
            if notice is not None:
                self.journal.report(runs)

    def _write_fleet(self, run, hosts, runs, own, task_vars):
        """The page of all hosts, once the last one of a batch ends; what is wrong with it is a warning."""
        if not own["report_dest"] or run.check_mode or not fleet.is_batch_over(run.kind, hosts, runs):
            return
        path = Path(self._loader.path_dwim(str(own["report_dest"]))) / fleet.file_name(run.kind, hosts, runs)
        found = fleet.reports(
            run.kind, hosts, runs, own["limits"], controller_facts(), lambda host: self._command(task_vars, host)
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            rollout = rollout_of(self.journal, task_vars, self._templar.template)
            keep(str(path), fleet.fleet_page(run.kind, found, timestamp(), fleet_rows(rollout)).decode("utf-8"))
            # A rollback by the scope has a page of its own.
            if run.kind == rollout.kind:
                self.journal.keep_page({"path": str(path), "kind": run.kind, "reports": found})
        except (MobiusError, OSError) as error:
            self._display.warning(f"The page of all hosts could not be written: {self.redact(str(error))}")
            return
        self._display.display(f"page of all hosts: {path}")

    def _result(self, end, found, lost, in_rollout):
        run = end.run
        why = failure_of(end, lost)
        result = {
            "changed": bool(found.get("changed")),
            "id": run.id,
            "status": run.status,
            "headline": self.redact(headline(end)),
            "facts": facts(end),
            "next": [] if run.succeeded else next_commands(end),
            "report": found.get("report"),
            "page": found.get("page"),
            "history": found.get("history"),
            "removed": found.get("removed") or [],
        }
        noted = end_entry(end, why, result["report"], result["next"], time.time())
        self.journal.note_rollout(END, **self.redact(noted))
        # In a fleet run all hosts stay in the play until the scope of the rollback is known: rollout_end fails them.
        return {**result, "failed": not in_rollout, "msg": self.redact(why)} if why else result
