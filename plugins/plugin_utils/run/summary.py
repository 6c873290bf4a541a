# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator reads after a run that succeeded."""

from __future__ import annotations

from typing import Callable, List, Mapping

from .end import End, facts, line
from .model import DEPLOYMENT, MONITORING, ROLLBACK
from .state_lines import backup_text, report_lines

_MOST_REMOVED = 10


def summary(end: End) -> List[str]:
    """The summary of the kind of run; in check mode without the files that only a real run makes."""
    return _SUMMARIES[end.run.kind](end)


def _deployment(end: End) -> List[str]:
    counts = facts(end)
    if end.run.status == "partial":
        made = end.run.made_backup.get("path")
        backup = [line("backup", str(made))] if made and not end.run.check_mode else []
        return [line("library", end.run.path), *backup, *([] if end.run.check_mode else report_lines(end))]
    items = (
        f"{counts['items']}: {counts['hashed']} hashed now, {counts['unchanged']} as before, "
        f"{counts['failed']} without a dHash"
    )
    if end.run.check_mode:
        predicted = [line("items", items), line("review", f"{counts['low_confidence']} of low confidence")]
        return [*(predicted if end.run.last("migrate") is not None else []), *_removed(end, "would go")]
    return [
        line("items", items),
        line("review", f"{counts['low_confidence']} of low confidence: {end.command('review_export')}"),
        line("health", "; ".join(end.run.result("health").get("reasons") or ["not checked"])),
        line("library", end.run.path),
        line("backup", backup_text(end) if end.state else counts["backup"]),
        *report_lines(end),
        *_removed(end, "removed"),
        line("undo", _undo_deployment(end)),
    ]


def _removed(end: End, name: str) -> List[str]:
    """What the retention removed, and why; the first of many."""
    removed = [f"{each['path']}: {each['reason']}" for each in end.found.get("removed") or []]
    more = [f"and {len(removed) - _MOST_REMOVED} more"] if len(removed) > _MOST_REMOVED else []
    return [line(name, text) for text in removed[:_MOST_REMOVED] + more]


def _undo_deployment(end: End) -> str:
    if end.state and not end.target.get("verified"):
        return f"NO ROLLBACK IS POSSIBLE: {end.target.get('reason') or 'there is no backup'}"
    return end.command("rollback")


def _rollback(end: End) -> List[str]:
    result = end.run.result("rollback")
    if end.run.status == "skipped":
        return [line("library", end.run.path), *report_lines(end)]
    snapshot = result.get("snapshot")
    source = [line("library", end.run.path), line("from", str(result.get("restored_from") or ""))]
    if end.run.check_mode:
        edited = [line("edit", "the library was edited since it was deployed; the edit would be kept in a snapshot")]
        return [*(edited if result.get("edited") else []), *source]
    edited = [line("edit", f"the library was edited since it was deployed; the edit is kept in {snapshot}")]
    return [
        *(edited if result.get("edited") else []),
        *source,
        line("sha256", str(result.get("sha256") or "")),
        *report_lines(end),
        line("undo", end.command("rollback", extra={"mobius_backup": snapshot}) if snapshot else "nothing to undo"),
    ]


def _monitoring(end: End) -> List[str]:
    measured = [str(text) for text in end.run.result("watch").get("summary") or []]
    if end.run.status != "hold" or end.run.check_mode:
        return measured
    return [*measured, line("next", end.command("monitor")), line("next", end.command("rollback"))]


_SUMMARIES: Mapping[str, Callable[[End], List[str]]] = {
    DEPLOYMENT: _deployment,
    ROLLBACK: _rollback,
    MONITORING: _monitoring,
}
