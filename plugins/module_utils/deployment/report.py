# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run: one JSON document, the same as readable lines, and as a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

from ..errors import MobiusError
from ..storage.replace import ABANDONED_SECONDS, replace_whole, sweep_matching, temporaries_of
from ..text import redact
from .report_page import report_page

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TEMPORARIES = temporaries_of(r"(?:deployment|rollback|monitoring|migration|dry-run)-.+\.(?:json|log|html)")
_IN_EVIDENCE = temporaries_of(".+")
# Members that are tables; the JSON and the page have them.
_TABLES = ("timeline", "samples", "failures", "hash_times", "limits")


def checked_id(deployment: str) -> str:
    """The id, which becomes part of file names.

    :raises MobiusError: it holds anything but letters, digits, dots, dashes and underscores.
    """
    if not _ID.fullmatch(deployment):
        what = "Invalid run id: may contain only letters, digits, dots, dashes and underscores"
        raise MobiusError(what, repr(deployment), "pass another id")
    return deployment


def readable(report: Dict[str, Any]) -> str:
    """The report as ``name: value`` lines, the timeline last."""
    lines = [
        f"{name}: {_plain(value)}"
        for name, value in report.items()
        if name not in _TABLES and value not in ("", {}, [])
    ]
    lines += [f"{entry.get('at')}  {entry.get('event')}" for entry in report.get("timeline", [])]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    # A line of a value must not look like a line of the report.
    return text.replace("\n", "\n    ")


def write_report(log_dir: str, kind: str, report: Dict[str, Any], *, check_mode: bool = False) -> Dict[str, Any]:
    """Write ``KIND-ID.json``, ``.log`` and ``.html`` into ``log_dir``, each replaced as a whole, mode 0640.

    Removes the temporary files that killed runs left there more than an hour ago.

    :param report: holds ``deployment``, the id of the run.
    :returns: ``report``, ``log`` and ``page``, the paths; None in check mode, which writes none.
    """
    report = redact(report)
    stem = Path(log_dir) / f"{kind}-{checked_id(report['deployment'])}"
    if check_mode:
        return {"report": None, "log": None, "page": None}
    _sweep(Path(log_dir))
    keep(f"{stem}.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    keep(f"{stem}.log", readable(report))
    keep(f"{stem}.html", report_page(report, log_dir).decode("utf-8"))
    return {"report": f"{stem}.json", "log": f"{stem}.log", "page": f"{stem}.html"}


def _sweep(log_dir: Path) -> None:
    # Each run has names of its own, so that another one may be writing one of these now.
    sweep_matching(str(log_dir), _TEMPORARIES, idle=ABANDONED_SECONDS)
    for evidence in log_dir.glob("evidence-*"):
        if evidence.is_dir() and not evidence.is_symlink():
            sweep_matching(str(evidence), _IN_EVIDENCE, idle=ABANDONED_SECONDS)


def keep(path: str, text: str) -> None:
    """Write a text file, replaced as a whole, mode 0640; what is not UTF-8 is written as escapes."""
    data = text.encode(errors="backslashreplace")
    replace_whole(path, lambda stream: stream.write(data), mode=0o640)
