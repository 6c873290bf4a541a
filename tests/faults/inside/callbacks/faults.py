"""Within ansible-playbook: note its tasks, and at one of them kill it or give the order to break that task's module."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: faults
type: aggregate
short_description: Break a run at one of its tasks
description: The tests' own; reads its plan from the file that FAULTS_PLAN names.
"""

#: What runs on the controller alone leaves the host as it was.
_CONTROLLER = {
    "set_fact",
    "include_tasks",
    "include_role",
    "debug",
    "assert",
    "fail",
    "pause",
    "validate_argument_spec",
    "run_begin",
    "run_note",
    "variables_check",
    "operator_message",
}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "faults"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self._plan = json.loads(Path(os.environ["FAULTS_PLAN"]).read_text(encoding="utf-8"))
        self._number = 0
        self._task = None

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._number += 1
        self._task = task
        order = os.environ["FAULTS_ORDER"]
        if os.path.exists(order):
            os.unlink(order)
        if self._plan.get("at") in (self._number, task.name):
            self._kill()
        if self._plan.get("within") == task.name:
            self._give(order)

    def v2_runner_on_ok(self, result):
        if self._task.action.rpartition(".")[2] not in _CONTROLLER:
            with Path(self._plan["log"]).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([self._number, self._task.name]) + "\n")

    def v2_playbook_on_stats(self, stats):
        if self._plan.get("at") == "end":
            self._kill()

    def _kill(self):
        os.kill(os.getpid(), getattr(signal, f"SIG{self._plan['signal']}"))

    def _give(self, order):
        written = Path(f"{order}.new")
        written.write_text(json.dumps({**self._plan, "controller": os.getpid()}), encoding="utf-8")
        written.rename(order)
