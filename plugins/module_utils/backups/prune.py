# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention of backups: a pure decision with a reason for each, and its execution."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence

from ..clock import utc_now
from ..errors import MobiusError
from ..storage import state
from ..storage.lock import refuse_if_held, spans_seen, writing
from ..storage.replace import sync_folder
from ..storage.retention import clock_warnings, prune_result, unproven
from ..storage.timeline import Timeline, file_times, timeline
from . import names
from .names import BACKUP, CHECKSUM, SIDECAR
from .store import Backup, Store


@dataclass(frozen=True)
class Rules:
    """Retention rules; all periods are in UTC and count back from now.

    :param days: every backup and snapshot younger than this stays.
    :param last: number of newest verified backups that stay at any age.
    :param daily: number of days of which the newest verified backup stays; likewise ``weekly`` (ISO weeks) and
        ``monthly``. Days without a backup do not count.
    """

    days: int = 7
    last: int = 1
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 100_000:
                raise MobiusError(f"keep_{name} must be between 0 and 100000", str(value))


@dataclass(frozen=True)
class Decision:
    """Whether one backup stays, and why."""

    backup: Backup
    keep: bool
    reason: str


def decide(
    backups: Sequence[Backup],
    rules: Rules,
    moment: datetime,
    protected: Optional[Mapping[str, str]] = None,
    rejected: Collection[str] = (),
    timeline: Optional[Timeline] = None,
) -> List[Decision]:
    """Decide over every backup of a library.

    :param backups: verified or not, newest first.
    :param moment: now, UTC.
    :param protected: path -> why it stays.
    :param rejected: SHA-256 of deployments that were rolled back; a backup of one is not a rollback target and never
        counts.
    :param timeline: how much time is proven to have passed; None to trust the clock.
    """
    if timeline is not None and timeline.doubt:
        return [Decision(each, True, f"nothing is removed, because {timeline.doubt}") for each in backups]
    due = [each for each in backups if each.created <= moment and each.verified]
    candidates = [each for each in due if each.kind == BACKUP and each.sha256 not in rejected]
    # If none holds a valid library, an invalid one is better than none.
    trusted = [each for each in candidates if each.valid is not False] or candidates
    # If there is no such backup, the newest that verifies is the last good copy.
    newest = next(iter(trusted or due), None)
    kept = dict(protected or {})
    if newest is not None:
        kept.setdefault(newest.path, "the newest one that verifies")
    for each in trusted[: rules.last]:
        kept.setdefault(each.path, f"one of the last {rules.last}")
    _keep_periods(kept, trusted, rules)
    decisions = []
    for each in backups:
        reason = kept.get(each.path) or _stays(each, rules, moment, newest, timeline)
        decisions.append(Decision(each, reason is not None, reason or _goes(each, rules)))
    return decisions


def _keep_periods(kept: Dict[str, str], trusted: Sequence[Backup], rules: Rules) -> None:
    periods: List[tuple[int, str, Callable[[datetime], str]]] = [
        (rules.daily, "day", lambda created: created.strftime("%Y-%m-%d")),
        (rules.weekly, "week", lambda created: created.strftime("%G-W%V")),
        (rules.monthly, "month", lambda created: created.strftime("%Y-%m")),
    ]
    for limit, noun, period_of in periods:
        seen: Dict[str, Backup] = {}
        for each in trusted:
            seen.setdefault(period_of(each.created), each)
        for period, each in list(seen.items())[:limit]:
            kept.setdefault(each.path, f"the last of the {noun} {period}")


def _stays(
    backup: Backup, rules: Rules, moment: datetime, newest: Optional[Backup], timeline: Optional[Timeline]
) -> Optional[str]:
    """Return why a backup stays that no rule names, or None when it is removed."""
    if backup.created > moment:
        return "dated in the future: not removed"
    if backup.created < names.PLAUSIBLE_FROM:
        return "dated before 2000, by a clock that was not set: not removed"
    if not backup.judged:
        return f"left alone, does not count as a backup: {backup.reason}"
    age = moment - backup.created
    young = age < timedelta(days=rules.days)
    if timeline is not None and not young:
        proven = timeline.age(backup.created, _changed(backup))
        if proven < timedelta(days=rules.days):
            return unproven(proven, age)
    if not backup.verified:
        if young:
            return f"younger than {rules.days} days, does not count as a backup: {backup.reason}"
        if newest is None or newest.created <= backup.created:
            return f"no newer backup verifies, though this one does not either: {backup.reason}"
        return None
    if young and backup.problem:
        return f"younger than {rules.days} days, does not count as a backup: {backup.problem}"
    return f"younger than {rules.days} days" if young else None


