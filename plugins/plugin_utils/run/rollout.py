# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet run: all hosts of one ansible-playbook. What stops it, which hosts are rolled back, how each host ended.

It follows from the rollout journal on the controller (see :meth:`.journal.Journal.note_rollout`): the beginning and end
of each run, what a resumed fleet run skips, and the verdicts of the watches between the batches.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable, Dict, List, Mapping, Sequence

from .end import End, facts
from .ends import LOST, Hosts
from .headlines import headline
from .journal import BEGIN, END, Entry
from .model import DEPLOYMENT, ROLLBACK

GATE, JOB, VERDICT, SKIP = "gate", "job", "verdict", "skip"
HOST, BATCH, FLEET = "host", "batch", "fleet"
HOLD, CONTINUE, FAIL = "hold", "continue", "fail"
SCOPES = (HOST, BATCH, FLEET)
INCONCLUSIVE = (HOLD, ROLLBACK, FAIL, CONTINUE)
_COUNTED = ("items", "hashed", "unchanged", "failed")


@dataclass(frozen=True)
class Policy:
    """``scope`` of a rollback, and what an ``inconclusive`` watch between two batches does."""

    scope: str = HOST
    inconclusive: str = HOLD


@dataclass(frozen=True)
class Member:
    """One host of a fleet run.

    :param batch: the first host of its batch; empty where nothing was begun on it.
    :param main: how the run of the playbook ended; empty before that. ``status``, ``why`` (it failed) and what
        :func:`end_entry` notes.
    :param rollback: how the rollback by the scope ended.
    :param watch: the last verdict: ``verdict`` and ``reasons``.
    :param skipped: why a resumed fleet run did nothing on it.
    """

    host: str
    batch: str = ""
    run: str = ""
    kind: str = ""
    check_mode: bool = False
    began: float = 0.0
    main: Mapping[str, Any] = field(default_factory=dict)
    rollback: Mapping[str, Any] = field(default_factory=dict)
    rollback_run: str = ""
    watch: Mapping[str, Any] = field(default_factory=dict)
    skipped: str = ""

    @property
    def is_begun(self) -> bool:
        return bool(self.run or self.skipped)

    @property
    def has_ended(self) -> bool:
        return bool(self.main or self.skipped)

    @property
    def status(self) -> str:
        return str(self.main.get("status") or "")

    @property
    def is_deployed(self) -> bool:
        """Whether it holds what this fleet run deployed, until it is rolled back."""
        return bool(self.skipped) or self.status == "deployed"

    @property
    def verdict(self) -> str:
        return str(self.watch.get("verdict") or "")

    @property
    def is_watched(self) -> bool:
        """Whether it takes part in the watch after a batch."""
        return bool(self.skipped) or (bool(self.main) and not self.main.get("why"))


