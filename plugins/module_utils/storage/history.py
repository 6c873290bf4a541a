# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``history.jsonl``: the runs on a library, one JSON object a line, each with the SHA-256 of the line before.

Format of a line: ``number`` (from 1), ``previous`` (SHA-256 of the line before without its line end, empty for the
first ever), ``oldest`` (number of the oldest line that was kept when this one was written), and the members of the run.
``history.head`` holds ``number`` and ``sha256`` of the last line, so that a line taken from the end is missed as well.

It shows what was changed by mistake or by hand. Whoever may write both files can also write a new chain: results of
runs and the artifacts of their jobs carry the same SHA-256, and those are elsewhere.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ..errors import MobiusError
from ..json import is_whole, load_object
from .lease import give_to_owner, lease_mutex
from .paths import state_dir
from .replace import FILE_MODE, DurabilityUnknown, open_regular, replace_whole, write_json
from .state import library_owner, prepare_folder

Entry = Dict[str, Any]

#: Lines that are kept at most; when there are more, the oldest fifth goes.
MOST = 1000
_LONGEST = 16 * 1024
_LIMIT = 2 * MOST * _LONGEST
_OWN = ("number", "previous", "oldest")


class _Line(NamedTuple):
    """A whole line: its bytes without the line end, and what they hold; None where that is not an entry."""

    data: bytes
    entry: Optional[Entry]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class History:
    """What was read.

    :param entries: oldest first, each with its own ``sha256``.
    :param problems: what was changed, removed or reordered; empty when the chain is whole.
    :param notes: what is not whole and no change by anyone, such as a line that a crash cut off.
    """

    entries: List[Entry] = field(default_factory=list)
    problems: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)


def history_path(library_path: str) -> str:
    """Where the history of this library is kept."""
    return str(Path(state_dir(library_path)) / "history.jsonl")


