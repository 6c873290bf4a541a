"""A library on this host, on which the calls of a run are made."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, Optional

from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import prepare as prepare_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.finish import finish_run
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prepare import prepare
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.rollback import roll_back
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version, replace_whole

RUN = {"id": "run-1", "kind": "deployment"}
HAND = {"id": "hand-1", "kind": "rollback"}
WATCH = {"id": "watch-1", "kind": "monitoring"}
LOCK: Dict[str, Any] = {"ttl": 900, "force": False, "pid": None}
OLD = b'{"components": [{"image": "a.png"}]}\n'
NEW = b'{"components": [{"image": "a.png"}], "dhash_migration": {}}\n'
EDIT = b'{"components": [{"image": "a.png"}], "note": "by hand"}\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library.json"
        self.backups = str(folder / "backups")
        self.logs = str(folder / "logs")
        self.library.write_bytes(OLD)

    @property
    def path(self) -> str:
        return str(self.library)

    def deploy(self, data: bytes = NEW, deployment: str = "d1", **more: str) -> str:
        """Replace the library as a migration does; the path of the backup."""
        backup = create_backup(self.path, self.backups)["backup"]
        self.write(data, deployment, {"path": backup["path"], "sha256": backup["sha256"]}, backup["sha256"], **more)
        return str(backup["path"])

    def write(self, data: bytes, deployment: str, backup: Dict[str, str], replaced: str, **more: str) -> None:
        known = {**more, "deployment": deployment, "status": "deployed", "sha256": digest(data), "backup": backup}
        state.begin(self.path, {**known, "replaced": replaced})
        replace_whole(self.path, lambda stream: stream.write(data), expected=read_version(self.path))
        state.commit(self.path)

    def current(self) -> Dict[str, Any]:
        return dict(deployed(self.path)["current"])

    def tree(self) -> Dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def evidence(self, **more: Any) -> Dict[str, Any]:
        known = {"failure": {"message": "no"}, "timeline": [{"at": "x", "event": "start"}], "samples": []}
        return {"log_dir": self.logs, **known, **more}

    def prepare(
        self, *steps: str, run: Optional[Dict[str, Any]] = None, check_mode: bool = False, **check: Any
    ) -> Dict[str, Any]:
        checked = {
            "image_root": str(self.folder),
            "items": [],
            "log_dir": self.logs,
            "schema": None,
            "metrics_file": None,
        }
        wanted = steps or prepare_module.STEPS
        return prepare(
            self.path,
            **{
                "run": run or RUN,
                "steps": wanted,
                "check": {**checked, **check},
                "lock": LOCK,
                "backup_dir": self.backups,
            },
            check_mode=check_mode,
        )

    def roll_back(
        self, backup: str = "deployment", run: Optional[Dict[str, Any]] = None, **more: Any
    ) -> Dict[str, Any]:
        return roll_back(
            self.path, self.backups, backup, **{"run": run or HAND, "lock": LOCK, "evidence": None, **more}
        )

    def finish(self, run: Optional[Dict[str, Any]] = None, **more: Any) -> Dict[str, Any]:
        given = {"run": {"status": "deployed", **(run or RUN)}, "report": {"kind": "deployment"}, "log_dir": self.logs}
        return finish_run(
            self.path, **{**given, "backup_dir": self.backups, "backup": "deployment", "owed": [], **more}
        )