class Rollout:
    """The hosts of a fleet run and what follows from how they did."""

    def __init__(self, entries: Sequence[Entry], hosts: Hosts, policy: Policy) -> None:
        self.hosts, self.policy = hosts, policy
        known = _members(entries)
        self.gates: Dict[str, Entry] = {str(entry["host"]): entry for entry in entries if entry["event"] == GATE}
        #: In the order of the play.
        self.members: List[Member] = [known.get(host, Member(host)) for host in hosts.all]

    @cached_property
    def check_mode(self) -> bool:
        return any(member.check_mode for member in self.members)

    @cached_property
    def has_begun(self) -> bool:
        """Whether a run has begun on any host; not where the tags choose nothing of it."""
        return any(member.is_begun for member in self.members)

    @cached_property
    def kind(self) -> str:
        return next((member.kind for member in self.members if member.kind), DEPLOYMENT)

    def is_lost(self, member: Member) -> bool:
        """Whether its run began, and the host left the play before it ended."""
        return self.hosts.stage(member.host, member.is_begun, member.has_ended) == LOST

    @cached_property
    def failed(self) -> List[Member]:
        """Hosts whose run failed or was cut off, or whose watch failed."""
        return [member for member in self.members if self._has_failed(member)]

    def _has_failed(self, member: Member) -> bool:
        return bool(self.is_lost(member) or member.main.get("why") or self._is_judged_bad(member))

    def _is_judged_bad(self, member: Member) -> bool:
        bad = (FAIL, "inconclusive") if self.policy.inconclusive in (ROLLBACK, FAIL) else (FAIL,)
        return member.verdict in bad

    def held(self) -> List[Member]:
        """Hosts whose watch was inconclusive, where that holds the fleet run."""
        if self.policy.inconclusive != HOLD:
            return []
        return [member for member in self.members if member.verdict == "inconclusive"]

    @cached_property
    def stopped(self) -> str:
        """Why no further batch may begin; empty where it may."""
        if self.failed:
            return _listed([f"{member.host} {self._how(member)}" for member in self.failed])
        held = self.held()
        return f"the watch was inconclusive on {_listed([member.host for member in held])}" if held else ""

    @property
    def has_failed_batch(self) -> bool:
        """Whether every host of the present batch has failed: then a rollback begins no further one either."""
        names = set(self.hosts.batch)
        batch = [member for member in self.members if member.host in names]
        return bool(batch) and all(self._has_failed(member) for member in batch)

    def _how(self, member: Member) -> str:
        if self.is_lost(member):
            return "was lost"
        if member.main.get("why"):
            return "was lost" if member.main.get("lost") else f"failed ({member.status.replace('_', ' ')})"
        return f"did not pass its watch ({'; '.join(map(str, member.watch.get('reasons') or [member.verdict]))})"

    def targets(self) -> List[str]:
        """Hosts to roll back, beyond those that have rolled back by themselves; in check mode nothing was deployed."""
        causes = [member for member in self.failed if self._is_cause(member)]
        if self.check_mode or not causes:
            return []
        batches = {member.batch for member in causes}
        in_scope: Dict[str, Callable[[Member], bool]] = {
            HOST: self._is_judged_bad,
            BATCH: lambda member: member.batch in batches,
            FLEET: lambda member: True,
        }
        chosen = in_scope[self.policy.scope]
        return [member.host for member in self.members if member.is_deployed and chosen(member)]

    def _is_cause(self, member: Member) -> bool:
        """An inconclusive watch that counts as a failure rolls nothing back, as in ``monitor.yml``."""
        inconclusive = member.verdict == "inconclusive" and not (self.is_lost(member) or member.main.get("why"))
        return not (inconclusive and self.policy.inconclusive == FAIL)

    def watches(self) -> Dict[str, List[Dict[str, str]]]:
        """By host of the present batch: the hosts of the batches so far that it watches; each is watched once.

        Each with ``where`` the watch runs: the host itself, or ``localhost``.
        """
        turns: Dict[str, List[str]] = {watcher: [] for watcher in self.hosts.batch}
        watchers = list(turns)
        watched = [member.host for member in self.members if member.is_watched and member.host in self.gates]
        for host in watched:
            if host in turns:
                turns[host].insert(0, host)
        for number, host in enumerate([each for each in watched if each not in turns] if watchers else []):
            turns[watchers[number % len(watchers)]].append(host)
        return {watcher: [self._watch_of(host) for host in hosts] for watcher, hosts in turns.items()}

    def _watch_of(self, host: str) -> Dict[str, str]:
        return {"host": host, "where": "localhost" if self.gates[host].get("watch_from") == "controller" else host}

    def answers(self) -> Dict[str, Dict[str, Any]]:
        """By host: what its tasks ask of the fleet run, so that it is derived once for all hosts."""
        targets, watches, failed_batch = set(self.targets()), self.watches(), self.has_failed_batch
        return {
            member.host: {
                "stopped": self.stopped,
                "failed_batch": failed_batch,
                "is_target": member.host in targets,
                "watched": watches.get(member.host, []),
                "why": self.why(member),
            }
            for member in self.members
        }

    def out_of_reach(self) -> List[Member]:
        """Hosts that may hold what this fleet run deployed, because they could not be reached to be rolled back."""
        if self.check_mode:
            return []
        targets = set(self.targets())
        return [member for member in self.members if self._may_hold(member, member.host in targets)]

    def _may_hold(self, member: Member, is_target: bool) -> bool:
        if is_target:
            return not member.rollback or bool(member.rollback.get("lost"))
        return self.is_lost(member) or (member.status == "rollback_failed" and bool(member.main.get("lost")))

    def why(self, member: Member) -> str:
        """Why the host counts as failed; empty where it does not."""
        if member.rollback:
            return str(member.rollback.get("why") or self._why_rolled_back(member))
        if member.main.get("why"):
            return str(member.main["why"])
        if self._is_judged_bad(member):
            return f"It {self._how(member)}. Nothing was rolled back."
        if self.has_begun and not member.is_begun and self.kind == DEPLOYMENT:
            return f"Not started: {self.stopped or 'the play ended before this host'}."
        return ""

    def _why_rolled_back(self, member: Member) -> str:
        if self._is_judged_bad(member):
            return f"It {self._how(member)}. {member.rollback.get('headline')}"
        return f"{member.rollback.get('headline')} mobius_rollback_scope is {self.policy.scope}, and {self.stopped}."


