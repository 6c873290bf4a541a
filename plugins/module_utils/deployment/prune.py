# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logs, reports and evidence stay: a pure decision with a reason for each, and its execution."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..clock import timestamp, utc_now
from ..errors import MobiusError
from ..storage import state
from ..storage.lock import refuse_if_held, spans_seen, writing
from ..storage.paths import checked_path
from ..storage.replace import sync_folder
from ..storage.retention import clock_warnings, prune_result, unproven
from ..storage.timeline import Timeline, file_times, timeline
from .artifacts import EVIDENCE, SUMMARY, Artifact, artifacts_in


@dataclass(frozen=True)
class Rules:
    """How much is kept.

    :param days: what is younger stays.
    :param last: how many of each kind stay whatever their age; the newest stays even with 0.
    :param max_evidence: bytes that all evidence may take together; the oldest goes first, however young. 0: no limit.
    """

    days: int = 30
    last: int = 10
    max_evidence: int = 4 * 1024**3

    def __post_init__(self) -> None:
        if not 0 <= self.days <= 100_000 or not 0 <= self.last <= 1_000_000 or self.max_evidence < 0:
            raise MobiusError(
                "keep_days and keep_last must be between 0 and 100000, max_evidence is 0 or more", f"{vars(self)}"
            )


@dataclass(frozen=True)
class Decision:
    """What happens to one artifact, and why."""

    artifact: Artifact
    keep: bool
    reason: str


@dataclass(frozen=True)
class _Clock:
    """The time to judge by: ``moment`` is now in UTC, ``timeline`` how much of the past is proven (None: all of it)."""

    moment: datetime
    timeline: Optional[Timeline]

    def is_young(self, artifact: Artifact, days: int) -> bool:
        return self.moment - artifact.created < timedelta(days=days)

    def doubt_about(self, artifact: Artifact, days: int) -> Optional[str]:
        """Why an artifact that is old by the clock may be young."""
        if self.timeline is None:
            return None
        try:
            changed: Optional[float] = os.lstat(artifact.path).st_ctime
        except OSError:
            changed = None
        proven = self.timeline.age(artifact.created, changed)
        return unproven(proven, self.moment - artifact.created) if proven < timedelta(days=days) else None


def decide(
    found: Sequence[Artifact],
    rules: Rules,
    moment: datetime,
    in_force: Sequence[str] = (),
    timeline: Optional[Timeline] = None,
) -> List[Decision]:
    """Decide over every artifact.

    :param found: newest first.
    :param moment: now, UTC.
    :param in_force: ids of the runs whose result is deployed, or was before.
    :param timeline: how much time is proven to have passed; None to believe the clock.
    """
    if timeline is not None and timeline.doubt:
        return [Decision(each, True, f"nothing is removed, because {timeline.doubt}") for each in found]
    clock = _Clock(moment, timeline)
    protected = _protected(found, in_force)
    seen: Dict[str, Set[str]] = {}
    evidence = 0
    decisions = []
    for artifact in found:
        reason = _untouched(artifact, moment) or protected.get(os.path.realpath(artifact.path))
        if reason is None:
            rank = seen.setdefault(artifact.kind, set())
            # The JSON and the text of one report count as one.
            rank.add(artifact.run or artifact.path)
            fits = artifact.kind != EVIDENCE or not rules.max_evidence or evidence + artifact.size <= rules.max_evidence
            reason = _stays(artifact, len(rank), fits, rules, clock)
        if artifact.kind == EVIDENCE and reason is not None:
            evidence += artifact.size
        decisions.append(Decision(artifact, reason is not None, reason or _goes(artifact, rules, clock)))
    return decisions


def _protected(found: Sequence[Artifact], in_force: Sequence[str]) -> Dict[str, str]:
    kept = {}
    for artifact in found:
        if artifact.run and artifact.run in in_force and not artifact.foreign:
            for path in (artifact.path, *artifact.also):
                kept[os.path.realpath(path)] = "belongs to the current deployment or the one before it"
    return kept


