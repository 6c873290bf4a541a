# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message for all hosts of a run: when it is due, and its text."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .ends import LOST, NOT_STARTED, Hosts, end_of, stage_of
from .journal import Entry
from .model import DEPLOYMENT, GOOD, MONITORING, ROLLBACK

_NAMES = {DEPLOYMENT: "Deployment", ROLLBACK: "Rollback", MONITORING: "Monitoring"}
_MOST_HOSTS = 20


@dataclass(frozen=True)
class Notice:
    """What is sent: ``event`` is one of start, success, failure, rollback, monitoring."""

    event: str
    subject: str
    text: str
    facts: Mapping[str, Any]


def start_notice(kind: str, hosts: Hosts, host: str) -> Optional[Notice]:
    """The message at the beginning of a run that may change hosts; only the first of all hosts has one."""
    if kind == MONITORING or not hosts.all or host != hosts.all[0]:
        return None
    subject = f"{_NAMES[kind]} starts on {_count(hosts)}"
    return Notice("start", subject, _listed(hosts.all), {})


def end_notice(kind: str, hosts: Hosts, runs: Mapping[str, Sequence[Entry]]) -> Optional[Notice]:
    """The message at the end of a run, or None while other hosts of it are at work or to come.

    :param runs: the journal of each host.
    """
    stages = {host: stage_of(kind, host, hosts, runs) for host in hosts.all}
    ends = {host: end for host, end in ((host, end_of(kind, runs.get(host, ()))) for host in hosts.all) if end}
    silent = [host for host in hosts.all if host not in ends]
    waiting = [host for host in silent if host in hosts.still_in_play]
    # One that left the play before its run began counts as failed as well.
    gone = [host for host in silent if host not in hosts.still_in_play]
    bad = [host for host, end in ends.items() if end["status"] not in GOOD] + gone
    if any(host in waiting for host in hosts.batch):
        return None
    # A failure ends a deployment, so the batch that has one is the last. A rollback goes on while one host succeeds.
    stops = bool(bad) and (kind != ROLLBACK or all(host in bad for host in hosts.batch))
    if waiting and not stops:
        return None
    return _notice(kind, hosts, ends, bad, stages)


def _notice(kind: str, hosts: Hosts, ends: Mapping[str, Entry], bad: List[str], stages: Mapping[str, str]) -> Notice:
    statuses = sorted({str(end["status"]) for end in ends.values()})
    rolled_back = bool(bad) and all(host in ends and ends[host]["status"] == "rolled_back" for host in bad)
    outcome = "rollback" if rolled_back else "failure" if bad else "success"
    event = outcome
    if kind == MONITORING:
        event = "monitoring"
    elif kind == ROLLBACK and outcome == "success":
        event = "rollback"
    words = {"success": "succeeded", "rollback": "was rolled back", "failure": "FAILED"}[outcome]
    subject = f"{_NAMES[kind]} {words} on {len(bad or hosts.all)} of {_count(hosts)}"
    listed = [f"{host}: {_outcome(ends.get(host), stages[host])}" for host in bad[:_MOST_HOSTS]] + _more(bad, "")
    counts: Dict[str, Any] = {status: sum(end["status"] == status for end in ends.values()) for status in statuses}
    open_runs = Counter(stage for host, stage in stages.items() if host not in ends)
    counts = {**counts, "lost": open_runs[LOST], "not started": open_runs[NOT_STARTED]}
    return Notice(event, subject, "\n".join(listed), counts)


def _count(hosts: Hosts) -> str:
    return f"{len(hosts.all)} host{'' if len(hosts.all) == 1 else 's'}"


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(hosts[:_MOST_HOSTS]) + "".join(_more(hosts, " "))


def _more(hosts: Sequence[str], before: str) -> List[str]:
    left = len(hosts) - _MOST_HOSTS
    return [f"{before}and {left} more host{'' if left == 1 else 's'}"] if left > 0 else []


def _outcome(end: Optional[Entry], stage: str) -> str:
    """How a host ended: its status, and the lines that its operator reads; the stage where it did not."""
    if end is None:
        return stage
    status = str(end["status"]).replace("_", " ")
    return f"{status}. {chr(10).join(end.get('lines') or [])}".rstrip()
