# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each host of a fleet run ended: the table at the terminal, its data and the page are made from the same rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .ends import NOT_STARTED, UNDER_WAY
from .model import GOOD, ROLLBACK
from .rollout import Member, Rollout

#: What a row counts, and the page and the table add up.
COUNTS = ("items", "hashed", "review", "failed")
#: What a status is in check mode.
_PREDICTED = {
    **{"deployed": "would deploy", "unchanged": "would change nothing", "skipped": "would skip", "partial": "partial"},
    **{"restored": "would roll back", "rolled_back": "would fail", "rollback_failed": "would fail"},
    **{"refused": "would be refused", "pass": "pass", "hold": "inconclusive"},
}


@dataclass(frozen=True)
class Row:
    """One host.

    :param tone: ``good``, ``warn`` or ``bad``.
    :param counts: of :data:`COUNTS`, as far as they are known.
    :param is_held: whether the host holds what its run deployed; the totals count those alone.
    :param seconds: from the beginning of the run to its end, or to that of the rollback by the scope.
    :param message: what a rollback by the scope did; empty where there was none.
    """

    host: str
    outcome: str
    tone: str
    counts: Mapping[str, int]
    is_held: bool
    seconds: Optional[float]
    report: str
    message: str


def rows(rollout: Rollout) -> List[Row]:
    """In the order of the play."""
    failed = {member.host for member in rollout.failed}
    return [_row(rollout, member, member.host in failed) for member in rollout.members]


def totals(found: Sequence[Row]) -> Dict[str, int]:
    """The counts of all hosts that hold what was deployed."""
    return {name: sum(row.counts.get(name, 0) for row in found if row.is_held) for name in COUNTS}


def outcomes(found: Sequence[Row]) -> Dict[str, int]:
    """How many hosts ended in which way."""
    return dict(Counter(row.outcome for row in found))


def _row(rollout: Rollout, member: Member, has_failed: bool) -> Row:
    counts: Mapping[str, Any] = member.main.get("counts") or {}
    end = member.rollback or member.main
    return Row(
        host=member.host,
        outcome=_outcome(rollout, member),
        tone=_tone(rollout, member, has_failed),
        counts={name: int(counts[name]) for name in COUNTS if counts.get(name) is not None},
        is_held=member.status in GOOD and not member.rollback,
        seconds=_seconds(member),
        report=str(end.get("report") or ""),
        message=rollout.why(member) if member.rollback else "",
    )


def _outcome(rollout: Rollout, member: Member) -> str:
    """In a word or two."""
    if rollout.is_lost(member):
        return "lost"
    if not member.is_begun:
        return NOT_STARTED
    if not member.has_ended:
        return UNDER_WAY
    status = member.status or ("skipped" if member.skipped else "unknown")
    if rollout.check_mode:
        return _PREDICTED.get(status, "would fail")
    if member.rollback:
        status = _rolled_back(member)
    elif member.verdict == "inconclusive" and status in GOOD:
        return f"{status}, watch inconclusive"
    elif member.verdict == "fail" and status in GOOD:
        return f"{status}, watch failed"
    if status == "rollback_failed" or (status == "refused" and member.kind == ROLLBACK):
        return "ROLLBACK FAILED"
    return status.replace("_", " ")


def _rolled_back(member: Member) -> str:
    status = str(member.rollback.get("status"))
    if status in ("skipped", "unchanged"):
        return "nothing to roll back"
    if status == "restored":
        return "rolled back"
    return "rolled back, unhealthy" if status == "unhealthy" else "rollback_failed"


def _tone(rollout: Rollout, member: Member, has_failed: bool) -> str:
    if has_failed or member.rollback:
        return "bad"
    if not member.is_begun:
        # Nothing was done on it.
        return "warn"
    inconclusive = "inconclusive" in (member.verdict, member.main.get("verdict")) or member.status == "hold"
    return "warn" if inconclusive or not member.has_ended else "good"


def _seconds(member: Member) -> Optional[float]:
    ended = (member.rollback or member.main).get("at")
    return max(0.0, float(ended) - member.began) if ended and member.began else None