def _changed(backup: Backup) -> Optional[float]:
    try:
        return os.lstat(backup.path).st_ctime
    except OSError:
        return None


def _goes(backup: Backup, rules: Rules) -> str:
    if not backup.verified:
        return f"older than {rules.days} days and does not verify: {backup.reason}"
    if backup.problem:
        return f"older than {rules.days} days, and the library in it is not valid: {backup.problem}"
    return f"older than {rules.days} days"


def prune(
    path: str,
    backup_dir: Optional[str] = None,
    *,
    rules: Rules,
    check_mode: bool = False,
    deployment: Optional[str] = None,
) -> Dict[str, Any]:
    """Remove the backups and snapshots that no rule keeps, and leftovers of killed runs.

    Only proven ages count; while the clock is not trusted, nothing is removed.

    :returns: ``changed``, ``removed`` and ``kept`` (each: path, size, created, verified, reason), ``freed`` in bytes,
        ``diff``, ``warnings``.
    :raises MobiusError: the state cannot be read, so it is unknown which backup a rollback needs.
    """
    store = Store.of(path, backup_dir)
    if check_mode or not Path(store.folder).exists():
        refuse_if_held(path, deployment)
        return _result(store, _plan(path, store, rules), {})
    with writing(path, deployment), store.exclusively():
        plan = _plan(path, store, rules)
        failed = _remove(store.folder, [each.backup.path for each in plan.decisions if not each.keep])
        _remove(store.folder, plan.orphans)
    return _result(store, plan, failed)


@dataclass(frozen=True)
class _Plan:
    """``orphans`` are checksums and sidecars without a backup; ``warnings`` are for the operator."""

    decisions: List[Decision]
    orphans: List[str]
    warnings: List[str]


def _plan(path: str, store: Store, rules: Rules) -> _Plan:
    rejected = (state.read_document(path) or {}).get("rejected") or []
    moment = utc_now()
    backups = _with_validity(store, list(store.backups()), moment, rejected)
    seen = timeline(path, file_times(store.folder), rules.days, spans_seen(path))
    decisions = decide(backups, rules, moment, _protected(path, backups), rejected, seen)
    warnings = clock_warnings(seen.doubt, [each.path for each in backups if each.created > moment])
    return _Plan(decisions, [] if seen.doubt else store.orphans(), warnings)


def _with_validity(store: Store, backups: List[Backup], moment: datetime, rejected: Collection[str]) -> List[Backup]:
    """Return the backups, the newest of them checked for a valid library until one has it."""
    for index, each in enumerate(backups):
        if each.verified and each.created <= moment and each.kind == BACKUP and each.sha256 not in rejected:
            backups[index] = store.with_problem(each)
            if backups[index].valid:
                break
    return backups


def _protected(path: str, backups: Sequence[Backup]) -> Dict[str, str]:
    """Return the backups that a rollback of this library needs; if the named one does not verify, also an equal one."""
    kept: Dict[str, str] = {}
    for named in state.named_backups(path):
        own = [each for each in backups if names.same_place(each.path, str(named.get("path")))]
        if not any(each.verified for each in own):
            own += [each for each in backups if each.verified and each.sha256 == named.get("sha256")][:1]
        kept.update((each.path, "a rollback would use it") for each in own)
    return kept


def _remove(folder: str, paths: Sequence[str]) -> Dict[str, str]:
    """Remove files, then their checksums; returns the reason for each that cannot be removed."""
    failed: Dict[str, str] = {}
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[path] = f"it cannot be removed: {error.strerror}"
    if paths:
        # Checksums are removed only after their backups, because a backup without one counts as unverified.
        sync_folder(folder)
    gone = [path + suffix for path in paths if path not in failed for suffix in (CHECKSUM, SIDECAR)]
    for path in gone:
        with suppress(OSError):
            if stat.S_ISREG(os.lstat(path).st_mode):
                os.unlink(path)
    if gone:
        sync_folder(folder)
    return failed


def _result(store: Store, plan: _Plan, failed: Mapping[str, str]) -> Dict[str, Any]:
    decided = ((each.keep, {**each.backup.facts(), "reason": each.reason}) for each in plan.decisions)
    orphans = [{"path": each, "size": 0, "reason": "its backup does not exist"} for each in plan.orphans]
    return prune_result(store.folder, decided, failed, orphans, plan.warnings)
