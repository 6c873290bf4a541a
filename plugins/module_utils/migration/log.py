# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``migration-TIMESTAMP.log`` and ``dry-run-TIMESTAMP.log``: one line per failure, then a summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from ..clock import file_stamp, timestamp
from ..storage.replace import create_exclusively, make_folders
from ..storage.state import library_owner
from ..text import printable
from .tally import Counts


def log_folder(library_path: str, log_dir: Any) -> str:
    """Return the folder of the logs, by default ``logs`` beside the library."""
    return str(log_dir or Path(library_path).absolute().parent / "logs")


def write_log(folder: str, kind: str, library_path: str, tally: Counts, facts: Dict[str, Any]) -> str:
    """Write a new log, mode 0640, owned like the library; returns its path.

    :param kind: prefix of its name.
    :param facts: ``name: value`` lines at its end.
    """
    uid, gid = library_owner(library_path)
    make_folders(folder, owner=uid, group=gid)
    lines = [f"{timestamp()} {kind} of {printable(library_path)}"]
    lines += [_line(failure) for failure in tally.failures]
    if tally.failed > len(lines) - 1:
        lines.append(f"... and {tally.failed - len(lines) + 1} more failures, which review_export lists")
    lines += [f"{name}: {printable(str(value))}" for name, value in {**counts(tally), **facts}.items()]
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    stem = f"{folder}/{kind}-{file_stamp()}"
    for name in _names(stem):
        try:
            create_exclusively(name, data, owner=uid, group=gid)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(17, "there are too many logs of one second", stem)


def counts(tally: Counts) -> Dict[str, Any]:
    """Return the counts of a migration. Ansible would treat a result with a member "failed" as a failed task."""
    return {
        "item_count": tally.items,
        "hashed": tally.hashed,
        "unchanged": tally.unchanged,
        "failed_items": tally.failed,
        "without_picture": tally.without_picture,
        "with_dhash": tally.with_dhash,
        "low_confidence": tally.low_confidence,
        "changed_items": tally.changed,
    }


def _names(stem: str) -> List[str]:
    return [f"{stem}.log", *(f"{stem}-{number}.log" for number in range(2, 100))]


def _line(failure: Dict[str, str]) -> str:
    return f"failed {failure['pointer']} {failure['image']}: {failure['reason']}: {failure['message']}"