def _untouched(artifact: Artifact, moment: datetime) -> Optional[str]:
    if artifact.foreign:
        return f"{artifact.foreign}: not removed"
    return "dated in the future: not removed" if artifact.created > moment else None


def _stays(artifact: Artifact, rank: int, fits: bool, rules: Rules, clock: _Clock) -> Optional[str]:
    if rank == 1:
        return f"the newest {artifact.kind}"
    if not fits:
        return None
    if clock.is_young(artifact, rules.days):
        return f"younger than {rules.days} days"
    if rank <= rules.last:
        return f"one of the last {rules.last}"
    return clock.doubt_about(artifact, rules.days)


def _goes(artifact: Artifact, rules: Rules, clock: _Clock) -> str:
    if clock.is_young(artifact, rules.days):
        return f"all evidence together is larger than {rules.max_evidence} bytes"
    return f"older than {rules.days} days"


def prune(
    path: str,
    log_dir: Optional[str] = None,
    *,
    rules: Rules,
    check_mode: bool = False,
    deployment: Optional[str] = None,
) -> Dict[str, Any]:
    """Remove the logs, reports and evidence that no rule keeps.

    Ages count only as far as they are proven; while the clock cannot be believed, nothing is removed.

    :param log_dir: None for ``logs`` beside the library.
    :returns: ``changed``, ``removed`` and ``kept`` (each: path, kind, created, size, reason), ``freed`` in bytes,
        ``diff``, ``warnings``.
    :raises MobiusError: the state cannot be read, so that it is not known what belongs to the current deployment.
    """
    folder = checked_path(log_dir or str(Path(os.path.abspath(path)).parent / "logs"))
    if check_mode or not Path(folder).is_dir():
        refuse_if_held(path, deployment)
        return _result(folder, *_plan(path, folder, rules), {})
    with writing(path, deployment):
        decisions, warnings = _plan(path, folder, rules)
        failed = _remove(folder, [each.artifact for each in decisions if not each.keep])
    return _result(folder, decisions, warnings, failed)


def _plan(path: str, folder: str, rules: Rules) -> Tuple[List[Decision], List[str]]:
    document = state.read_document(path) or {}
    states = [document, document.get("pending"), document.get("previous")]
    in_force = [str(each["deployment"]) for each in states if isinstance(each, dict) and each.get("deployment")]
    found = artifacts_in(folder, path)
    moment = utc_now()
    seen = timeline(path, file_times(folder), rules.days, spans_seen(path))
    decisions = decide(found, rules, moment, in_force, seen)
    return decisions, clock_warnings(seen.doubt, [each.path for each in found if each.created > moment])


def _remove(folder: str, removed: Sequence[Artifact]) -> Dict[str, str]:
    """Remove artifacts; returns path -> why for those that cannot be removed."""
    failed: Dict[str, str] = {}
    # The text before the JSON: what a killed run leaves is then still recognized as ours.
    for artifact in sorted(removed, key=lambda each: each.path.endswith(".json")):
        try:
            if artifact.kind == EVIDENCE:
                _remove_folder(artifact)
            else:
                os.unlink(artifact.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[artifact.path] = f"it cannot be removed: {error.strerror}"
    if removed:
        sync_folder(folder)
    return failed


def _remove_folder(artifact: Artifact) -> None:
    """Remove the files that were listed, and the folder if nothing was added since; never through a link."""
    descriptor = os.open(artifact.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in sorted(artifact.names, key=lambda name: name == SUMMARY):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(artifact.path)


def _result(
    folder: str, decisions: Sequence[Decision], warnings: Sequence[str], failed: Mapping[str, str]
) -> Dict[str, Any]:
    decided: List[Tuple[bool, Dict[str, Any]]] = []
    for each in decisions:
        artifact = each.artifact
        facts = {"path": artifact.path, "kind": artifact.kind, "size": artifact.size}
        decided.append((each.keep, {**facts, "created": timestamp(artifact.created), "reason": each.reason}))
    return prune_result(folder, decided, failed, warnings=warnings)
