# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cache of the last run in ``last-run`` beside the library: if nothing has changed, the next run has the same result.

It compares the library's SHA-256, the options, the versions, the index of pictures, and the identity of every picture;
every folder, link and missing picture is checked again. The file may be removed at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from ..errors import MobiusError
from ..storage.images import ImageRoot, Look
from ..storage.paths import state_dir
from ..storage.replace import FILE_MODE, open_regular
from ..storage.state import library_owner
from ..version import VERSION
from .block import maker
from .locate import Refusal, locate
from .options import Options
from .pictures import NAME as INDEX
from .pictures import identity
from .tally import Counts, Tally

NAME = "last-run"
_FORM = 2
_BLOCK = 4096
_MOST_MET = 1 << 16
# A damaged file may hold anything. Its lines are long, and go to the parser as they are.
_DAMAGED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: Options that do not affect outcomes, or are compared in another form.
_ELSEWHERE = ("path", "image_root", "workers", "max_failure_rate", "rehash")


class Recalled(Counts):
    """The cached result of the last run.

    ``block`` is the document's; ``rooted``: whether the document can have one.
    """

    def __init__(self, facts: Dict[str, Any]) -> None:
        super().__init__()
        for name in self.NAMES:
            setattr(self, name, facts["counts"][name])
        self.failures = facts["failures"]
        self._metrics: Dict[str, Optional[float]] = facts["metrics"]
        # Earlier versions did not keep them.
        self._hash_times: Dict[str, List[int]] = facts.get("hash_times") or {}
        self.block: Optional[Dict[str, Any]] = facts["block"]
        self.rooted: bool = facts["rooted"]

    def metrics(self) -> Dict[str, Optional[float]]:
        return dict(self._metrics)

    def hash_times(self) -> Dict[str, List[int]]:
        return dict(self._hash_times)


class CacheKey(NamedTuple):
    """Everything but the pictures that determines an outcome, as JSON values, and the image root."""

    facts: Dict[str, Any]
    root: ImageRoot


def cache_key(options: Options, versions: Dict[str, Optional[str]]) -> CacheKey:
    root = ImageRoot(options.root)
    given = {name: value for name, value in asdict(options).items() if name not in _ELSEWHERE}
    facts = {**given, "items": list(options.items or ()), "root": root.names, "maker": maker(versions)}
    return CacheKey({**facts, "versions": versions, "tool": VERSION, "form": _FORM}, root)


class Seen:
    """A run's observations of the pictures, in the form in which they are stored.

    They are the facts that the run itself used, so the next run detects later changes.
    """

    def __init__(self) -> None:
        #: False once the index does not keep a picture's outcome, because the next run then hashes it again.
        self.durable = True
        self._lines: List[bytes] = []
        self._met: Set[str] = set()
        self._paths: List[str] = []
        self._signs: List[str] = []
        self._folders: List[Tuple[str, str]] = []
        self._others: List[Tuple[str, Any]] = []

    def folder(self, folder: str, real: str) -> None:
        self._folders.append((folder, real))
        if len(self._folders) >= _BLOCK:
            self._flush()

    def picture(self, path: str, identity_now: str) -> None:
        """Note a picture whose reference does not end in a link."""
        met = self._met
        if path in met:
            return
        if len(met) >= _MOST_MET:
            met.clear()
        met.add(path)
        self._paths.append(path)
        self._signs.append(identity_now)
        if len(self._paths) >= _BLOCK:
            self._flush()

    def other(self, reference: str, found: Union[Look, Refusal]) -> None:
        """Note a link, or why the picture is missing."""
        name = f"\0{reference}"
        if name in self._met:
            return
        if len(self._met) >= _MOST_MET:
            self._met.clear()
        self._met.add(name)
        self._others.append((reference, _outcome(found)))
        if len(self._others) >= _BLOCK:
            self._flush()

    def lines(self) -> List[bytes]:
        self._flush()
        return self._lines

    def _flush(self) -> None:
        under = os.path.commonprefix([min(self._paths), max(self._paths)]) if self._paths else ""
        names = [path[len(under) :] for path in self._paths]
        block = [self._folders, self._others, under, names, _digest(self._signs)]
        self._lines.append(json.dumps(block).encode("ascii") + b"\n")
        self._folders, self._others, self._paths, self._signs = [], [], [], []


