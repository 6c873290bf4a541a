# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a long watch: one module call per sample, so each is shown as soon as it is taken."""

from __future__ import annotations

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.color import ANSIBLE_COLOR

from ..module_utils.errors import MobiusError
from ..module_utils.gate.plan import is_failure, make_plan, outcome
from ..module_utils.gate.report import format_header, format_line, format_row
from ..module_utils.gate.samples import UNREACHABLE, Sample
from ..module_utils.gate.watch import watch
from ..plugin_utils.run.action import StepAction
from ..plugin_utils.run.model import step_of
from ..plugin_utils.run.rollout import GATE, gate_arguments
from ..plugin_utils.run.watch_lines import compared_with

_MODULE = "mobius.dhash.dhash_gate"
# Options of the judgement, with the defaults of the module; the others are for the request.
_JUDGED = {
    "consecutive": 3,
    "interval": 2.0,
    "slow_after": 0.0,
    "slow_interval": 120.0,
    "duration": 0.0,
    "window": 60.0,
    "limits": {},
    "over": {},
    "baseline": None,
    "spike_absolute": 10.0,
    "spike_relative": 0.5,
    "failures_in_a_row": None,
    "unreachable_in_all": None,
    "bad_in_all": None,
}
_COUNTS = ("consecutive", "failures_in_a_row", "unreachable_in_all", "bad_in_all")
_ONE_SAMPLE = {"consecutive": 1, "window": 0, "duration": 0}


class _NoSample(Exception):
    """The module returned no sample; the argument is its result."""


class ActionModule(StepAction):
    """Watch from the controller when progress is requested; otherwise the module watches on the host."""

    def work(self, arguments, task_vars):
        noted = arguments.pop("note_from", None)
        if noted:
            self.journal.note_rollout(GATE, arguments=gate_arguments(arguments), watch_from=str(noted))
            return {"changed": False, "msg": "Noted for the watch of the fleet run."}
        run = self.current_run()
        if run is not None and step_of(self.name, run) == "watch":
            self.show([compared_with(arguments)])
        if self._task.check_mode or self._task.async_val or not boolean(arguments.get("progress") or False):
            return self.execute(arguments, task_vars)
        try:
            return self._watch(arguments, task_vars)
        except _NoSample as error:
            return error.args[0]

    def _watch(self, arguments, task_vars):
        options = {name: arguments.get(name, default) for name, default in _JUDGED.items()}
        for name in _COUNTS:
            options[name] = _whole(name, options[name])
        plan = make_plan({"timeout": 5.0, **arguments, **options})
        request = {name: value for name, value in arguments.items() if name not in _JUDGED} | _ONE_SAMPLE
        host = task_vars.get("inventory_hostname", "")
        if ANSIBLE_COLOR:
            self._display.display(f"{host}  {format_header()}")
        judgement, samples = watch(
            plan.rules,
            plan.rhythm,
            lambda elapsed: self._sample(request, elapsed, task_vars),
            on_sample=lambda sample: self._show(host, sample),
        )
        result = outcome(judgement, samples, plan.rules)
        result["failed"] = is_failure(judgement.result, arguments.get("on_inconclusive", "fail"))
        return result

    def _show(self, host, sample):
        """A plain line for logs; at a terminal a row, in color where it is not OK."""
        color = C.COLOR_ERROR if sample.failing else None if sample.good else C.COLOR_WARN
        self._display.display(f"{host}  {format_row(sample) if ANSIBLE_COLOR else format_line(sample)}", color=color)

    def _sample(self, request, elapsed, task_vars):
        try:
            result = self._execute_module(module_name=_MODULE, module_args=dict(request), task_vars=task_vars)
        except AnsibleConnectionFailure:
            return Sample(elapsed=elapsed, health=UNREACHABLE, notes=("the host could not be reached",))
        if not result.get("samples"):
            raise _NoSample({**result, "failed": True})
        return Sample.from_dict({**result["samples"][0], "elapsed": elapsed})


def _whole(name, value):
    """Extra vars arrive as strings."""
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError) as error:
        raise MobiusError(f"{name} must be a whole number", ascii(value), f"correct {name}") from error