def append(library_path: str, members: Mapping[str, Any]) -> Dict[str, Any]:
    """Add one entry, durably; safe beside other writers and after one that was killed.

    :param members: of the run; :data:`_OWN` are set here.
    :returns: ``number`` and ``sha256`` of the new line.
    """
    folder = prepare_folder(library_path)
    with lease_mutex(library_path):
        data = _read(library_path)
        lines, torn = _split(data)
        kept = lines if len(lines) < MOST else lines[len(lines) - (MOST - MOST // 5) + 1 :]
        entry = {**members, **_place(_head(library_path), lines, kept)}
        new = json.dumps(entry, sort_keys=True).encode("ascii")
        if len(new) > _LONGEST:
            raise MobiusError(f"An entry of the history may have {_LONGEST} bytes, this one has {len(new)}", folder)
        if len(kept) < len(lines):
            whole = b"".join(line.data + b"\n" for line in kept) + new + b"\n"
            uid, gid = library_owner(library_path)
            with suppress(DurabilityUnknown):
                path = history_path(library_path)
                replace_whole(path, lambda stream: stream.write(whole), owner=uid, group=gid, mode=FILE_MODE)
        else:
            _write_line(library_path, new, len(data) - len(torn))
        head = {"number": entry["number"], "sha256": hashlib.sha256(new).hexdigest()}
        uid, gid = library_owner(library_path)
        with suppress(DurabilityUnknown):
            write_json(_head_path(library_path), head, owner=uid, group=gid)
        return head


def _place(head: Mapping[str, Any], lines: List[_Line], kept: List[_Line]) -> Dict[str, Any]:
    """The members of the next entry that put it in its place.

    They follow the head and the last entry, not the number of lines: an entry that was removed stays missing.
    """
    known = [line.entry for line in lines if line.entry is not None]
    last = known[-1] if known else {"number": 0, "oldest": 1}
    number = max(last["number"], head.get("number", 0))
    is_head = not lines or head.get("number") == number
    previous = head.get("sha256", "") if is_head and head else lines[-1].sha256 if lines else ""
    oldest = last["oldest"] if len(kept) == len(lines) else _number(kept[0].entry, last["oldest"])
    return {"number": number + 1, "previous": previous, "oldest": oldest}


def read_history(library_path: str) -> History:
    """Read and verify the history. A missing one is empty, which is no problem unless its head is there."""
    data = _read(library_path)
    lines, torn = _split(data)
    found = History()
    before: Optional[_Line] = None
    for position, line in enumerate(lines, 1):
        found.problems.extend(_faults(before, line, position))
        if line.entry is not None:
            found.entries.append({**line.entry, "sha256": line.sha256})
        before = line
    if before is not None and before.entry is not None:
        found.problems.extend(_start_faults(lines[0], before.entry))
    found.problems.extend(_end_faults(library_path, before))
    if torn:
        found.notes.append(f"the last {len(torn)} bytes are of a line that was cut off; the next run removes them")
    return found


def _faults(before: Optional[_Line], line: _Line, position: int) -> List[str]:
    """What is wrong between two lines that follow each other."""
    if line.entry is None:
        return [f"line {position} is not an entry: it was changed"]
    if before is None:
        return []
    number, expected = line.entry["number"], _number(before.entry, line.entry["number"] - 1) + 1
    if number < expected:
        return [f"entry {number} at line {position} is out of order"]
    if number > expected:
        return [f"entries {expected} to {number - 1} were removed before line {position}"]
    if line.entry["previous"] != before.sha256:
        return [f"entry {number - 1} was changed, or entry {number} was"]
    return []


def _start_faults(first: _Line, last: Entry) -> List[str]:
    number, oldest = _number(first.entry, last["oldest"]), last["oldest"]
    if number > oldest:
        return [f"entries {oldest} to {number - 1} were removed from the beginning"]
    if number == 1 and first.entry is not None and first.entry["previous"]:
        return ["entry 1 was changed"]
    return []


def _end_faults(library_path: str, last: Optional[_Line]) -> List[str]:
    """A run that is killed between the line and the head leaves the head one behind, which is no fault."""
    head = _head(library_path)
    if not head:
        return [] if last is None else [f"{_head_path(library_path)} is missing or damaged, so the end is not certain"]
    number = 0 if last is None else _number(last.entry, head["number"])
    if number < head["number"]:
        return [f"entries {number + 1} to {head['number']} were removed from the end"]
    if last is None or last.sha256 == head["sha256"]:
        return []
    follows = last.entry is not None and number == head["number"] + 1 and last.entry["previous"] == head["sha256"]
    return [] if follows else [f"entry {number} was changed"]


def _split(data: bytes) -> tuple[List[_Line], bytes]:
    """The whole lines, and what comes after the last line end."""
    whole, _end, torn = data.rpartition(b"\n")
    if not _end:
        return [], torn
    return [_Line(line, _parsed(line)) for line in whole.split(b"\n")], torn


def _parsed(line: bytes) -> Optional[Entry]:
    with suppress(ValueError):
        entry = load_object(line)
        numbered = all(is_whole(entry.get(name), 1) for name in ("number", "oldest"))
        if numbered and isinstance(entry.get("previous"), str) and _is_run(entry):
            return entry
    return None


def _is_run(entry: Entry) -> bool:
    """Whether the members that others read from have their types."""
    job = entry["controller"].get("job") if isinstance(entry.get("controller"), dict) else None
    objects = [*(entry.get(name) for name in ("controller", "counts", "versions", "settings")), job]
    return all(each is None or isinstance(each, dict) for each in objects)


def _number(entry: Optional[Entry], otherwise: int) -> int:
    return otherwise if entry is None else int(entry["number"])


def _read(library_path: str) -> bytes:
    try:
        with open_regular(history_path(library_path), follow=False) as stream:
            data = stream.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    if len(data) > _LIMIT:
        raise MobiusError(
            f"The history is larger than {_LIMIT} bytes, which no run has written",
            history_path(library_path),
            "inspect it, then move it away: the next run begins a new one",
        )
    return data


def _write_line(library_path: str, line: bytes, end: int) -> None:
    """Write after ``end`` bytes, without what a killed run left behind them."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(history_path(library_path), flags, FILE_MODE)
    try:
        give_to_owner(descriptor, library_path)
        os.ftruncate(descriptor, end)
        if os.pwrite(descriptor, line + b"\n", end) <= len(line):
            # A full disk takes a part and reports no error; the head would then name a line that is not there.
            os.ftruncate(descriptor, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), history_path(library_path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _head_path(library_path: str) -> str:
    return str(Path(state_dir(library_path)) / "history.head")


def _head(library_path: str) -> Dict[str, Any]:
    """The head, or an empty dict where it is missing or damaged."""
    with suppress(OSError, ValueError, MobiusError):
        with open_regular(_head_path(library_path), follow=False) as stream:
            head = load_object(stream.read(_LONGEST))
        if is_whole(head.get("number")) and isinstance(head.get("sha256"), str):
            return {"number": head["number"], "sha256": head["sha256"]}
    return {}
