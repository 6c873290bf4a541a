# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration: every image of a library gets its dHash, and nothing else changes."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from ..backups.store import ensure_backup
from ..dhash.versions import versions
from ..errors import MobiusError
from ..library.document import Document, open_document
from ..storage.journal import named_fleet
from ..storage.lock import refuse_if_held, writing
from ..storage.paths import locate_library, refuse_moved, refuse_target
from ..storage.replace import (
    ABSENT,
    ChangedMeanwhile,
    DurabilityUnknown,
    Version,
    read_version,
    replace_whole,
    sweep_temporaries,
)
from ..storage.state import DamagedState, begin, commit, read_current, settle, withdraw
from .block import compose, maker, refuse_foreign, warnings_about
from .edited import Edited
from .last_run import CacheKey, Recalled, cache_key, recall, remember
from .log import counts, log_folder, write_log
from .options import CHANGED, MISSING, Options
from .pictures import Pictures
from .progress import COMPARING, Progress
from .survey import Survey, refuse_failures, refuse_nothing
from .tally import Counts, Tally

MOST_FAILURES = 100
_VERSIONS = ("algorithm", "hash_size", "tool", "pillow", "imagehash", "pillow_heif", "also_pillow", "mode", "also_mode")


@dataclass
class Run:
    """One migration in progress."""

    options: Options
    library: str
    check_mode: bool
    deployment: Optional[str]
    backup_dir: Optional[str]
    log_dir: Optional[str]
    output: Optional[str]
    versions: Dict[str, Optional[str]]
    idle_timeout: float = 0.0
    timeout: float = 0.0
    unchanged_only: bool = False
    warnings: List[str] = field(default_factory=list)


def migrate(
    options: Options,
    *,
    output: Optional[str] = None,
    backup_dir: Optional[str] = None,
    log_dir: Optional[str] = None,
    deployment: Optional[str] = None,
    check_mode: bool = False,
    idle_timeout: float = 0.0,
    timeout: float = 0.0,
    expected_real_path: Optional[str] = None,
    unchanged_only: bool = False,
) -> Dict[str, Any]:
    """Hash the pictures that need it, and edit the library in place, or write the result to ``output``.

    :param unchanged_only: refuse a library that would need a survey, because something has changed since the last run.
    :param idle_timeout: with ``timeout`` (its limit) see :class:`Progress`.
    :returns: what the module ``dhash_migrate`` documents.
    :raises MobiusError: before any byte is written, if the run is impossible or too many pictures fail.
    """
    options.check()
    refuse_moved(options.path, expected_real_path)
    library = locate_library(options.path)
    made_with = {**versions(), "mode": options.mode}
    run = Run(
        options,
        library,
        check_mode,
        deployment,
        backup_dir,
        log_dir,
        output,
        made_with,
        idle_timeout=idle_timeout,
        timeout=timeout,
        unchanged_only=unchanged_only,
    )
    if output is not None:
        refuse_target(output, options.path, "The output")
    if check_mode:
        refuse_if_held(run.library, deployment)
        return _run(run)
    with writing(run.library, deployment, required=output is None):
        if output is None:
            sweep_temporaries(run.library)
        return _run(run)


def _run(run: Run) -> Dict[str, Any]:
    with open_document(run.library) as document:
        version = _version(document, run.library)
        wanted = cache_key(run.options, run.versions)
        # Shared, so that a stop during the first pass also prevents the second.
        with _progress(run, document) as progress:
            recalled = _recalled(run, wanted, version, progress)
            if recalled is not None:
                return _unchanged(run, recalled, version)
            if run.unchanged_only:
                raise MobiusError("Something has changed since the last run", run.library, "migrate the library")
            survey = _surveyed(run, document, progress)
        tally = survey.tally
        refuse_foreign(document)
        rooted = document.root is not None
        former = document.block if rooted else _versions_in_state(run, version)
        _judge(run, tally)
        block = compose(former, run.versions, tally, all_looked_at=run.options.rehash != MISSING)
        edited = Edited(document, run.options, tally, survey.positions, block)
        result = _result(run, tally, version, former)
        if run.output is not None:
            result.update(_to_output(run, edited, tally, version, run.output))
        elif tally.changed:
            result.update(_in_place(run, edited, tally, version))
        else:
            result.update(_adopt(run, document.block or {}, tally, version))
        if not (run.check_mode or run.output is not None or run.options.rehash == MISSING):
            found = {"rooted": rooted, "block": edited.block if tally.changed else document.block}
            remember(run.library, wanted, result["sha256_after"], tally, survey.seen, found)
    return result