def remember(library: str, wanted: CacheKey, sha256: str, tally: Tally, seen: Seen, found: Dict[str, Any]) -> None:
    """Store the observations and the result of a run for a library that it would not change again.

    :param found: ``block`` and ``rooted``.
    """
    index = _index(library)
    if not seen.durable or index is None:
        return
    lines = seen.lines()
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    counts = {name: getattr(tally, name) for name in Counts.NAMES}
    facts = {
        "asked": wanted.facts,
        "sha256": sha256,
        "index": index,
        "body": digest.hexdigest(),
        "counts": {**counts, "hashed": 0, "unchanged": tally.hashed + tally.unchanged, "changed": 0},
        "failures": list(tally.failures),
        "metrics": tally.metrics(),
        "hash_times": tally.hash_times(),
        **found,
    }
    with suppress(OSError):
        _write(library, json.dumps(facts).encode("ascii"), lines)


def _write(library: str, head: bytes, lines: Iterable[bytes]) -> None:
    path = str(Path(state_dir(library)) / NAME)
    temporary = f"{path}.tmp"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(temporary, flags, FILE_MODE), "wb") as stream:  # noqa: PTH123
        os.fchmod(stream.fileno(), FILE_MODE)
        uid, gid = library_owner(library)
        if uid != -1:
            os.fchown(stream.fileno(), uid, gid)
        stream.write(hashlib.sha256(head).hexdigest().encode("ascii") + b" " + head + b"\n")
        stream.writelines(lines)
    # Not durable: a file damaged by a power cut does not match its hash.
    os.replace(temporary, path)


def recall(
    library: str, wanted: CacheKey, sha256: str, max_failure_rate: float, on_progress: Callable[[], None]
) -> Optional[Recalled]:
    """Return the result that a run would have; None if anything has changed.

    :param on_progress: called periodically; its exceptions end the run.
    """
    raised: List[MobiusError] = []

    def report_progress() -> None:
        try:
            on_progress()
        except MobiusError as error:
            raised.append(error)
            raise

    with (
        suppress(OSError, MobiusError, *_DAMAGED),
        open_regular(str(Path(state_dir(library)) / NAME), follow=False) as raw,
    ):
        lines = iter(io.BufferedReader(raw, 1 << 20))
        facts = _head(next(lines, b""))
        if facts["asked"] != wanted.facts or facts["sha256"] != sha256 or facts["index"] != _index(library):
            return None
        recalled = Recalled(facts)
        if recalled.failure_rate <= max_failure_rate and _stands(lines, wanted.root, facts["body"], report_progress):
            return recalled
    if raised:
        raise raised[0]
    return None


def _head(line: bytes) -> Dict[str, Any]:
    sha256, _space, text = line.rstrip(b"\n").partition(b" ")
    if hashlib.sha256(text).hexdigest().encode("ascii") != sha256:
        raise ValueError
    facts: Dict[str, Any] = json.loads(text)
    return facts


def _stands(lines: Iterator[bytes], root: ImageRoot, body: str, on_progress: Callable[[], None]) -> bool:
    digest = hashlib.sha256()
    lstat = os.lstat
    for line in lines:
        digest.update(line)
        folders, others, under, names, signs = json.loads(line)
        if any(os.path.realpath(folder) != real for folder, real in folders):
            return False
        if any(_outcome(locate(root, reference)) != outcome for reference, outcome in others):
            return False
        if _digest([identity(lstat(under + name)) for name in names]) != signs:
            return False
        on_progress()
    return digest.hexdigest() == body


def _outcome(found: Union[Look, Refusal]) -> List[str]:
    """Convert the result of ``locate`` to JSON values."""
    if isinstance(found, Refusal):
        return [found.code, found.text]
    return [found.path, identity(found.facts)]


def _digest(signs: List[str]) -> str:
    return hashlib.blake2b("\n".join(signs).encode("ascii"), digest_size=16).hexdigest()


def _index(library: str) -> Optional[List[int]]:
    """Return the identity of the index of pictures; removing or replacing the index means hashing again.

    None also if a run left it with a journal, because the next run must open it.
    """
    path = str(Path(state_dir(library)) / INDEX)
    with suppress(OSError):
        facts = os.lstat(path)
        return None if os.path.lexists(f"{path}-journal") else [facts.st_ino, facts.st_size, facts.st_mtime_ns]
    return None
