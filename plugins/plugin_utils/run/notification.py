# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message for all hosts of a run: when it is due, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .journal import BEGIN, END, Entry
from .model import DEPLOYMENT, GOOD, MONITORING, ROLLBACK

_NAMES = {DEPLOYMENT: "Deployment", ROLLBACK: "Rollback", MONITORING: "Monitoring"}
_MOST_HOSTS = 20


@dataclass(frozen=True)
class Hosts:
    """The hosts of a play, as Ansible's variables name them: all, those still in it, and those of this batch."""

    all: Sequence[str]
    active: Sequence[str]
    batch: Sequence[str]


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
    ends = {host: end for host, end in ((host, _end(kind, runs.get(host, ()))) for host in hosts.all) if end}
    silent = [host for host in hosts.all if host not in ends]
    lost = [host for host in silent if host not in hosts.active]
    waiting = [host for host in silent if host in hosts.active]
    bad = [host for host, end in ends.items() if end["status"] not in GOOD] + lost
    if any(host in waiting for host in hosts.batch):
        return None
    # A failure ends a deployment, so the batch that has one is the last. A rollback goes on while one host succeeds.
    stops = bool(bad) and (kind != ROLLBACK or all(host in bad for host in hosts.batch))
    if waiting and not stops:
        return None
    return _notice(kind, hosts, ends, bad, lost, waiting)


def _end(kind: str, entries: Sequence[Entry]) -> Optional[Entry]:
    if entries and entries[0]["event"] == BEGIN and entries[0]["kind"] == kind and entries[-1]["event"] == END:
        return entries[-1]
    return None


def _notice(
    kind: str, hosts: Hosts, ends: Mapping[str, Entry], bad: List[str], lost: List[str], waiting: List[str]
) -> Notice:
    statuses = sorted({str(end["status"]) for end in ends.values()})
    rolled_back = bool(bad) and not lost and all(ends[host]["status"] == "rolled_back" for host in bad)
    outcome = "rollback" if rolled_back else "failure" if bad else "success"
    event = outcome
    if kind == MONITORING:
        event = "monitoring"
    elif kind == ROLLBACK and outcome == "success":
        event = "rollback"
    words = {"success": "succeeded", "rollback": "was rolled back", "failure": "FAILED"}[outcome]
    subject = f"{_NAMES[kind]} {words} on {len(bad or hosts.all)} of {_count(hosts)}"
    told = [f"{host}: {_ended(ends.get(host))}" for host in bad[:_MOST_HOSTS]] + _more(bad, "")
    counts: Dict[str, Any] = {status: sum(end["status"] == status for end in ends.values()) for status in statuses}
    return Notice(event, subject, "\n".join(told), {**counts, "lost": len(lost), "not started": len(waiting)})


def _count(hosts: Hosts) -> str:
    return f"{len(hosts.all)} host{'' if len(hosts.all) == 1 else 's'}"


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(hosts[:_MOST_HOSTS]) + "".join(_more(hosts, " "))


def _more(hosts: Sequence[str], before: str) -> List[str]:
    left = len(hosts) - _MOST_HOSTS
    return [f"{before}and {left} more host{'' if left == 1 else 's'}"] if left > 0 else []


def _ended(end: Optional[Entry]) -> str:
    """How a host ended: its status, and the lines that its operator reads."""
    if end is None:
        return "lost"
    status = str(end["status"]).replace("_", " ")
    return f"{status}. {chr(10).join(end.get('lines') or [])}".rstrip()
