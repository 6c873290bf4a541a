# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads at the end of a run."""

from __future__ import annotations

from typing import List

from .end import End, line
from .headlines import headline
from .model import ROLLBACK
from .next_steps import next_commands
from .state_lines import maintenance_lines, problem_lines, state_lines
from .summary import summary


def lines(end: End) -> List[str]:
    """The headline, then the summary of a run that succeeded, or the state of the host and the next commands."""
    shown = [headline(end)]
    if end.run.succeeded:
        shown += summary(end) + maintenance_lines(end)
    elif end.run.check_mode or _changed_nothing(end):
        shown += maintenance_lines(end)
    else:
        shown += state_lines(end)
    commands = [] if end.run.succeeded else next_commands(end)
    return [*shown, *problem_lines(end), *(line("next", command) for command in commands)]


def _changed_nothing(end: End) -> bool:
    """A refusal changed nothing, unless the host was lost where something had begun, or a restore was tried."""
    run = end.run
    if run.status != "refused":
        return False
    if run.kind == ROLLBACK:
        return run.last("rollback") is None
    return not (run.failure and run.failure.lost and run.last("preflight"))
