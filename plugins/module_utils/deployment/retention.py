# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which logs, records and evidence stay: a pure decision with a reason for each, and its execution."""

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
from ..storage.lock import refuse_if_held, writing
from ..storage.paths import checked_path
from ..storage.pruned import pruned
from ..storage.replace import sync_folder
from .kept_files import EVIDENCE, SUMMARY, Left, left_in


@dataclass(frozen=True)
class Rules:
    """How much is kept.

    :param days: what is younger stays.
    :param last: of each kind, the newest that stay whatever their age; the newest stays even with 0.
    :param max_evidence: bytes that all evidence may take together; the oldest goes first, however young. 0: no limit.
    """

    days: int = 30
    last: int = 10
    max_evidence: int = 4 * 1024**3

    def __post_init__(self) -> None:
        if not 0 <= self.days <= 100_000 or not 0 <= self.last <= 1_000_000 or self.max_evidence < 0:
            raise MobiusError(
                "keep_days and keep_last lie between 0 and 100000, max_evidence is 0 or more", f"{vars(self)}"
            )


@dataclass(frozen=True)
class Decision:
    """What happens with one thing, and why."""

    left: Left
    keep: bool
    reason: str


def decide(found: Sequence[Left], rules: Rules, moment: datetime, in_force: Sequence[str] = ()) -> List[Decision]:
    """Decide over everything that runs left.

    :param found: newest first.
    :param moment: now, UTC.
    :param in_force: ids of the runs that are in force.
    """
    protected = _protected(found, in_force)
    seen: Dict[str, Set[str]] = {}
    evidence = 0
    decisions = []
    for left in found:
        reason = _untouched(left, moment) or protected.get(os.path.realpath(left.path))
        if reason is None:
            rank = seen.setdefault(left.kind, set())
            # The JSON and the lines of one record count as one.
            rank.add(left.run or left.path)
            room = left.kind != EVIDENCE or not rules.max_evidence or evidence + left.size <= rules.max_evidence
            reason = _stays(left, len(rank), room, rules, moment)
        if left.kind == EVIDENCE and reason is not None:
            evidence += left.size
        decisions.append(Decision(left, reason is not None, reason or _goes(left, rules, moment)))
    return decisions


def _protected(found: Sequence[Left], in_force: Sequence[str]) -> Dict[str, str]:
    kept = {}
    for left in found:
        if left.run and left.run in in_force and not left.foreign:
            for path in (left.path, *left.also):
                kept[os.path.realpath(path)] = "of the deployment that is in force"
    return kept


def _untouched(left: Left, moment: datetime) -> Optional[str]:
    if left.foreign:
        return f"{left.foreign}: left alone"
    return "its time lies in the future: left alone" if left.created > moment else None


def _stays(left: Left, rank: int, room: bool, rules: Rules, moment: datetime) -> Optional[str]:
    if rank == 1:
        return f"the newest {left.kind}"
    if not room:
        return None
    if moment - left.created < timedelta(days=rules.days):
        return f"younger than {rules.days} days"
    return f"one of the last {rules.last}" if rank <= rules.last else None


def _goes(left: Left, rules: Rules, moment: datetime) -> str:
    if moment - left.created < timedelta(days=rules.days):
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
    """Remove the logs, records and evidence that no rule keeps.

    :param log_dir: None for ``logs`` beside the library.
    :returns: ``changed``, ``removed`` and ``kept`` (each: path, kind, created, size, reason), ``freed`` in bytes,
        ``diff``, ``warnings``.
    :raises MobiusError: what is deployed cannot be read, so that nobody can tell what belongs to it.
    """
    folder = checked_path(log_dir or str(Path(os.path.abspath(path)).parent / "logs"))
    if check_mode or not Path(folder).is_dir():
        refuse_if_held(path, deployment)
        return _result(folder, _plan(path, folder, rules), {})
    with writing(path, deployment):
        decisions = _plan(path, folder, rules)
        failed = _remove(folder, [each.left for each in decisions if not each.keep])
    return _result(folder, decisions, failed)


def _plan(path: str, folder: str, rules: Rules) -> List[Decision]:
    document = state.read_document(path) or {}
    states = [document, document.get("pending"), document.get("previous")]
    in_force = [str(each["deployment"]) for each in states if isinstance(each, dict) and each.get("deployment")]
    return decide(left_in(folder, path), rules, utc_now(), in_force)


def _remove(folder: str, removed: Sequence[Left]) -> Dict[str, str]:
    """Remove; returns why for what cannot be removed."""
    failed: Dict[str, str] = {}
    # The lines before the JSON: what a killed run leaves is still known as ours.
    for left in sorted(removed, key=lambda each: each.path.endswith(".json")):
        try:
            if left.kind == EVIDENCE:
                _remove_folder(left)
            else:
                os.unlink(left.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[left.path] = f"it cannot be removed: {error.strerror}"
    if removed:
        sync_folder(folder)
    return failed


def _remove_folder(left: Left) -> None:
    """Remove the files that were judged, and the folder if nothing came since; a link in its place is not followed."""
    descriptor = os.open(left.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in sorted(left.names, key=lambda name: name == SUMMARY):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(left.path)


def _result(folder: str, decisions: Sequence[Decision], failed: Mapping[str, str]) -> Dict[str, Any]:
    decided: List[Tuple[bool, Dict[str, Any]]] = []
    for each in decisions:
        left = each.left
        facts = {"path": left.path, "kind": left.kind, "created": timestamp(left.created), "size": left.size}
        decided.append((each.keep, {**facts, "reason": each.reason}))
    return pruned(folder, decided, failed)
