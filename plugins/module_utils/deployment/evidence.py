# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of a failed deployment: what people need the next morning, kept before the rollback replaces it."""

from __future__ import annotations

import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional

from ..errors import MobiusError
from ..storage.paths import locate_library
from ..storage.replace import replace_whole
from ..storage.state import read_current
from ..text import redact
from .report import checked_id, keep

LOG_TAIL = 1024 * 1024
# This copy, and then the snapshot and the temporary file of the rollback, with something for logs.
_COPIES = 3
_RESERVE = 4 * 1024 * 1024


def keep_evidence(
    path: str,
    log_dir: str,
    deployment: str,
    *,
    failure: Dict[str, Any],
    timeline: List[Dict[str, Any]],
    samples: List[Dict[str, Any]],
    logs: Optional[List[str]] = None,
    texts: Optional[Dict[str, str]] = None,
    max_library_bytes: int = 1024**3,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Copy the library as it stands, the end of each log, the samples and the timeline into ``evidence-ID/``.

    :param logs: files of which the last MiB is kept; one that is missing is left out.
    :param texts: by file name, what else is kept; the last MiB of each.
    :param max_library_bytes: a larger library is named, not copied; so is one whose copy would take the disk space
        that the rollback needs.
    :returns: ``folder`` and ``files``, the names in it.
    """
    folder = Path(log_dir) / f"evidence-{checked_id(deployment)}"
    library = Path(locate_library(path))
    left_out = _left_out(library, log_dir, max_library_bytes)
    summary = redact(
        {
            "deployment": deployment,
            "library": str(library),
            "library_left_out": left_out,
            "failure": failure,
            "timeline": timeline,
            "host": platform.node(),
            "python": platform.python_version(),
            "deployed": _deployed(path),
        }
    )
    files: Dict[str, str] = {
        "failure.json": _json(summary),
        "timeline.txt": "".join(f"{entry.get('at')}  {entry.get('event')}\n" for entry in summary["timeline"]),
    }
    if samples:
        files["samples.json"] = _json(redact(samples))
    for log in logs or []:
        if Path(log).is_file():
            files[Path(log).name] = _tail(Path(log))
    for name, text in (texts or {}).items():
        files[name] = "\n".join(redact(line) for line in text[-LOG_TAIL:].split("\n"))
    names = sorted(files) + ([] if left_out else [f"rejected-{library.name}"])
    if not check_mode:
        for name, text in files.items():
            keep(str(folder / name), text)
        if not left_out:
            replace_whole(str(folder / f"rejected-{library.name}"), lambda stream: _copy(library, stream), mode=0o640)
    return {"changed": True, "folder": str(folder), "files": names}


def _left_out(library: Path, log_dir: str, limit: int) -> str:
    """Why the library is not copied; empty when it is."""
    size = library.stat().st_size
    if size > limit:
        return f"larger than {limit} bytes"
    disk = os.statvfs(library.parent)
    same = not Path(log_dir).exists() or os.stat(log_dir).st_dev == os.stat(library.parent).st_dev
    if same and disk.f_bavail * disk.f_frsize < _COPIES * size + _RESERVE:
        return "the rollback needs the remaining disk space; its snapshot holds the same bytes"
    return ""


def _deployed(path: str) -> Dict[str, Any]:
    """What the state holds about the rejected library: its deployment, and the versions that hashed it."""
    try:
        current = read_current(path) or {}
    except (MobiusError, OSError) as error:
        return {"unknown": str(error)}
    return {name: current[name] for name in ("deployment", "status", "migrated_at", "versions") if name in current}


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _tail(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - LOG_TAIL))
        text = stream.read(LOG_TAIL).decode(errors="backslashreplace")
    return "\n".join(redact(line) for line in text.split("\n"))


def _copy(source: Path, stream: BinaryIO) -> None:
    with source.open("rb") as original:
        shutil.copyfileobj(original, stream, 256 * 1024)
