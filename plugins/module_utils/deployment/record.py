# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a deployment or a rollback leaves for people: one JSON record and the same as readable lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict

from ..errors import MobiusError
from ..storage.replace import ABANDONED_SECONDS, replace_whole, sweep_matching, temporaries_of
from ..text import redact

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TEMPORARIES = temporaries_of(r"(?:deployment|rollback|monitoring|migration|dry-run)-.+\.(?:json|log)")
_IN_EVIDENCE = temporaries_of(".+")


def checked_id(deployment: str) -> str:
    """The id, which becomes part of file names.

    :raises MobiusError: it holds anything but letters, digits, dots, dashes and underscores.
    """
    if not _ID.fullmatch(deployment):
        raise MobiusError("A deployment's id is letters, digits, dots and dashes", repr(deployment), "pass another id")
    return deployment


def readable(record: Dict[str, Any]) -> str:
    """The record as ``name: value`` lines, the timeline last."""
    lines = [
        f"{name}: {_plain(value)}" for name, value in record.items() if name != "timeline" and value not in ("", {}, [])
    ]
    lines += [f"{entry.get('at')}  {entry.get('event')}" for entry in record.get("timeline", [])]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    # A line of a text must not look like one of the record.
    return text.replace("\n", "\n    ")


def write_record(log_dir: str, kind: str, record: Dict[str, Any], *, check_mode: bool = False) -> Dict[str, Any]:
    """Write ``KIND-ID.json`` and ``KIND-ID.log`` into ``log_dir``, each replaced whole, mode 0640.

    Removes the temporary files that killed runs left there more than an hour ago.

    :param record: holds ``deployment``, the id.
    :returns: ``record`` and ``log``, the paths. A log is no managed state: ``changed`` stays false.
    """
    record = redact(record)
    stem = Path(log_dir) / f"{kind}-{checked_id(record['deployment'])}"
    written: Dict[str, Any] = {"changed": False, "record": f"{stem}.json", "log": f"{stem}.log"}
    if check_mode:
        return written
    _sweep(Path(log_dir))
    keep(written["record"], json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    keep(written["log"], readable(record))
    return written


def _sweep(log_dir: Path) -> None:
    # Each run has names of its own, so that another one may be writing one of these now.
    sweep_matching(str(log_dir), _TEMPORARIES, idle=ABANDONED_SECONDS)
    for evidence in log_dir.glob("evidence-*"):
        if evidence.is_dir() and not evidence.is_symlink():
            sweep_matching(str(evidence), _IN_EVIDENCE, idle=ABANDONED_SECONDS)


def keep(path: str, text: str) -> None:
    """Write a file for people, whole, mode 0640; what is no UTF-8 is shown as escapes."""
    data = text.encode(errors="backslashreplace")
    replace_whole(path, lambda stream: stream.write(data), mode=0o640)
