# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line a step: what the callback plugin ``steps`` shows of a play, as plain text."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from ..module_utils.text import format_duration, printable, redact

OURS = "mobius.dhash."
# Their lines are shown by themselves, or they are bookkeeping.
_SILENT = frozenset(f"{OURS}{name}" for name in ("operator_message", "operator_report", "run_finish", "run_note"))
# Bookkeeping, shown only where it does not end well.
_QUIET = frozenset(
    (
        *(f"{OURS}{name}" for name in ("run_begin", "run_extras", "variables_check")),
        *(f"ansible.builtin.{name}" for name in ("assert", "set_fact", "validate_argument_spec")),
    )
)
# A core module that changed nothing is worth a line when it took so many seconds.
_LONG = 2.0
_ORDER = ("failed", "unreachable", "ignored", "changed", "ok")
_NAME_WIDTH = 50
_INDENT = " " * 10


@dataclass
class Step:
    """A task and how it ended on each host so far."""

    name: str
    action: str
    began: float
    ended: float = 0.0
    outcomes: Dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began)

    @property
    def is_shown(self) -> bool:
        """Whether the step is worth a line: one of ours, one that changed or failed, or one that took long."""
        if self.action in _SILENT or not self.outcomes:
            return False
        if set(self.outcomes.values()) != {"ok"}:
            return True
        return self.action not in _QUIET and (self.action.startswith(OURS) or self.seconds >= _LONG)

    @property
    def worst(self) -> str:
        """The worst outcome of all hosts."""
        return next((outcome for outcome in _ORDER if outcome in self.outcomes.values()), "ok")


def step_line(step: Step, clock: str) -> str:
    """``21:03:12  Migrate   changed   15.1 s``; of several hosts with the count of each outcome.

    :param clock: the time of day at which the step ended.
    """
    ended = list(step.outcomes.values())
    if len(ended) == 1:
        outcome = ended[0]
    else:
        outcome = ", ".join(f"{ended.count(each)} {each}" for each in _ORDER if each in ended)
    name = printable(step.name, 200)
    took = f"{step.seconds:.1f} s" if step.seconds < 60 else format_duration(step.seconds)
    return f"{clock}  {name:<{_NAME_WIDTH}}  {outcome:<10}  {took:>8}"


def problem_lines(host: str, step: str, result: Mapping[str, Any], outcome: str = "failed") -> List[str]:
    """A failure in full: host, step, message, command and output, without secrets.

    :param result: of the task; what ``no_log`` hides was replaced by Ansible before.
    """
    lines = [f"{_INDENT}{outcome.upper()}  {printable(host)}: {printable(step, 200)}"]
    if result.get("item") is not None:
        lines[0] += f" (item {printable(str(result['item']), 200)})"
    if result.get("censored"):
        return [*lines, f"{_INDENT}  The result is hidden: no_log is set for this task."]
    text = str(result.get("msg") or "").strip()
    # The output of a command explains more than its exit code.
    if result.get("cmd") is not None and result.get("rc") is not None:
        command = result["cmd"] if isinstance(result["cmd"], str) else shlex.join(map(str, result["cmd"]))
        text = f"{command}: exit code {result['rc']}\n{text if 'non-zero return code' not in text else ''}".rstrip()
    parts = [text or ("" if _output(result) else "no message")]
    parts += [f"{name}: {output}" if "\n" not in output else f"{name}:\n{output}" for name, output in _output(result)]
    return [*lines, *(f"{_INDENT}  {line}".rstrip() for part in parts if part for line in redact(part).splitlines())]


def _output(result: Mapping[str, Any]) -> List[Any]:
    named = (("stdout", "stdout"), ("stderr", "stderr"), ("module_stdout", "stdout"), ("module_stderr", "stderr"))
    return [(name, str(result[key]).strip()) for key, name in named if str(result.get(key) or "").strip()]


def is_repeated(result: Mapping[str, Any]) -> bool:
    """Whether a failure was shown already: by the lines of ``run_finish``, or item by item."""
    return "headline" in result or isinstance(result.get("results"), list)


def play_line(name: str, batch: int, *, check_mode: bool) -> str:
    """The heading of a play; a play in batches has one each.

    :param batch: counted from 1.
    """
    return printable(name, 200) + (f", batch {batch}" if batch > 1 else "") + (" (check mode)" if check_mode else "")


def end_line(hosts: Mapping[str, Mapping[str, int]], seconds: float) -> Optional[str]:
    """The last line of a run: which hosts failed; None where no host took part.

    :param hosts: Ansible's counts by host.
    """
    if not hosts:
        return None
    lost = [host for host, counts in hosts.items() if counts.get("unreachable")]
    failed = [host for host, counts in hosts.items() if counts.get("failures") and host not in lost]
    parts = [
        f"{name}: {', '.join(printable(host) for host in sorted(names))}"
        for name, names in (("Failed", failed), ("Unreachable", lost))
        if names
    ]
    good = len(hosts) - len(lost) - len(failed)
    if good or not parts:
        parts.append(f"{good} of {len(hosts)} {'host' if len(hosts) == 1 else 'hosts'} ok")
    return f"{'; '.join(parts)} ({format_duration(seconds)})"
