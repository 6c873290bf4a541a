# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner's last step: merge the results of the hash workers into the index of pictures, after checking them.

Results that are rejected only cost time: the migration hashes every picture that is not in the index.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from ..errors import MobiusError
from ..migration.hashing import hash_pictures, made_with
from ..migration.options import Options
from ..migration.pictures import Pictures, identity, key_of
from ..storage.paths import locate_library, state_dir
from ..text import printable
from .assignment import Reservoir
from .files import InvalidShare, Result, Row, head, results, share_rows
from .plan import PREFIX


class Sampled(NamedTuple):
    """A picture to hash again: its path, its row in the share, and the worker's result."""

    path: str
    row: Row
    result: Result


def merge(options: Options, folder: str, *, sample: int = 20, check_mode: bool = False) -> Dict[str, Any]:
    """Merge the results in a folder that ``plan`` made, and remove it; returns the result of ``dhash_share_merge``.

    :param sample: pictures of each share that are hashed again here; one that differs rejects the whole share.
    """
    options.check()
    library = locate_library(options.path)
    _refuse_other_folders(library, folder)
    pictures = Pictures(library, made_with(options), write=not check_mode)
    run = _Merge(options, pictures, sample)
    try:
        for number in sorted(int(path.stem) for path in Path(folder).glob("*.share")):
            run.take(f"{folder}/{number}.share", f"{folder}/{number}.results")
    finally:
        pictures.close()
    if not check_mode:
        shutil.rmtree(folder)
    merged = sum(each["merged"] for each in run.workers)
    return {
        "changed": merged > 0,
        "merged": merged,
        "left": sum(each["pictures"] for each in run.workers) - merged,
        "workers": run.workers,
        "warnings": run.warnings + pictures.warnings,
    }


def _refuse_other_folders(library: str, folder: str) -> None:
    """Guard the removal at the end."""
    given = Path(os.path.realpath(folder))
    if given.parent != Path(state_dir(library)) or not given.name.startswith(PREFIX) or not given.is_dir():
        raise MobiusError(
            "Not a folder of shares of this library", folder, "name the folder that dhash_share_plan made"
        )


class _Merge:
    def __init__(self, options: Options, pictures: Pictures, sample: int) -> None:
        self._options = options
        self._pictures = pictures
        self._sample = sample
        self._root = os.path.realpath(options.root)
        self.workers: List[Dict[str, Any]] = []
        self.warnings: List[str] = []

    def take(self, share: str, found: str) -> None:
        first = head(share)
        count = sum(1 for _unused in share_rows(share))
        report = {"worker": first["worker"], "pictures": count, "merged": 0, "refused": ""}
        self.workers.append(report)
        try:
            self._judge(share, found, first, count)
        except InvalidShare as error:
            report["refused"] = printable(str(error), 300)
            name = first["worker"] or "this host"
            self.warnings.append(
                f"The results of {name} are rejected, so its {count} pictures are hashed here: {report['refused']}"
            )
            return
        for row, result in self._good(share, found, count):
            report["merged"] += self._pictures.keep(key_of(self._path(row)), row.identity, result.kept)

    def _judge(self, share: str, found: str, first: Dict[str, Any], count: int) -> None:
        """
        :raises InvalidShare: the results are missing, or not all of them are right.
        """
        if not Path(found).exists():
            raise InvalidShare("no results")
        maker = head(found).get("maker")
        if maker != first["maker"] or maker != made_with(self._options):
            raise InvalidShare(f"it hashed with {maker}, this host with {made_with(self._options)}")
        sample: Reservoir[Sampled] = Reservoir(self._sample)
        for row, result in self._good(share, found, count):
            sample.offer(Sampled(self._path(row), row, result))
        self._hash_again(sample.chosen)

    def _good(self, share: str, found: str, count: int) -> Iterator[Tuple[Row, Result]]:
        """The hashed pictures whose file is the one that this host saw."""
        rows = enumerate(share_rows(share))
        for result in results(found, count):
            row = next((row for number, row in rows if number == result.number), None)
            if row is None:
                raise InvalidShare("it has results of pictures that were not in its share")
            if result.kept.dhash is not None and _same(row, result):
                yield row, result

    def _hash_again(self, sample: List[Sampled]) -> None:
        tasks = ((each, each.path) for each in sample if _unchanged(each))
        for outcome in list(hash_pictures(tasks, self._options)):
            each: Sampled = outcome.key
            theirs = each.result.kept
            equal = (outcome.dhash, tuple(outcome.reasons)) == (theirs.dhash, theirs.reasons)
            if (not equal or abs(outcome.confidence - theirs.confidence) > 1e-9) and _unchanged(each):
                raise InvalidShare(f"{each.row.path} has the dHash {outcome.dhash} here and {theirs.dhash} there")

    def _path(self, row: Row) -> str:
        return os.path.normpath(f"{self._root}/{row.path}")


def _unchanged(each: Sampled) -> bool:
    try:
        return identity(os.stat(each.path)) == each.row.identity
    except OSError:
        return False


def _same(row: Row, result: Result) -> bool:
    """Whether a worker saw the file that the owner saw, by size and mtime."""
    return row.size == result.size and (result.mtime_ns is None or _same_time(row.mtime_ns, result.mtime_ns))


def _same_time(mine: int, theirs: int) -> bool:
    """Equal at the coarser resolution of the two: not every file system keeps nanoseconds."""
    step = max(_step(mine), _step(theirs))
    return mine // step == theirs // step


def _step(moment: int) -> int:
    return next(step for step in (10**9, 10**6, 1000, 100, 1) if moment % step == 0)