def _result(run: Run, tally: Counts, version: Version, former: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    run.warnings += warnings_about(former, run.versions, tally)
    return {
        "changed": tally.changed > 0,
        **counts(tally),
        "failures": list(tally.failures)[:MOST_FAILURES],
        "metrics": tally.metrics(),
        "hash_times": tally.hash_times(),
        "versions": run.versions,
        "sha256_before": version.sha256,
        "sha256_after": version.sha256,
        "adopted": False,
        "log": None,
        "warnings": run.warnings,
        "diff": _diff(run, tally),
    }


def _recalled(run: Run, wanted: CacheKey, version: Version, progress: Progress) -> Optional[Recalled]:
    """Return the result of the last run if nothing has changed since."""
    if run.output is not None or run.options.rehash != CHANGED:
        return None
    most = run.options.max_failure_rate
    return recall(run.library, wanted, version.sha256, most, lambda: progress.update(Counts(), COMPARING))


def _unchanged(run: Run, recalled: Recalled, version: Version) -> Dict[str, Any]:
    former = recalled.block if recalled.rooted else _versions_in_state(run, version)
    return {**_result(run, recalled, version, former), **_adopt(run, recalled.block or {}, recalled, version)}


def _surveyed(run: Run, document: Document, progress: Progress) -> Survey:
    """Run the first pass with the index of pictures."""
    pictures = Pictures(run.library, maker(run.versions), write=not run.check_mode)
    try:
        survey = Survey(document, run.options, pictures, progress.update)
        survey.run()
        return survey
    finally:
        pictures.close()
        run.warnings += pictures.warnings


@contextmanager
def _progress(run: Run, document: Document) -> Iterator[Progress]:
    write = not run.check_mode
    progress = Progress(
        run.library, document, run.deployment, write=write, idle_timeout=run.idle_timeout, limit=run.timeout
    )
    try:
        yield progress
    finally:
        progress.end()


def _version(document: Document, library: str) -> Version:
    version = read_version(library)
    facts = os.fstat(document.descriptor)
    if (facts.st_dev, facts.st_ino, facts.st_size) != (version.device, version.inode, version.size):
        raise ChangedMeanwhile("The library was replaced while it was being opened", library, "run again")
    return version


def _versions_in_state(run: Run, version: Version) -> Optional[Dict[str, Any]]:
    """Return the versions of the existing hashes from the state, for a document without a block."""
    try:
        current = read_current(run.library, version.sha256) or {}
    except DamagedState as error:
        run.warnings.append(str(error))
        return None
    former = current.get("versions")
    return former if isinstance(former, dict) else None


def _judge(run: Run, tally: Tally) -> None:
    """
    :raises MobiusError: no picture was found, or too many failed.
    """
    options = run.options
    refuse_nothing(options, tally)
    refused = refuse_failures(options, tally)
    if refused is not None:
        log = _logged(run, tally, {"result": "stopped, too many failures; nothing was changed"})
        raise MobiusError(refused.what, log or options.path, refused.remedy)


def _state(run: Run, tally: Counts, block: Dict[str, Any]) -> Dict[str, Any]:
    fleet = named_fleet()
    return {
        "deployment": run.deployment,
        **({"fleet": fleet} if fleet else {}),
        "status": "deployed",
        "metrics": tally.metrics(),
        "items": tally.items,
        "with_dhash": tally.with_dhash,
        "migrated_at": block.get("migrated_at"),
        "versions": {name: block[name] for name in _VERSIONS if name in block},
    }


def _adopt(run: Run, block: Dict[str, Any], tally: Counts, version: Version) -> Dict[str, Any]:
    """Update the state of a library that needs no edit, if the state has other bytes or none.

    The library becomes its own rollback target, because a run that changed nothing has nothing to roll back.
    """
    try:
        current = read_current(run.library, version.sha256) or {}
    except DamagedState as error:
        run.warnings.append(str(error))
        return {}
    if current.get("sha256") == version.sha256:
        if not run.check_mode:
            _noted(run, lambda: settle(run.library, version.sha256))
        return {}
    if run.check_mode:
        return {"adopted": True}
    backup = ensure_backup(run.options.path, run.backup_dir, version, deployment=run.deployment)
    state = {**_state(run, tally, block), "backup": {"path": backup.path, "sha256": backup.sha256}}
    begin(run.library, {**state, "sha256": version.sha256}, actual_sha256=version.sha256)
    commit(run.library)
    return {"adopted": True, "backup": backup.facts()}


def _in_place(run: Run, edited: Edited, tally: Tally, version: Version) -> Dict[str, Any]:
    if run.check_mode:
        return {"sha256_after": None}
    backup = ensure_backup(run.options.path, run.backup_dir, version, deployment=run.deployment)
    state = {**_state(run, tally, edited.block), "backup": {"path": backup.path, "sha256": backup.sha256}}
    state["replaced"] = version.sha256

    def prove(temporary: str, written: Version) -> None:
        try:
            edited.prove(temporary, written.sha256)
        except MobiusError as error:
            if read_version(run.library).sha256 == version.sha256:
                raise
            what = "The library was edited in place while it was being migrated"
            raise ChangedMeanwhile(what, run.library, "run again; that edit was kept") from error
        note = {**state, "sha256": written.sha256}
        try:
            begin(run.library, note, actual_sha256=version.sha256)
        except DurabilityUnknown as error:
            what = "The state of the deployment cannot be made durable, so nothing was changed"
            raise MobiusError(what, error.where, error.remedy) from error

    try:
        after = replace_whole(run.library, edited.write, expected=version, before_rename=prove)
    except ChangedMeanwhile:
        # The library holds another program's edit, which a rollback must not mistake for ours.
        with suppress(OSError, MobiusError):
            withdraw(run.library)
        raise
    except DurabilityUnknown:
        _noted(run, lambda: commit(run.library))
        raise
    _noted(run, lambda: commit(run.library))
    facts = {"sha256_before": version.sha256, "sha256_after": after.sha256, "backup": backup.path}
    return {
        "sha256_after": after.sha256,
        "backup": backup.facts(),
        "log": _logged(run, tally, {**facts, **run.versions, "result": "migrated"}),
    }


def _noted(run: Run, write: Callable[[], Any]) -> None:
    """Update the state; on failure, the pending state from ``begin`` still matches the library's hash."""
    try:
        write()
    except (OSError, MobiusError) as error:
        run.warnings.append(f"The state of the deployment could not be completed; the next run completes it: {error}")


def _to_output(run: Run, edited: Edited, tally: Tally, version: Version, output: str) -> Dict[str, Any]:
    result = {"output": output, "changed": True, "sha256_after": None}
    existing = read_version(output) if Path(output).exists() else None
    if existing is not None and _is_as(edited, output, existing.sha256):
        return {**result, "changed": False, "sha256_after": existing.sha256}
    if run.check_mode:
        return result
    sweep_temporaries(output)
    after = replace_whole(
        output,
        edited.write,
        expected=existing or ABSENT,
        before_rename=lambda temporary, written: edited.prove(temporary, written.sha256),
    )
    facts = {"sha256_before": version.sha256, "sha256_after": after.sha256, "output": output}
    log = _logged(run, tally, {**facts, **run.versions, "result": "written elsewhere, the library is untouched"})
    return {**result, "sha256_after": after.sha256, "log": log}


def _is_as(edited: Edited, output: str, sha256: str) -> bool:
    """Whether a file equals the result, except for the time in its block."""
    with suppress(MobiusError), open_document(output) as document:
        block = document.block or {}
        if "migrated_at" in block:
            edited = edited.at(str(block["migrated_at"]))
    return edited.sha256() == sha256


def _logged(run: Run, tally: Tally, facts: Dict[str, Any]) -> Optional[str]:
    if run.check_mode:
        return None
    try:
        return write_log(log_folder(run.options.path, run.log_dir), "migration", run.options.path, tally, facts)
    except (OSError, MobiusError) as error:
        # The migration is complete, and its result has the same data.
        run.warnings.append(f"The log could not be written: {error}")
        return None


def _diff(run: Run, tally: Counts) -> Dict[str, str]:
    """Return a diff of the first items that change, not of the whole library."""
    shown = list(tally.changes)
    more = f"... and {tally.changed - len(shown)} more items\n" if tally.changed > len(shown) else ""
    return {
        "before_header": run.options.path,
        "after_header": run.output or run.options.path,
        "before": "".join(before for before, _unused in shown) + more,
        "after": "".join(after for _unused, after in shown) + more,
    }
