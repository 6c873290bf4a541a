"""Tables of the documents that the bench writes."""

from __future__ import annotations

from typing import List


def table(header: List[str], rows: List[List[str]]) -> str:
    """Markdown; all columns but the first to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
