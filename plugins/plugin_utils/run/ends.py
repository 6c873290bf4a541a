# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each host of a play has come. The table, the page and the message of a fleet run all read it here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import FrozenSet, Mapping, Optional, Sequence

from .journal import BEGIN, END, Entry

ENDED, UNDER_WAY, LOST, NOT_STARTED = "ended", "under way", "lost", "not started"


@dataclass(frozen=True)
class Hosts:
    """The hosts of a play, as Ansible's variables name them: all, those still in it, and those of this batch."""

    all: Sequence[str]
    active: Sequence[str]
    batch: Sequence[str]

    @cached_property
    def still_in_play(self) -> FrozenSet[str]:
        return frozenset(self.active)

    def stage(self, host: str, has_begun: bool, has_ended: bool) -> str:
        """How far the run has come on a host: one of the constants above.

        A host that left the play before its run began is not started: nothing was done on it.
        """
        if has_ended:
            return ENDED
        if not has_begun:
            return NOT_STARTED
        return UNDER_WAY if host in self.still_in_play else LOST


def has_begun(kind: str, entries: Sequence[Entry]) -> bool:
    """Whether the last run in the journal of a host is of that kind."""
    return bool(entries) and entries[0]["event"] == BEGIN and entries[0].get("kind") == kind


def end_of(kind: str, entries: Sequence[Entry]) -> Optional[Entry]:
    """The entry that ends the run of that kind in the journal of a host; None while there is none."""
    return entries[-1] if has_begun(kind, entries) and entries[-1]["event"] == END else None


def stage_of(kind: str, host: str, hosts: Hosts, runs: Mapping[str, Sequence[Entry]]) -> str:
    """The stage of a host, from its journal.

    :param runs: the journal of each host that has one.
    """
    entries = runs.get(host) or ()
    return hosts.stage(host, has_begun(kind, entries), end_of(kind, entries) is not None)
