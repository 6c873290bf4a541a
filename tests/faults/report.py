"""The table: fault by path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

from sweep import Verdict

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


def table(verdicts: List[Verdict]) -> str:
    """Markdown; only faults that happened count."""
    fired = [each for each in verdicts if each.fired or each.lost is not None]
    rows = list(dict.fromkeys(each.path for each in fired))
    header = ["fault", *rows, "tried", "survived", "lost"]
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    for kind in dict.fromkeys(each.kind for each in fired):
        lines.append([kind, *_counts([each for each in fired if each.kind == kind], rows)])
    lines.append(["**all**", *_counts(fired, rows)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _counts(verdicts: List[Verdict], rows: List[str]) -> List[str]:
    by_row: Dict[str, int] = {row: sum(each.path == row for each in verdicts) for row in rows}
    lost = sum(each.lost is not None for each in verdicts)
    total = len(verdicts)
    return [*(str(by_row[row] or "") for row in rows), str(total), str(total - lost), str(lost)]


def write(path: Path, text: str, seconds: float) -> None:
    """Put the table between the markers of a document."""
    page = path.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"{path} has no place for the table")
    block = f"{BEGIN}\n{text}\n\nMade by `make faults` in {seconds / 60:.0f} minutes.\n{END}"
    path.write_text(re.sub(f"{BEGIN}.*{END}", lambda _unused: block, page, flags=re.DOTALL), encoding="utf-8")