def gate_arguments(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """The options of ``dhash_gate`` for a watch in the background: it only judges, over no more than its own time."""
    left_out = ("progress", "on_inconclusive", "note_from")
    kept = {name: value for name, value in arguments.items() if name not in left_out}
    duration = float(kept.get("duration") or 0)
    over = {name: min(float(seconds), duration) for name, seconds in (kept.get("over") or {}).items()}
    return {**kept, **({"over": over} if over else {}), "on_inconclusive": "hold"}


def verdict_of(result: Mapping[str, Any]) -> Dict[str, Any]:
    """Verdict and reasons of the module's result; a watch that did not come to one is inconclusive."""
    reasons = [str(reason) for reason in result.get("reasons") or []]
    if result.get("result") in ("pass", FAIL, "inconclusive"):
        return {"verdict": str(result["result"]), "reasons": reasons}
    return {"verdict": "inconclusive", "reasons": [str(result.get("msg") or "the watch returned no verdict")]}


def begin_entry(run: Mapping[str, Any], hosts: Hosts, now: float) -> Dict[str, Any]:
    """Members of the entry for the beginning of a run.

    :param run: ``id``, ``kind``, ``check_mode``, and ``by_scope`` for a rollback that belongs to the fleet run.
    :param now: seconds since the epoch.
    """
    named = {name: run[name] for name in ("kind", "check_mode")}
    return {
        **named,
        "by_scope": bool(run.get("by_scope")),
        "run": run["id"],
        "batch": next(iter(hosts.batch), ""),
        "at": now,
    }


def why_skipped(found: Mapping[str, Any], fleet: str) -> str:
    """Why a fleet run that is continued has nothing to do on a host; empty where it has.

    :param found: the result of ``deployment_status``; empty where the host could not be reached.
    """
    current, run = found.get("current") or {}, found.get("run") or {}
    is_deployed = current.get("fleet") == fleet and current.get("status") == "deployed" and found.get("as_deployed")
    is_complete = not run.get("owed") and not run.get("unfinished") and not found.get("lock")
    if not (fleet and is_deployed and is_complete):
        return ""
    return f"fleet run {fleet} deployed it at {current.get('migrated_at')}, and it is unchanged since"


def skip_entry(why: str, hosts: Hosts, check_mode: bool, now: float) -> Dict[str, Any]:
    """Members of the entry for a host that is skipped."""
    return {"reason": why, "batch": next(iter(hosts.batch), ""), "check_mode": check_mode, "at": now}


def end_entry(end: End, why: str, report: Any, commands: Sequence[str], now: float) -> Dict[str, Any]:
    """Members of the entry for the end of a run.

    :param why: why it counts as failed; empty where it does not.
    :param report: path of its report on the host.
    """
    known = facts(end)
    counts = {"review": known["low_confidence"], **{name: known[name] for name in _COUNTED}}
    watched = end.run.result("watch")
    return {
        **{"run": end.run.id, "kind": end.run.kind, "status": end.run.status, "why": why, "at": now},
        "headline": headline(end),
        "lost": end.is_lost or bool(end.run.last_failure and end.run.last_failure.lost),
        "counts": counts if end.run.last("migrate") is not None else {},
        "backup": known["backup"],
        "report": report,
        "next": list(commands),
        "verdict": watched.get("result") or "",
        "reasons": watched.get("reasons") or [],
    }


def _members(entries: Sequence[Entry]) -> Dict[str, Member]:
    found: Dict[str, Member] = {}
    for entry in entries:
        member = found.setdefault(entry["host"], Member(entry["host"]))
        if entry["event"] in (BEGIN, SKIP) and not entry.get("by_scope"):
            # A playbook may hold several runs, such as a deployment and a watch: the last one counts.
            member = Member(entry["host"])
        found[entry["host"]] = replace(member, **_changes(member, entry))
    return found


def _changes(member: Member, entry: Entry) -> Dict[str, Any]:
    event = entry["event"]
    if event == SKIP:
        known: Dict[str, Any] = {name: entry[name] for name in ("batch", "check_mode") if name in entry}
        return {**known, "kind": DEPLOYMENT, "skipped": str(entry["reason"]), "began": float(entry.get("at") or 0)}
    if event == VERDICT:
        return {"watch": entry}
    if event == BEGIN and entry.get("by_scope"):
        return {"rollback_run": str(entry["run"])}
    if event == BEGIN:
        named = {name: entry[name] for name in ("run", "kind", "batch", "check_mode")}
        return {**named, "began": float(entry["at"])}
    if event == END:
        return {"rollback" if entry.get("run") == member.rollback_run else "main": entry}
    return {}


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
