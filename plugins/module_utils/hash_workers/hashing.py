# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hash worker's step: hash the pictures of a share and write the results."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple

from ..errors import MobiusError
from ..migration.hashing import hash_pictures, keepable, made_with
from ..migration.locate import Refusal, locate
from ..migration.options import Options
from ..migration.progress import Cancelled, Progress
from ..migration.tally import Counts
from ..storage.images import ImageRoot
from ..storage.paths import state_dir
from .files import FORM, InvalidShare, Result, head, share_rows, unpack, write_line, write_result, writing


class Facts(NamedTuple):
    """A picture: the number of its row, size in bytes, mtime in ns, and the file to remove once it is hashed."""

    number: int
    size: int
    mtime_ns: Optional[int]
    extracted: Optional[str]


class _Whole:
    """A document that has been read to its end, because a share has no size to measure progress by."""

    size = read = 1


def hash_share(
    options: Options,
    results: str,
    *,
    pack: Optional[str] = None,
    idle_timeout: float = 0.0,
    deadline: float = 0.0,
) -> Dict[str, Any]:
    """Hash the share ``options.path``; returns the result of ``dhash_share_hash``.

    :param results: the file to write; complete when this returns.
    :param pack: a tar with the pictures; without one they are under ``options.image_root``.
    :param idle_timeout: seconds without a query for progress after which this gives up, 0 for never.
    :param deadline: seconds after which no further picture is started, 0 for none.
    """
    # Packed pictures need no image root, and this host may have none.
    options = options if pack is None else replace(options, image_root=None)
    options.check()
    maker = made_with(options)
    first = head(options.path)
    counts = Counts()
    counts.items = sum(1 for _unused in share_rows(options.path))
    os.makedirs(state_dir(options.path), mode=0o700, exist_ok=True)
    progress = Progress(options.path, _Whole(), None, write=True, idle_timeout=idle_timeout)
    run = _Run(options, counts, progress, time.monotonic() + deadline if deadline else None)
    started = time.monotonic()
    try:
        with writing(results) as lines, tempfile.TemporaryDirectory(dir=Path(options.path).parent) as folder:
            write_line(lines, {"form": FORM, "maker": maker, "worker": first.get("worker")})
            for result in run.results(run.found() if pack is None else run.sent(pack, folder)):
                write_result(lines, result)
            write_line(lines, {"end": True})
    except Cancelled:
        progress.end()
        _forget(options.path, pack, results)
        raise
    finally:
        progress.end()
    return {
        "changed": True,
        "pictures": counts.items,
        "hashed": counts.hashed,
        "failed_pictures": counts.failed - run.missing,
        "missing": run.missing,
        "left": counts.items - counts.hashed - counts.failed,
        "seconds": round(time.monotonic() - started, 1),
        "dest": results,
    }


def _forget(share: str, *files: Optional[str]) -> None:
    """Remove the files that the play copied here, because the play has ended."""
    for path in (share, *files):
        with suppress(OSError):
            os.unlink(path or "")
    for folder in (state_dir(share), os.path.dirname(share)):
        # A folder with foreign files stays.
        with suppress(OSError):
            os.rmdir(folder)


class _Run:
    def __init__(self, options: Options, counts: Counts, progress: Progress, until: Optional[float]) -> None:
        self._options = options
        self._counts = counts
        self._progress = progress
        self._until = until
        #: Pictures that are missing or differ in size from the owner's host.
        self.missing = 0

    def results(self, tasks: Iterator[Tuple[Facts, str]]) -> Iterator[Result]:
        outcomes = hash_pictures(tasks, self._options, lambda _unused: self._progress.update(self._counts))
        try:
            for outcome in outcomes:
                number, size, mtime_ns, extracted = outcome.key
                if extracted is not None:
                    os.unlink(extracted)
                if outcome.dhash is None:
                    self._counts.failed += 1
                else:
                    self._counts.hashed += 1
                yield Result(number, size, mtime_ns, keepable(outcome))
        finally:
            # Ends the processes now, not at garbage collection.
            getattr(outcomes, "close", lambda: None)()

    def found(self) -> Iterator[Tuple[Facts, str]]:
        """The pictures under this host's image root that have the size of the owner's."""
        root = ImageRoot(self._options.root)
        for number, row in enumerate(share_rows(self._options.path)):
            if not self._in_time():
                return
            there = locate(root, row.path)
            if isinstance(there, Refusal) or there.facts.st_size != row.size:
                self._miss()
                continue
            yield Facts(number, row.size, there.facts.st_mtime_ns, None), there.path

    def sent(self, pack: str, folder: str) -> Iterator[Tuple[Facts, str]]:
        """The packed pictures, each extracted when it is needed."""
        last = -1
        try:
            for number, path, size in unpack(pack, folder):
                if not self._in_time():
                    return
                if not last < number < self._counts.items:
                    raise InvalidShare(f"picture {number} follows {last} of {self._counts.items}")
                self._miss(number - last - 1)
                last = number
                yield Facts(number, size, None, path), path
            self._miss(self._counts.items - last - 1)
        except InvalidShare as error:
            what = f"The packed pictures cannot be read ({error})"
            raise MobiusError(what, pack, "run hash_ahead.yml again") from error

    def _miss(self, count: int = 1) -> None:
        self.missing += count
        self._counts.failed += count

    def _in_time(self) -> bool:
        return self._until is None or time.monotonic() < self._until
