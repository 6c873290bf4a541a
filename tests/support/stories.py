"""Runs for tests: the journal of a run, entry by entry, and what its end found on the host."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

from ansible_collections.mobius.dhash.plugins.plugin_utils.run.end import End
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import Run

PATH = "/srv/library.json"
ID = "20260101T000000Z-aaaaaa"
OLD, NEW, EDIT = "a" * 64, "b" * 64, "e" * 64
BACKUP = "/srv/backups/library.json.bak.20260101T000000Z"
OLDER = "/srv/backups/library.json.bak.20250101T000000Z"
SNAPSHOT = "/srv/backups/library.json.pre-restore.20260101T000100Z"
EVIDENCE = f"/srv/logs/evidence-{ID}"
LOG = f"/srv/logs/deployment-{ID}.log"


class Story:
    """A journal as the action plugins write it."""

    def __init__(self, kind: str = "deployment", *, check_mode: bool = False, path: str = PATH) -> None:
        self.entries: List[Dict[str, Any]] = [
            {
                **{"event": "begin", "id": ID, "kind": kind, "host": "games-1", "path": path},
                **{"started_at": "2026-01-01T00:00:00Z", "check_mode": check_mode},
            }
        ]

    def step(self, name: str, outcome: str = "ok", message: str = "", task: Optional[str] = None, **result: Any):
        entry = {"event": "step", "step": name, "name": name, "task": task or name, "at": "2026-01-01T00:00:01Z"}
        self.entries.append({**entry, "outcome": outcome, "message": message, "seconds": 1.0, "result": result})
        return self

    def mark(self, step: str):
        self.entries.append({"event": "mark", "step": step})
        return self

    def noted(self, message: str = "no message", task: Optional[str] = None):
        """The failure as a rescue notes it: of the last task, or of ``task``, which this collection did not create."""
        step = next((str(each["step"]) for each in reversed(self.entries) if "step" in each), "start")
        task = task or str(self.entries[-1].get("task") or "")
        self.entries.append({"event": "failure", "step": step, "task": task, "message": message})
        return self

    def hook_failed(self, message: str = "no message"):
        """The hook after the host fails, however the run ended."""
        self.entries.append({"event": "hook", "step": "after_host", "task": "Undrain", "message": message})
        return self

    def failed(self, name: str, message: str, *, lost: bool = False, **result: Any):
        """A step that fails, and the rescue that notes it."""
        return self.step(name, "lost" if lost else "failed", message, **result).noted(message)

    def chosen(self, *steps: str):
        """A deployment whose tags choose these steps and no migration."""
        self.entries.append({"event": "part", "steps": list(steps)})
        return self

    # What deployments have in common.

    def prepared(self, sha256: str = OLD, owed: Any = ()):
        backup = {"changed": True, "backup": {"path": BACKUP, "sha256": sha256}}
        parts = {"preflight": {"sha256": sha256, "as_deployed": False, "backup": None}, "lock": {"changed": False}}
        return self.step("preflight", "changed", **parts, backup=backup, sha256=sha256, owed=list(owed))

    def prepared_as_deployed(self, owed: Any = ()):
        """The library is unchanged since the last deployment: the backup is of what that one replaced."""
        known = {"path": OLDER, "sha256": OLD}
        parts = {"preflight": {"sha256": NEW, "as_deployed": True, "backup": known}, "lock": {"changed": False}}
        backup = {"changed": False, "skipped": True, "backup": known}
        return self.step("preflight", "ok", **parts, backup=backup, sha256=NEW, as_deployed=True, owed=list(owed))

    def confirmed(self):
        """As ``prepared_as_deployed``, and nothing has changed since: migrated and verified in the same call."""
        self.prepared_as_deployed()
        verified = {"valid": True, "item_count": 60, "step_seconds": 0.5}
        migrated = {"changed": False, "sha256_after": NEW, "unchanged": 60, "diff": {}, "step_seconds": 0.25}
        predicted = {"to_hash": 0, "projected_seconds": 1.0, "step_seconds": 0.125}
        nested = {**predicted, "migrated": {**migrated, "verified": verified}}
        self.entries[-1]["result"].update(unchanged=True, dry_run=nested)
        return self

    def migrated(self, **more: Any):
        result = {
            **{"sha256_before": OLD, "sha256_after": NEW, "item_count": 60, "hashed": 58, "unchanged": 0},
            **{"failed_items": 2, "low_confidence": 4, "backup": {"path": BACKUP, "sha256": OLD}, "changed": True},
        }
        return self.step("migrate", "changed", **{**result, **more})

    def unchanged(self, sha256: str = OLD, **more: Any):
        result = {"sha256_before": sha256, "sha256_after": sha256, "item_count": 60, "hashed": 0, "unchanged": 60}
        return self.step("migrate", "ok", **{**result, "failed_items": 0, "low_confidence": 0, **more})

    def restored(self, sha256: str = OLD, outcome: str = "changed", **more: Any):
        result = {
            **{"sha256": sha256, "snapshot": SNAPSHOT if outcome == "changed" else None, "restored_from": BACKUP},
            **{"edited": False, "nothing": None, "owed": [], "changed": outcome == "changed"},
            "evidence": {"folder": EVIDENCE, "files": ["failure.json"], "error": None},
        }
        return self.step("rollback", outcome, **{**result, **more})

    def not_restored(self, message: str, *, lost: bool = False):
        evidence = {} if lost else {"evidence": {"folder": EVIDENCE, "files": [], "error": None}}
        return self.failed("rollback", message, lost=lost, **evidence)

    def healthy(self):
        return self.step("health", "ok", task="Judge the health", reasons=["3 of 3 answers were good"])

    @property
    def run(self) -> Run:
        return Run.from_entries(self.entries)


def command(playbook: str, extra: Optional[Dict[str, Any]] = None) -> str:
    return " ".join([playbook, *(f"{name}={value}" for name, value in (extra or {}).items())])


def rollback_target(sha256: str = OLD, **more: Any) -> Dict[str, Any]:
    return {"path": BACKUP, "sha256": sha256, "verified": True, "reason": "", **more}


NO_ROLLBACK_TARGET = {
    "path": BACKUP,
    "sha256": None,
    "verified": False,
    "reason": "No backup that verifies has that SHA-256",
}
LOCK = {"id": "other", "user": "bob", "host": "ctl", "expires_at": "2026-01-01T01:00:00Z"}


def found(sha256: Optional[str], *, state: Any = None, lock_state: Any = None, **more: Any) -> Dict[str, Any]:
    """The result of ``run_finish``; ``state`` adds members to the state of the host."""
    known = {
        "sha256": sha256,
        "current": {},
        "as_recorded": True,
        "lock": lock_state,
        "rollback_target": rollback_target(),
    }
    maintenance = {"on": False, "flag": f"{PATH}.maintenance", "content": {}, "own": False}
    result = {"state": {**known, **(state or {})}, "log": LOG, "report": LOG, "lock": True, "errors": {}}
    return {**result, "maintenance": maintenance, **more}


def flag(deployment: str = ID, *, own: bool = True) -> Dict[str, Any]:
    content = {"reason": "A deployment changes the library", "deployment": deployment, "since": "2026-01-01T00:00:00Z"}
    return {"on": True, "flag": f"{PATH}.maintenance", "content": content, "own": own}


def end(story: Story, result: Dict[str, Any], **settings: Any) -> End:
    return End(
        story.run, result, {"lock_ttl": 900, "restartable": True, "on_inconclusive": "hold", **settings}, command
    )


def dump(lines: Any) -> str:
    return json.dumps(lines, indent=2)
