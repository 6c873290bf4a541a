# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which backups stay: a pure decision with a reason for each, and its execution."""

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
from ..storage.lock import refuse_if_held, writing
from ..storage.pruned import pruned
from ..storage.replace import sync_folder
from . import names
from .names import BACKUP, CHECKSUM
from .store import Backup, Store


@dataclass(frozen=True)
class Rules:
    """How much is kept; all periods are UTC and count from now.

    :param days: every backup and snapshot younger than this stays.
    :param last: newest verified backups that stay whatever their age.
    :param daily: days of which the newest verified backup stays; so are ``weekly`` (ISO weeks) and ``monthly``. Days
        without a backup do not count.
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
    """What happens with one backup, and why."""

    backup: Backup
    keep: bool
    reason: str


def decide(
    backups: Sequence[Backup],
    rules: Rules,
    moment: datetime,
    protected: Optional[Mapping[str, str]] = None,
    rejected: Collection[str] = (),
) -> List[Decision]:
    """Decide over every backup of a library.

    :param backups: verified or not, newest first.
    :param moment: now, UTC.
    :param protected: path -> why it stays.
    :param rejected: SHA-256 of deployments that were rolled back: a backup of one is no way back and never counts.
    """
    due = [each for each in backups if each.created <= moment and each.verified]
    trusted = [each for each in due if each.kind == BACKUP and each.sha256 not in rejected]
    # Where no such backup is left, the newest of whatever verifies is the last good copy.
    newest = next(iter(trusted or due), None)
    kept = dict(protected or {})
    if newest is not None:
        kept.setdefault(newest.path, "the newest one that verifies")
    for each in trusted[: rules.last]:
        kept.setdefault(each.path, f"one of the last {rules.last}")
    _keep_periods(kept, trusted, rules)
    decisions = []
    for each in backups:
        reason = kept.get(each.path) or _stays(each, rules, moment, newest)
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


def _stays(backup: Backup, rules: Rules, moment: datetime, newest: Optional[Backup]) -> Optional[str]:
    """Why a backup stays that no rule names, or None when it goes."""
    if backup.created > moment:
        return "its time lies in the future: left alone"
    if not backup.judged:
        return f"left alone, and no backup that counts: {backup.reason}"
    young = moment - backup.created < timedelta(days=rules.days)
    if not backup.verified:
        if young:
            return f"younger than {rules.days} days, does not count as a backup: {backup.reason}"
        if newest is None or newest.created <= backup.created:
            return f"no newer backup verifies, though this one does not either: {backup.reason}"
        return None
    return f"younger than {rules.days} days" if young else None


def _goes(backup: Backup, rules: Rules) -> str:
    if not backup.verified:
        return f"older than {rules.days} days and does not verify: {backup.reason}"
    return f"older than {rules.days} days"


def prune(
    path: str,
    backup_dir: Optional[str] = None,
    *,
    rules: Rules,
    check_mode: bool = False,
    deployment: Optional[str] = None,
) -> Dict[str, Any]:
    """Remove the backups and snapshots that no rule keeps, and what killed runs left.

    :returns: ``changed``, ``removed`` and ``kept`` (each: path, size, created, verified, reason), ``freed`` in bytes,
        ``diff``, ``warnings``.
    :raises MobiusError: what is deployed cannot be read, so that nobody can tell which backup a rollback needs.
    """
    store = Store.of(path, backup_dir)
    if check_mode or not Path(store.folder).exists():
        refuse_if_held(path, deployment)
        decisions = _plan(path, store, rules)
        return _result(store, decisions, store.orphans(), {})
    with writing(path, deployment), store.exclusively():
        decisions = _plan(path, store, rules)
        orphans = store.orphans()
        failed = _remove(store.folder, [each.backup.path for each in decisions if not each.keep])
        _remove(store.folder, orphans)
    return _result(store, decisions, orphans, failed)


def _plan(path: str, store: Store, rules: Rules) -> List[Decision]:
    backups = list(store.backups())
    rejected = (state.read_document(path) or {}).get("rejected") or []
    return decide(backups, rules, utc_now(), _protected(path, backups), rejected)


def _protected(path: str, backups: Sequence[Backup]) -> Dict[str, str]:
    """The backups that a rollback of this library needs; where the one named does not verify, also one like it."""
    kept: Dict[str, str] = {}
    for named in state.named_backups(path):
        own = [each for each in backups if names.same_place(each.path, str(named.get("path")))]
        if not any(each.verified for each in own):
            own += [each for each in backups if each.verified and each.sha256 == named.get("sha256")][:1]
        kept.update((each.path, "a rollback would use it") for each in own)
    return kept


def _remove(folder: str, paths: Sequence[str]) -> Dict[str, str]:
    """Remove files, then their checksums; returns why for those that cannot be removed."""
    failed: Dict[str, str] = {}
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            failed[path] = f"it cannot be removed: {error.strerror}"
    if paths:
        # The checksums go only when the backups surely have: one without its checksum would be taken for unverified.
        sync_folder(folder)
    gone = [path + CHECKSUM for path in paths if path not in failed and not path.endswith(CHECKSUM)]
    for path in gone:
        with suppress(OSError):
            if stat.S_ISREG(os.lstat(path).st_mode):
                os.unlink(path)
    if gone:
        sync_folder(folder)
    return failed


def _result(
    store: Store, decisions: Sequence[Decision], orphans: Sequence[str], failed: Mapping[str, str]
) -> Dict[str, Any]:
    decided = ((each.keep, {**each.backup.facts(), "reason": each.reason}) for each in decisions)
    beside = [{"path": each, "size": 0, "reason": "a checksum whose backup is gone"} for each in orphans]
    return pruned(store.folder, decided, failed, beside)
