# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predict a migration from a survey of all items and the hashes of a sample."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

from ..clock import timestamp
from ..dhash.versions import versions
from ..engine.pool import processors
from ..errors import MobiusError
from ..library.document import Document, open_document
from ..library.fields import DHASH, is_dhash
from ..storage.paths import locate_library, refuse_target
from ..storage.replace import ABANDONED_SECONDS, read_version, sweep_temporaries, write_json
from ..storage.state import library_owner
from ..text import format_duration, printable
from ..version import VERSION
from .block import maker, refuse_foreign
from .last_run import CacheKey, cache_key, recall
from .log import counts, log_folder, write_log
from .options import CHANGED, Options
from .pictures import Pictures
from .projection import Sample, hashing_seconds
from .survey import Entry, Survey, refuse_failures, refuse_nothing
from .tally import Counts, Tally

MOST_FAILURES = 100
#: Passes of a migration over the document, relative to the dry run's single one: edit, compare, prove, hash.
_PASSES = 6.0
_MOST_TWINS = 1000
#: The sample ends after this many seconds, because large photos could take as long as their migration.
_SAMPLE_SECONDS = 20.0


def dry_run(
    options: Options,
    *,
    report: Optional[str] = None,
    sample: int = 200,
    log_dir: Optional[str] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Survey every item, hash at most ``sample`` evenly spaced pictures, and write the report and a log.

    :param report: ``migrate-dryrun.json`` beside the library when None.
    :returns: the report, with ``report``, ``log`` and ``warnings``.
    :raises MobiusError: the migration would be refused at once, or the report would replace the library or a backup.
    """
    options.check()
    if sample < 1:
        raise MobiusError(f"Invalid sample: {sample}, must be 1 or more")
    library = locate_library(options.path)
    report = report or str(Path(options.path).absolute().parent / "migrate-dryrun.json")
    refuse_target(report, options.path, "The report")
    made_with = {**versions(), "mode": options.mode}
    sha256 = read_version(library).sha256
    with open_document(library) as document:
        look = _Look(document, options, Pictures(library, maker(made_with), write=False), sample)
        found = look.back(library, cache_key(options, made_with), sha256) or look.run()
        if isinstance(look.tally, Tally):
            refuse_foreign(document)
    refuse_nothing(options, look.tally)
    result = {
        "library": options.path,
        "sha256": sha256,
        "made_at": timestamp(),
        "tool": f"mobius.dhash {VERSION}",
        **made_with,
        **found,
    }
    log = None
    if not check_mode:
        uid, gid = library_owner(library)
        # The dry run takes no lock, so another one may be writing the report.
        sweep_temporaries(report, idle=ABANDONED_SECONDS)
        write_json(report, result, owner=uid, group=gid)
        facts = {name: found[name] for name in ("projected_seconds", "would_change", "expected_failure_rate")}
        log = write_log(log_folder(options.path, log_dir), "dry-run", options.path, look.tally, facts)
    shown = lines(result, None if check_mode else report)
    return {"changed": False, **result, "lines": shown, "report": report, "log": log, "warnings": look.warnings}


def lines(result: Dict[str, Any], report: Optional[str]) -> List[str]:
    """Format the result.

    :param report: path of the report, if it was written.
    """
    expected, limit = result["expected_failure_rate"], result["max_failure_rate"]
    by = "" if result["exact"] else f" from a sample of {result['sampled']}"
    # A sample alone never refuses a migration: too few of its failures are certain.
    over = ": EXCEEDED, THE MIGRATION MAY FAIL" if expected > limit and not result["would_fail"] else ""
    shown = [
        f"items     {result['item_count']}: {result['to_hash']} to hash, {result['unchanged']} as before, "
        f"{result['failed_items']} known to get no dHash, {result['would_change']} to edit",
        f"failures  {expected:.2f} % expected{by}, the limit is {limit:g} %{over}",
        f"time      about {format_duration(max(1.0, result['projected_seconds']))} for the migration",
    ]
    return [printable(line) for line in [*shown, *([f"report    {report}"] if report else [])]]


class _Look:
    def __init__(self, document: Document, options: Options, pictures: Pictures, most: int) -> None:
        self._options = options
        self._pictures = pictures
        self._survey = Survey(document, options, pictures, lambda _unused: None)
        self._most = most
        self._picked: Dict[bytes, List[Entry]] = {}
        self._every = 1
        self._keys: Set[bytes] = set()
        self._bytes = 0
        self._waiting = self._unhashed = 0
        self.tally: Counts = self._survey.tally
        self.warnings: List[str] = []

    def back(self, library: str, wanted: CacheKey, sha256: str) -> Optional[Dict[str, Any]]:
        """Return the result of :meth:`run` from the last migration; None if anything has changed since."""
        if self._options.rehash != CHANGED:
            return None
        started = time.monotonic()
        recalled = recall(library, wanted, sha256, 100.0, lambda: None)
        if recalled is None:
            return None
        self._pictures.close()
        self.tally = recalled
        return self._report([], time.monotonic() - started)

    def run(self) -> Dict[str, Any]:
        started = time.monotonic()
        try:
            for entry in self._survey.unsettled():
                self._meet(entry)
            read = time.monotonic()
            samples = self._survey.hash_some(_spread(list(self._picked.values()), self._most), _SAMPLE_SECONDS)
            hashed = time.monotonic()
        finally:
            self._pictures.close()
            self.warnings += self._pictures.warnings
        workers = self._options.workers or processors()
        ideal = sum(each.seconds for each in samples) / max(1, min(workers, len(samples)))
        # Time that processes take to start, and to wait for each other.
        beside = max(0.0, hashed - read - ideal)
        hashing = hashing_seconds(samples, len(self._keys), self._bytes, workers)
        return self._report(samples, hashing + beside + _PASSES * (read - started))

    def _meet(self, entry: Entry) -> None:
        """Count a picture to hash, and keep every n-th of them."""
        self._waiting += 1
        self._unhashed += not is_dhash(entry.owned.get(DHASH))
        if entry.key in self._keys:
            group = self._picked.get(entry.key)
            if group is not None and len(group) < _MOST_TWINS:
                group.append(entry)
            return
        if len(self._keys) % self._every == 0:
            self._picked[entry.key] = [entry]
        self._keys.add(entry.key)
        self._bytes += entry.size
        if len(self._picked) >= 2 * self._most:
            self._picked = dict(list(self._picked.items())[::2])
            self._every *= 2

    def _report(self, samples: List[Sample], seconds: float) -> Dict[str, Any]:
        tally = self.tally
        seen = sum(each.items for each in samples)
        failed = sum(each.items for each in samples if each.failed)
        rest = self._waiting - seen
        unhashed = self._unhashed - sum(each.unhashed for each in samples)
        expected = tally.failed + (rest * failed / seen if seen else 0.0)
        rate = 100.0 * expected / tally.with_picture if tally.with_picture else 0.0
        # Only certain failures refuse the migration, not extrapolated ones.
        refusal = refuse_failures(self._options, tally, sum(each.transient for each in samples))
        numbers = counts(tally)
        del numbers["hashed"], numbers["changed_items"]
        return {
            **numbers,
            "to_hash": self._waiting,
            "pictures_to_hash": len(self._keys),
            "bytes_to_read": self._bytes,
            "sampled": len(samples),
            "exact": rest == 0,
            "projected_seconds": round(seconds, 3),
            "would_change": tally.changed + unhashed,
            "may_change": rest - unhashed,
            "expected_failure_rate": round(rate, 3),
            "max_failure_rate": self._options.max_failure_rate,
            "would_fail": refusal is not None,
            "refusal": refusal.what if refusal else "",
            "failures": list(tally.failures)[:MOST_FAILURES],
        }


def _spread(groups: List[List[Entry]], most: int) -> List[List[Entry]]:
    """Return at most this many of them, evenly spaced; any prefix of the result is evenly spread too."""
    if len(groups) > most:
        groups = [groups[number * len(groups) // most] for number in range(most)]
    # The golden ratio places each element far from the earlier ones.
    return [groups[number] for number in sorted(range(len(groups)), key=lambda number: number * 0.618034 % 1)]
