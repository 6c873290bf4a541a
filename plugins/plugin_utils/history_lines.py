# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a library as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Sequence

_HEADER = ("#", "ended", "run", "outcome", "by", "job", "version", "pillow", "library", "id")


def as_table(entries: Sequence[Mapping[str, Any]]) -> List[str]:
    """One line for each entry under a header, in columns; the last one is not padded."""
    rows = [_HEADER, *(_row(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def as_json(entries: Sequence[Mapping[str, Any]]) -> List[str]:
    """The entries as the lines of one JSON document."""
    return json.dumps(list(entries), indent=2, sort_keys=True).splitlines()


def _row(entry: Mapping[str, Any]) -> Sequence[str]:
    versions = entry.get("versions") or {}
    failed = f" ({entry['failed_step']})" if entry.get("failed_step") else ""
    return tuple(
        _cell(text)
        for text in (
            *(entry.get("number"), entry.get("ended_at"), entry.get("kind"), f"{entry.get('status')}{failed}"),
            *(_who(entry.get("controller") or {}), _job(entry.get("controller") or {})),
            *(versions.get("collection"), versions.get("pillow"), str(entry.get("sha256") or "")[:12], entry.get("id")),
        )
    )


def _who(controller: Mapping[str, Any]) -> str:
    user = (controller.get("job") or {}).get("user") or controller.get("user")
    return f"{user}@{controller.get('host')}" if user else ""


def _job(controller: Mapping[str, Any]) -> str:
    job = controller.get("job") or {}
    return f"{job.get('system')} {job.get('id')}" if job else ""


def _cell(value: Any) -> str:
    """Printable text without spaces at its ends; what is not known is a dash."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else "?" for char in text).strip() or "-"
