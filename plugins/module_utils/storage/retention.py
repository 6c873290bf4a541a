# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common result of the modules that prune backups and logs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple


def prune_result(
    folder: str,
    decisions: Iterable[Tuple[bool, Dict[str, Any]]],
    failed: Mapping[str, str],
    orphans: Sequence[Dict[str, Any]] = (),
    warnings: Sequence[str] = (),
) -> Dict[str, Any]:
    """The result of a module that prunes: ``changed``, ``removed``, ``kept``, ``freed``, ``diff`` and ``warnings``.

    :param decisions: for each file whether it stays, and its facts: at least ``path``, ``size`` and ``reason``.
    :param failed: path -> why a file could not be removed.
    :param orphans: facts of removed files that no rule covers, such as a checksum without its backup.
    """
    removed: List[Dict[str, Any]] = []
    kept: List[Dict[str, Any]] = []
    for stays, facts in decisions:
        reason = failed.get(facts["path"])
        (kept if stays or reason else removed).append({**facts, "reason": reason or facts["reason"]})
    removed += orphans
    before, after = ([each["path"] for each in listed] for listed in (removed + kept, kept))
    return {
        "changed": bool(removed),
        "removed": removed,
        "kept": kept,
        "freed": sum(each["size"] for each in removed),
        "diff": {
            "before": "".join(f"{each}\n" for each in sorted(before, reverse=True)),
            "after": "".join(f"{each}\n" for each in sorted(after, reverse=True)),
            "before_header": folder,
            "after_header": folder,
        },
        "warnings": [*warnings, *(f"{path} was not removed: {reason}" for path, reason in failed.items())],
    }


def unproven(proven: timedelta, age: timedelta) -> str:
    """Explain why a file stays whose age rests on a clock that may have jumped."""
    return f"{_days(age)} old by the clock, of which only {_days(proven)} are proven: the clock may have been set"


def clock_warnings(doubt: str, future: Sequence[str]) -> List[str]:
    """Return warnings about the host's clock.

    :param doubt: why the clock is not trusted, or empty.
    :param future: files that are dated in the future, newest first.
    """
    warnings = []
    if doubt:
        warnings.append(
            f"Nothing was removed, because {doubt}. Next: check the clock (timedatectl); files are removed again once "
            "enough time has passed at its present setting."
        )
    if future:
        more = f" and {len(future) - 1} more" if len(future) > 1 else ""
        warnings.append(
            f"Dated in the future and left alone: {future[0]}{more}. The clock was wrong then or is wrong now. "
            "Next: check the clock (timedatectl), then rename or remove what is dated wrongly."
        )
    return warnings


def _days(period: timedelta) -> str:
    days = period.total_seconds() / 86400
    return f"{days:.0f} days" if days >= 10 else f"{days:.1f} days"
