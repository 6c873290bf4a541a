# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs left in the log folder. A name is not enough: the content has to be ours, and about this library."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..clock import parse_file_stamp
from ..json import load_object
from ..storage.paths import is_path
from ..storage.replace import open_regular
from ..text import printable

EVIDENCE = "evidence"
_STAMP = r"(?P<stamp>[0-9]{8}T[0-9]{6}Z)"
_RUN = rf"(?P<run>{_STAMP}-[0-9a-f]{{6}})"
_LOG = re.compile(rf"(?P<kind>migration|dry-run)-{_STAMP}(?:-[1-9][0-9]?)?\.log")
_REPORT = re.compile(rf"(?P<kind>deployment|rollback|monitoring)-{_RUN}\.(?:json|log|html)")
_FOLDER = re.compile(rf"(?P<kind>{EVIDENCE})-{_RUN}")
# The names that keep_evidence gives, and the temporary files of one that was killed.
_IN_EVIDENCE = re.compile(
    r"failure\.json|timeline\.txt|samples\.json|service\.log|journal-.+\.txt|rejected-.+|(migration|deployment)-.+\.log"
    r"|\..+\.[0-9a-f]{12}\.tmp"
)
#: The file that names the library of an evidence folder; it is removed last.
SUMMARY = "failure.json"
# Bytes that are read of a report: the JSON of 20,000 samples stays below it.
_READ = 16 * 1024 * 1024


@dataclass(frozen=True)
class Artifact:
    """A file or folder that a run left.

    :param path: the file, or the folder of the evidence.
    :param run: id of its run; empty for a log.
    :param size: in bytes; of a folder, that of its files together.
    :param foreign: why it is left alone; empty for what is ours.
    :param names: the files in the folder.
    :param also: further paths that a report names as its own.
    """

    path: str
    kind: str
    run: str
    created: datetime
    size: int
    foreign: str = ""
    names: Tuple[str, ...] = ()
    also: Tuple[str, ...] = ()


def artifacts_in(folder: str, library: str) -> List[Artifact]:
    """Everything in ``folder`` that has one of our names, newest first. Nothing else is opened or returned."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    found = [artifact for artifact in (_of(folder, name, library) for name in names) if artifact is not None]
    return sorted(found, key=lambda each: (each.created, each.path), reverse=True)


def _of(folder: str, name: str, library: str) -> Optional[Artifact]:
    match = _LOG.fullmatch(name) or _REPORT.fullmatch(name) or _FOLDER.fullmatch(name)
    created = _time(match["stamp"]) if match else None
    if match is None or created is None:
        return None
    bare = Artifact(str(Path(folder) / name), match["kind"], match.groupdict().get("run") or "", created, 0)
    try:
        return _evidence(bare, library) if bare.kind == EVIDENCE else _file(bare, library)
    except OSError as error:
        return replace(bare, foreign=f"it cannot be read ({error.strerror})")


def _time(stamp: str) -> Optional[datetime]:
    try:
        return parse_file_stamp(stamp)
    except ValueError:
        return None


def _file(bare: Artifact, library: str) -> Artifact:
    facts = os.lstat(bare.path)
    if not stat.S_ISREG(facts.st_mode):
        return replace(bare, foreign="it is not a file")
    foreign = ""
    also: Tuple[str, ...] = ()
    if not bare.run:
        foreign = _foreign_log(bare, library)
    elif not bare.path.endswith(".json"):
        foreign = _foreign_text(bare, library)
    else:
        foreign, also = _foreign_report(bare, library)
    return replace(bare, size=facts.st_size, foreign=foreign, also=also)


def _first_line(path: str) -> str:
    with open_regular(path, follow=False) as stream:
        return stream.read(8192).split(b"\n", 1)[0].decode("utf-8", "backslashreplace")


def _foreign_log(bare: Artifact, library: str) -> str:
    head = re.fullmatch(r"[0-9T:Z.-]+ (migration|dry-run) of (.+)", _first_line(bare.path))
    if head is None or head.group(1) != bare.kind:
        return f"it does not begin as the log of a {bare.kind} does"
    return _other_library(head.group(2), library)


def _foreign_report(bare: Artifact, library: str) -> Tuple[str, Tuple[str, ...]]:
    report = _json(bare.path)
    if report.get("deployment") != bare.run or report.get("kind") != bare.kind:
        return "it is not a report of this run", ()
    facts = report.get("facts")
    details: Dict[str, Any] = facts if isinstance(facts, dict) else {}
    also = tuple(details[name] for name in ("migration_log", "evidence") if is_path(details.get(name)))
    return _other_library(details.get("library"), library), also


def _foreign_text(bare: Artifact, library: str) -> str:
    """Text and page of a report belong to whatever its JSON belongs to; one log folder may serve several libraries."""
    if not _begins_as_a_report(bare):
        return "it does not begin as a report does"
    report = replace(bare, path=str(Path(bare.path).with_suffix(".json")))
    try:
        return _foreign_report(report, library)[0]
    except FileNotFoundError:
        return ""


def _begins_as_a_report(bare: Artifact) -> bool:
    if bare.path.endswith(".log"):
        return _first_line(bare.path) == f"deployment: {bare.run}"
    with open_regular(bare.path, follow=False) as stream:
        head = stream.read(2048).decode("utf-8", "backslashreplace")
    return head.startswith("<!doctype html>") and f"<title>{bare.kind.capitalize()} {bare.run}: " in head


def _json(path: str) -> Dict[str, Any]:
    with open_regular(path, follow=False) as stream:
        data = stream.read(_READ)
    try:
        return load_object(data)
    except ValueError:
        return {}


def _other_library(named: Any, library: str) -> str:
    """Why it is about another library; a report that names none is taken for ours."""
    if named and (not is_path(named) or os.path.realpath(named) != os.path.realpath(library)):
        return f"it is about {printable(str(named))}"
    return ""


def _evidence(bare: Artifact, library: str) -> Artifact:
    if not stat.S_ISDIR(os.lstat(bare.path).st_mode):
        return replace(bare, foreign="it is not a folder")
    entries = list(_entries(bare.path))
    names = tuple(name for name, _size, _foreign in entries)
    foreign = next(
        (f"it holds {name}, which this collection did not create" for name, _size, other in entries if other), ""
    )
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
