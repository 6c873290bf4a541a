# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of a verification: all problems are counted, the first ones kept."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

MOST = 50


class Findings:
    """Problems are dicts with kind, severity, message, and pointer, line and column where they are known."""

    def __init__(self) -> None:
        self.errors = 0
        self._kept: Dict[str, List[Dict[str, Any]]] = {"error": [], "warning": []}

    def add(
        self,
        kind: str,
        message: str,
        *,
        severity: str = "error",
        pointer: Optional[str] = None,
        line: Optional[int] = None,
        column: Optional[int] = None,
    ) -> None:
        """Count a problem, and keep it up to the limit."""
        self.errors += severity == "error"
        place = {"pointer": pointer, "line": line, "column": column}
        known = {name: value for name, value in place.items() if value is not None}
        if len(self._kept[severity]) < MOST:
            self._kept[severity].append({"kind": kind, "severity": severity, **known, "message": message})

    def more(self, count: int) -> None:
        """Count further errors that are not kept."""
        self.errors += count

    def first(self) -> List[Dict[str, Any]]:
        """The first problems, errors before warnings."""
        return (self._kept["error"] + self._kept["warning"])[:MOST]


def in_words(problem: Dict[str, Any]) -> str:
    """Describe one problem with its place."""
    place = f"line {problem['line']}" if "line" in problem else ""
    if "column" in problem:
        place += f" column {problem['column']}"
    if "pointer" in problem:
        place = f"{problem['pointer']} ({place})" if place else problem["pointer"]
    return f"{place}: {problem['message']}" if place else str(problem["message"])
