"""Fleet runs for tests: hosts, batches and their outcomes."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import (
    Policy,
    Rollout,
)
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import artifact
from ansible_collections.mobius.dhash.tests.support.stories import BACKUP, LOG

FLEET = "F1"
COUNTS = {"items": 60, "hashed": 58, "unchanged": 0, "failed": 2, "review": 4}


def command(playbook: str, host: Any = None, extra: Any = None) -> str:
    words = [playbook, *([f"--limit {host}"] if host else []), *(f"{n}={v}" for n, v in (extra or {}).items())]
    return " ".join(words)


class Fleet:
    """The journal of a fleet run, entry by entry."""

    def __init__(self, *batches: List[str], check_mode: bool = False) -> None:
        self.batches, self.check_mode = batches, check_mode
        self.entries: List[Dict[str, Any]] = []
        self.gone: List[str] = []

    def add(self, host: str, event: str, **members: Any) -> Fleet:
        self.entries.append({"host": host, "event": event, **members})
        return self

    def begun(self, *hosts: str, kind: str = "deployment", by_scope: bool = False) -> Fleet:
        for host in hosts:
            batch = next(batch for batch in self.batches if host in batch)[0]
            known = {"kind": kind, "check_mode": self.check_mode, "batch": batch, "at": 100.0, "by_scope": by_scope}
            self.add(host, "begin", run=f"{kind}-{host}", **known)
        return self

    def ended(self, host: str, status: str, why: str = "", kind: str = "deployment", **members: Any) -> Fleet:
        known = {"headline": f"{status}.", "lost": False, "report": LOG, "backup": BACKUP, "next": [], "at": 112.0}
        counts = COUNTS if kind == "deployment" and status in ("deployed", "unchanged", "rolled_back") else {}
        run = {"run": f"{kind}-{host}", "kind": kind, "status": status, "why": why, "counts": counts}
        return self.add(host, "end", **{**known, **run, **members})

    def deployed(self, *hosts: str) -> Fleet:
        for host in hosts:
            self.begun(host).ended(host, "deployed")
        return self

    def failed(self, host: str, status: str = "rolled_back", **members: Any) -> Fleet:
        return self.begun(host).ended(host, status, f"Failed: {status}.", **members)

    def judged(self, host: str, verdict: str) -> Fleet:
        return self.add(host, "verdict", verdict=verdict, reasons=[f"it was {verdict}"])

    def back(self, host: str, status: str = "restored", why: str = "", **members: Any) -> Fleet:
        return self.begun(host, kind="rollback", by_scope=True).ended(host, status, why, kind="rollback", **members)

    def lost(self, *hosts: str) -> Fleet:
        self.gone += hosts
        return self

    def rollout(self, scope: str = "host", inconclusive: str = "hold") -> Rollout:
        every = [host for batch in self.batches for host in batch]
        active = [host for host in every if host not in self.gone]
        return Rollout(self.entries, Hosts(every, active, active), Policy(scope, inconclusive))


def three(**options: Any) -> Fleet:
    return Fleet(["a"], ["b", "c"], ["d"], **options)


# What stops it, and which hosts are rolled back


def ends(fleet: Fleet, scope: str = "host", inconclusive: str = "hold") -> Dict[str, Tuple[str, str]]:
    """By host: the outcome of the table, and why it fails."""
    rollout = fleet.rollout(scope, inconclusive)
    made = artifact(rollout, FLEET, command)
    lost = any(each["outcome"] == "lost" for each in made["hosts"].values())
    assert made["succeeded"] == (not any(each["why"] for each in made["hosts"].values()) and not lost)
    return {name: (each["outcome"], each["why"]) for name, each in made["hosts"].items()}
