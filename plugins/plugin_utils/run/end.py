# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run: its journal beside what ``run_finish`` found on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping

from .model import Run

#: Returns the command of a playbook; ``extra`` holds extra variables by name.
Command = Callable[..., str]


@dataclass(frozen=True)
class End:
    """The end of a run.

    :param found: the result of the module ``run_finish``; empty where the host could not be reached.
    :param settings: ``lock_ttl`` in seconds, ``restartable`` (there is a command or a service to restart), ``backup``
        (the backup that a manual rollback was given) and ``on_inconclusive``.
    """

    run: Run
    found: Mapping[str, Any]
    settings: Mapping[str, Any]
    command: Command

    @property
    def state(self) -> Mapping[str, Any]:
        """What the host holds; empty where it is not known."""
        return self.found.get("state") or {}

    @property
    def is_lost(self) -> bool:
        """Whether the host could not be reached."""
        return not self.found

    @property
    def errors(self) -> Mapping[str, str]:
        """What ``run_finish`` itself could not do, by part."""
        return self.found.get("errors") or {}

    @property
    def maintenance(self) -> Mapping[str, Any]:
        """The maintenance flag: ``on``, ``flag``, ``content`` and ``own``."""
        return self.found.get("maintenance") or {}

    @property
    def sha256(self) -> str:
        """SHA-256 of the library now; empty where it is missing or not known."""
        return str(self.state.get("sha256") or "")

    @property
    def before(self) -> str:
        """SHA-256 that the library should have: of before the run, or after its rollback."""
        restored = self.run.last("rollback")
        if restored is not None and restored.succeeded and restored.result.get("sha256"):
            return str(restored.result["sha256"])
        return self.run.sha256_before

    @property
    def migrated(self) -> str:
        """SHA-256 that the migration of this run made; a migration that was cut off could not return it."""
        current = self.state.get("current") or {}
        made = self.run.result("migrate").get("sha256_after")
        return str(made or (current.get("sha256") if current.get("deployment") == self.run.id else "") or "")

    @property
    def is_rejected(self) -> bool:
        """Whether the library is known to hold what the failed run made."""
        return bool(self.sha256) and self.sha256 != self.before and self.sha256 == self.migrated

    @property
    def target(self) -> Mapping[str, Any]:
        """The backup that a rollback would restore: ``path``, ``sha256``, ``verified``, ``reason``, ``older``."""
        return self.state.get("rollback_target") or {}

    @property
    def backup(self) -> str:
        """Path of the backup that the run made or relies on."""
        relied_on = self.run.result("backup").get("backup") or self.run.result("preflight").get("backup") or {}
        return str((self.run.made_backup or relied_on).get("path") or "")

    @property
    def evidence(self) -> str:
        """Folder of the evidence; empty where none was kept."""
        return str((self.run.result("rollback").get("evidence") or {}).get("folder") or "")

    @property
    def lock(self) -> Mapping[str, Any]:
        """The lease on the library that is alive; empty where there is none or the state is not known."""
        return self.state.get("lock") or {}

    @property
    def is_held_by_another(self) -> bool:
        """Whether another run holds the lock."""
        return bool(self.lock) and self.lock.get("id") != self.run.id


def facts(end: End) -> Dict[str, Any]:
    """What the report and the notifications contain, in numbers and paths. In check mode no file is named."""
    migrated = end.run.result("migrate")
    predicted = end.run.check_mode
    return {
        "library": end.run.path,
        "sha256_before": end.before,
        "sha256_after": migrated.get("sha256_after") or "",
        "backup": "" if predicted else end.backup,
        "items": migrated.get("item_count", migrated.get("items", 0)),
        "hashed": migrated.get("hashed", 0),
        "unchanged": migrated.get("unchanged", 0),
        "failed": migrated.get("failed_items", 0),
        "low_confidence": migrated.get("low_confidence", 0),
        "metrics": migrated.get("metrics") or {},
        "migration_log": "" if predicted else migrated.get("log") or "",
        "evidence": "" if predicted else end.evidence,
    }


def line(name: str, text: str) -> str:
    """One line of the operator's message."""
    return f"{name:<12} {text}"
