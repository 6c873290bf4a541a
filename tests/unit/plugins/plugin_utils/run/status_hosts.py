"""What ``deployment_status`` finds on hosts in every state."""

from __future__ import annotations

from typing import Any, Dict

OLD, NEW = "a" * 64, "b" * 64
PATH = "/srv/mobius/library.json"
BACKUP = "/srv/mobius/backups/library.json.bak.20240924T160000Z"
OLDER = "/srv/mobius/backups/library.json.bak.20240901T160000Z"
TARGET = {"path": BACKUP, "sha256": OLD, "verified": True, "reason": "", "older": None}
GONE = {"path": BACKUP, "sha256": None, "verified": False, "reason": "it is gone", "older": None}
CONTROLLER = {"host": "ctl", "user": "ann", "pid": 4711}


def found(**members: Any) -> Dict[str, Any]:
    """A host with a deployed library and nothing else to report."""
    library = {
        "path": PATH,
        "real_path": PATH,
        "sha256": NEW,
        "size": 12,
        "mode": "0640",
        "owner": "app",
        "group": "app",
    }
    return {
        "host": "games-1",
        "now": "2024-09-24T16:10:00Z",
        "library": {**library, "problem": None, "error": None, **members.pop("library", {})},
        "current": {"deployment": "D", "status": "deployed", "sha256": NEW},
        "as_deployed": True,
        "run": None,
        "writer": None,
        "lock": None,
        "target": TARGET,
        "before": None,
        "maintenance": {"on": False, "flag": f"{PATH}.maintenance", "content": {}},
        "state_error": None,
        **members,
    }


def run(status: Any = None, *, kind: str = "deployment", step: str = "migrate", **members: Any) -> Dict[str, Any]:
    """The last run: ended where it has a status, else open, with its controller on another machine."""
    ended = None if status is None else "2024-09-24T16:05:00Z"
    entry = {"step": step, "at": "2024-09-24T16:01:00Z", "outcome": "changed", "ended_at": "2024-09-24T16:02:00Z"}
    known = {
        **{"id": "R", "kind": kind, "status": status, "started_at": "2024-09-24T16:00:00Z", "ended_at": ended},
        **{"controller": CONTROLLER, "sha256": OLD, "step": entry, "controller_alive": None, "module_alive": None},
        "owed": [],
        **members,
    }
    if "unfinished" not in known:
        same = {name: known.get(name) for name in ("id", "kind", "status", "started_at", "sha256", "backup")}
        known["unfinished"] = {**same, "step": step} if known["owed"] or ended is None else None
    return known


def lease(holder: str = "R", **members: Any) -> Dict[str, Any]:
    times = {"taken_at": "2024-09-24T16:00:00Z", "expires_at": "2024-09-24T16:15:00Z"}
    return {"id": holder, "user": "ann", "host": "games-1", "pid": None, **times, **members}


def flag(by: str, own: bool = True) -> Dict[str, Any]:
    content = {"reason": "A deployment", "deployment": by, "since": "2024-09-24T16:00:00Z"}
    return {"on": True, "flag": f"{PATH}.maintenance", "content": content, "own": own}


def command(playbook: str, extra: Any = None) -> str:
    return " ".join(["ansible-playbook", playbook, *(f"{name}={value}" for name, value in (extra or {}).items())])


DEAD = {"controller_alive": False}
ALL = ["verify", "restart", "health"]
BACK = f"ansible-playbook rollback mobius_backup=sha256:{OLD}"
KEEP = f"ansible-playbook rollback mobius_backup=sha256:{NEW}"
DEPLOY, ROLLBACK, STATUS = "ansible-playbook deploy", "ansible-playbook rollback", "ansible-playbook status"
OFF = "ansible-playbook maintenance mobius_maintenance=off"
