# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a play as an operator reads it: one line a step with its time, problems in full, the summary last."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: steps
type: stdout
short_description: One line a step, problems in full, the summary last
version_added: 1.0.0
description:
  - Shows one line for each step of a play, with its outcome on all hosts and the time that it took. A failure is shown
    in full at once, with the output of the command that failed. What the playbooks of this collection show their
    operator, the summary at the end among it, is shown as it is.
  - Tasks that are skipped, and those of other collections that change nothing and take under two seconds, have no line.
  - With C(-v) it shows what P(ansible.builtin.default#callback) shows.
  - The lines are plain text without control sequences beside Ansible's own colors, so that they suit a log.
extends_documentation_fragment:
  - ansible.builtin.default_callback
  - ansible.builtin.result_format_callback
requirements:
  - E(ANSIBLE_STDOUT_CALLBACK=mobius.dhash.steps), or C(stdout_callback) in C(ansible.cfg)
author:
  - Mobius contributors (@mobius-dhash)
"""

import time
from functools import wraps
from typing import Any, Dict, Optional

from ansible import constants as C
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.mobius.dhash.plugins.plugin_utils.steps import (
    Step,
    end_line,
    is_repeated,
    play_line,
    problem_lines,
    step_line,
)

_COLORS = {
    "ok": C.COLOR_OK,
    "changed": C.COLOR_CHANGED,
    "failed": C.COLOR_ERROR,
    "unreachable": C.COLOR_UNREACHABLE,
    "ignored": C.COLOR_WARN,
}


def _or_default(method):
    """With -v the method of the default callback."""
    default = getattr(Default, method.__name__)

    @wraps(method)
    def chosen(self, *args, **kwargs):
        return (default if self._display.verbosity > 0 else method)(self, *args, **kwargs)

    return chosen


def _begun(task) -> Step:
    # Without the name of its role.
    return Step((task.name or task.get_name()).strip(), task.resolved_action or task.action, time.monotonic())


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mobius.dhash.steps"

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()
        self._steps: Dict[str, Step] = {}
        self._heading: Optional[str] = None
        self._batches: Dict[Any, int] = {}

    # ---- plays and steps

    @_or_default
    def v2_playbook_on_start(self, playbook) -> None:
        """Nothing to show yet."""

    @_or_default
    def v2_playbook_on_play_start(self, play) -> None:
        self._close_steps()
        self._play = play
        name = play.get_name().strip()
        # Ansible copies the play for each batch.
        self._batches[name] = self._batches.get(name, 0) + 1
        self._heading = play_line(name, self._batches[name], check_mode=bool(play.check_mode))

    @_or_default
    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        self._close_steps()
        self._steps[task._uuid] = _begun(task)

    @_or_default
    def v2_playbook_on_handler_task_start(self, task) -> None:
        self._close_steps()
        self._steps[task._uuid] = _begun(task)

    @_or_default
    def v2_playbook_on_stats(self, stats) -> None:
        self._close_steps()
        line = end_line({host: stats.summarize(host) for host in stats.processed}, time.monotonic() - self._started)
        if line is None:
            self._display.display("No host took part.", color=C.COLOR_SKIP)
        else:
            bad = stats.failures or stats.dark
            self._display.display(f"\n{line}", color=C.COLOR_ERROR if bad else C.COLOR_OK)

    @_or_default
    def v2_playbook_on_no_hosts_matched(self) -> None:
        """One of several plays may have none; the last line reports it if no play has any."""

    @_or_default
    def v2_playbook_on_no_hosts_remaining(self) -> None:
        """The last line names the hosts."""

    @_or_default
    def v2_playbook_on_include(self, included_file) -> None:
        """No step."""

    # ---- results

    @_or_default
    def v2_runner_on_ok(self, result) -> None:
        self._handle_warnings(result._result)
        if isinstance(result._task, TaskInclude):
            return
        self._note(result, "changed" if result._result.get("changed") else "ok")
        if result._task.action in C._ACTION_DEBUG and "results" not in result._result:
            self._show_debug(result)

    @_or_default
    def v2_runner_on_skipped(self, result) -> None:
        self._handle_warnings(result._result)

    @_or_default
    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        self._handle_warnings(result._result)
        outcome = "ignored" if ignore_errors else "failed"
        self._note(result, outcome)
        if not is_repeated(result._result):
            self._problem(result, outcome)

    @_or_default
    def v2_runner_on_unreachable(self, result) -> None:
        self._handle_warnings(result._result)
        outcome = "ignored" if result._task.ignore_unreachable else "unreachable"
        self._note(result, outcome)
        self._problem(result, "unreachable")

    @_or_default
    def v2_runner_item_on_ok(self, result) -> None:
        self._handle_warnings(result._result)
        if result._task.action in C._ACTION_DEBUG:
            self._show_debug(result)

    @_or_default
    def v2_runner_item_on_skipped(self, result) -> None:
        """No step."""

    @_or_default
    def v2_runner_item_on_failed(self, result) -> None:
        self._handle_warnings(result._result)
        self._problem(result, "failed")

    @_or_default
    def v2_runner_retry(self, result) -> None:
        found = result._result
        left = int(found.get("retries") or 0) - int(found.get("attempts") or 0)
        step = self._step_of(result)
        self._show(f"{'':10}{result._host.get_name()}: {step.name}: trying again, {left} left", C.COLOR_WARN)

    @_or_default
    def v2_runner_on_async_poll(self, result) -> None:
        """No step."""

    @_or_default
    def v2_runner_on_async_ok(self, result) -> None:
        """No step."""

    @_or_default
    def v2_on_file_diff(self, result) -> None:
        found = result._result.get("results") or [result._result]
        for each in found:
            if isinstance(each, dict) and each.get("diff") and each.get("changed"):
                diff = self._get_diff(each["diff"])
                if diff:
                    self._show(diff)

    # ---- lines

    def _step_of(self, result) -> Step:
        # A host may still be at a task that others have left.
        return self._steps.setdefault(result._task._uuid, _begun(result._task))

    def _note(self, result, outcome) -> None:
        step = self._step_of(result)
        step.outcomes[result._host.get_name()] = outcome
        step.ended = time.monotonic()

    def _problem(self, result, outcome) -> None:
        lines = problem_lines(result._host.get_name(), self._step_of(result).name, result._result, outcome)
        self._show("\n".join(lines), _COLORS["ignored" if outcome == "ignored" else "failed"])

    def _show_debug(self, result) -> None:
        shown = result._result.get("msg")
        if shown is not None:
            self._show(f"{'':10}{result._host.get_name()}: {shown}")

    def _close_steps(self) -> None:
        """Show the steps that came to a result; called before the next one begins."""
        steps, self._steps = list(self._steps.values()), {}
        for step in steps:
            if step.is_shown:
                self._show(step_line(step, time.strftime("%H:%M:%S")), _COLORS[step.worst])

    def _show(self, text, color=None) -> None:
        if self._heading is not None:
            self._display.display(f"\n{self._heading}", color=C.COLOR_HIGHLIGHT)
            self._heading = None
        self._display.display(text, color=color)
