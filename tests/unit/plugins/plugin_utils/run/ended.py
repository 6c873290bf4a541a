"""What the tables of ends share: the expected end, and lines that many ends have."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

from ansible_collections.mobius.dhash.tests.support.stories import (
    BACKUP,
    EVIDENCE,
    LOG,
    NEW,
    OLD,
    PATH,
    SNAPSHOT,
    Story,
)

ALL = ["verify", "restart", "health"]
RETURN = f"rollback mobius_backup=sha256:{OLD}"
SERVICE = "service mobius_service_state=restarted"
OFF = "maintenance mobius_maintenance=off"
ITEMS = "items        60: 58 hashed now, 0 as before, 2 without a dHash"
NO_ITEMS = "items        60: 0 hashed now, 60 as before, 0 without a dHash"
UNKNOWN = (
    f"library      {PATH}: unknown, because the host cannot be reached. The file is complete: it holds the bytes from "
    f"before (sha256 {OLD}) or the migrated ones"
)
UNKNOWN_LOCK = "lock         unknown; if this run holds it, it expires 900 s after the run's last step"


class Ended(NamedTuple):
    """``obligations``: what is owed, and what is settled."""

    story: Story
    found: Dict[str, Any]
    status: str
    lines: List[str]
    next: List[str]
    obligations: Tuple[List[str], List[str]]
    settings: Dict[str, Any] = {}


def state(library: str, *, backup: str = f"{BACKUP} (verified)", lock: str = "free", evidence: str = EVIDENCE):
    kept = [f"evidence     {evidence}"] if evidence else []
    return [
        *(f"library      {PATH}: {library}", f"backup       {backup}", f"lock         {lock}"),
        *("maintenance  off", *kept, f"report       {LOG}"),
    ]


def lost(evidence: str = EVIDENCE):
    kept = [f"evidence     {evidence}"] if evidence else []
    return [
        *(UNKNOWN, "backup       unknown", UNKNOWN_LOCK, "maintenance  unknown"),
        *(*kept, "report       could not be written"),
    ]


def summary(items: str, health: str, undo: str = "rollback", backup: str = f"{BACKUP} (verified)"):
    return [
        *(items, f"review       {0 if '60 as before' in items else 4} of low confidence: review_export"),
        *(f"health       {health}", f"library      {PATH}", f"backup       {backup}", f"report       {LOG}"),
        f"undo         {undo}",
    ]


GOOD_HEALTH = "3 of 3 answers were good"
AS_BEFORE = f"the bytes from before (sha256 {OLD})"
REJECTED = f"migrated, but rejected or not verified (sha256 {NEW})"
BACK = f"Rolled back: {PATH} holds the bytes from before (sha256 {OLD}). What it replaced is kept in {SNAPSHOT}."


def watched(result: str, *, fails: bool) -> Story:
    story = Story("monitoring").step("state", current={"deployment": "d1", "sha256": NEW, "status": "deployed"})
    members = {"result": result, "reasons": ["avg_hash_time was 80 ms"], "summary": ["avg_hash_time: worst 80 ms"]}
    return story.failed("watch", "the gate failed", **members) if fails else story.step("watch", **members)
