# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs have left in a folder of logs. A name is not enough: what is inside has to be ours, and of this library."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..clock import parse_file_stamp
from ..storage.replace import open_regular

EVIDENCE = "evidence"
_STAMP = r"(?P<stamp>[0-9]{8}T[0-9]{6}Z)"
_RUN = rf"(?P<run>{_STAMP}-[0-9a-f]{{6}})"
_LOG = re.compile(rf"(?P<kind>migration|dry-run)-{_STAMP}(?:-[1-9][0-9]?)?\.log")
_RECORD = re.compile(rf"(?P<kind>deployment|rollback|monitoring)-{_RUN}\.(?:json|log)")
_FOLDER = re.compile(rf"(?P<kind>{EVIDENCE})-{_RUN}")
# The names that keep_evidence gives, and the temporary files of one that was killed.
_IN_EVIDENCE = re.compile(
    r"failure\.json|timeline\.txt|samples\.json|service\.log|journal-.+\.txt|rejected-.+|(migration|deployment)-.+\.log"
    r"|\..+\.[0-9a-f]{12}\.tmp"
)
#: The file without which nobody knows whose an evidence folder is; it goes last.
SUMMARY = "failure.json"
# Of a record this much is read: the JSON of 20,000 samples stays below it.
_READ = 16 * 1024 * 1024


@dataclass(frozen=True)
class Left:
    """One thing that a run left.

    ``path`` is a file, or the folder of the evidence; ``run`` the id of its run, empty for a log. ``size`` in bytes, of
    a folder's files together. ``foreign`` says why it is left alone, and is empty for what is ours. ``names`` are the
    files in the folder, ``also`` what a record says that belongs to it.
    """

    path: str
    kind: str
    run: str
    created: datetime
    size: int
    foreign: str = ""
    names: Tuple[str, ...] = ()
    also: Tuple[str, ...] = ()


def left_in(folder: str, library: str) -> List[Left]:
    """Everything in ``folder`` that bears one of our names, newest first. Nothing else is opened or told."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    found = [left for left in (_of(folder, name, library) for name in names) if left is not None]
    return sorted(found, key=lambda each: (each.created, each.path), reverse=True)


def _of(folder: str, name: str, library: str) -> Optional[Left]:
    match = _LOG.fullmatch(name) or _RECORD.fullmatch(name) or _FOLDER.fullmatch(name)
    created = _time(match["stamp"]) if match else None
    if match is None or created is None:
        return None
    bare = Left(str(Path(folder) / name), match["kind"], match.groupdict().get("run") or "", created, 0)
    try:
        return _evidence(bare, library) if bare.kind == EVIDENCE else _file(bare, library)
    except OSError as error:
        return replace(bare, foreign=f"it cannot be read ({error.strerror})")


def _time(stamp: str) -> Optional[datetime]:
    try:
        return parse_file_stamp(stamp)
    except ValueError:
        return None


def _file(bare: Left, library: str) -> Left:
    facts = os.lstat(bare.path)
    if not stat.S_ISREG(facts.st_mode):
        return replace(bare, foreign="it is no file")
    foreign = ""
    also: Tuple[str, ...] = ()
    if not bare.run:
        foreign = _foreign_log(bare, library)
    elif bare.path.endswith(".log"):
        foreign = _foreign_lines(bare, library)
    else:
        foreign, also = _foreign_record(bare, library)
    return replace(bare, size=facts.st_size, foreign=foreign, also=also)


def _first_line(path: str) -> str:
    with open_regular(path, follow=False) as stream:
        return stream.read(8192).split(b"\n", 1)[0].decode("utf-8", "backslashreplace")


def _foreign_log(bare: Left, library: str) -> str:
    head = re.fullmatch(r"[0-9T:Z.-]+ (migration|dry-run) of (.+)", _first_line(bare.path))
    if head is None or head.group(1) != bare.kind:
        return f"it does not begin as the log of a {bare.kind} does"
    return _other_library(head.group(2), library)


def _foreign_record(bare: Left, library: str) -> Tuple[str, Tuple[str, ...]]:
    record = _json(bare.path)
    if record.get("deployment") != bare.run or record.get("kind") != bare.kind:
        return "it is no record of this run", ()
    facts = record.get("facts")
    told: Dict[str, Any] = facts if isinstance(facts, dict) else {}
    also = tuple(str(told[name]) for name in ("migration_log", "evidence") if told.get(name))
    return _other_library(told.get("library"), library), also


def _foreign_lines(bare: Left, library: str) -> str:
    """The lines of a record are whose its JSON is; a folder of logs may serve several libraries."""
    if _first_line(bare.path) != f"deployment: {bare.run}":
        return "it does not begin as a record does"
    record = replace(bare, path=str(Path(bare.path).with_suffix(".json")))
    try:
        return _foreign_record(record, library)[0]
    except FileNotFoundError:
        return ""


def _json(path: str) -> Dict[str, Any]:
    with open_regular(path, follow=False) as stream:
        data = stream.read(_READ)
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _other_library(named: Any, library: str) -> str:
    """Why it is of another library; a record that names none is taken for ours."""
    if named and os.path.realpath(str(named)) != os.path.realpath(library):
        return f"it is about {named}"
    return ""


def _evidence(bare: Left, library: str) -> Left:
    if not stat.S_ISDIR(os.lstat(bare.path).st_mode):
        return replace(bare, foreign="it is no folder")
    entries = list(_entries(bare.path))
    names = tuple(name for name, _size, _foreign in entries)
    foreign = next((f"it holds {name}, which is not ours" for name, _size, other in entries if other), "")
    if not foreign:
        summary = _json(str(Path(bare.path) / SUMMARY)) if SUMMARY in names else {}
        foreign = _other_library(summary.get("library"), library)
        if summary.get("deployment") != bare.run:
            foreign = f"its {SUMMARY} is missing or not of this run"
    return replace(bare, size=sum(size for _name, size, _foreign in entries), foreign=foreign, names=names)


def _entries(path: str) -> Iterator[Tuple[str, int, bool]]:
    with os.scandir(path) as entries:
        for entry in entries:
            ours = entry.is_file(follow_symlinks=False) and _IN_EVIDENCE.fullmatch(entry.name) is not None
            yield entry.name, entry.stat(follow_symlinks=False).st_size, not ours
