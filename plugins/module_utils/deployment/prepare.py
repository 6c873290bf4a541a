# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight, lock and backup in one call: what has to be true before a migration may begin."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..backups import validity
from ..backups.store import create_backup
from ..errors import MobiusError, failure
from ..gate.before import refuse_unhealthy
from ..migration.apply import migrate
from ..migration.options import CHANGED, Options
from ..storage.journal import begin_run, read_run, undone, unfinished
from ..storage.lock import acquire
from ..storage.replace import read_version
from .held import lock_info, waited
from .preflight import preflight

STEPS = ("preflight", "lock", "backup")


def prepare(
    path: str,
    *,
    run: Mapping[str, Any],
    steps: Sequence[str],
    check: Mapping[str, Any],
    lock: Mapping[str, Any],
    backup_dir: str,
    health: Optional[Mapping[str, Any]] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Do ``steps``, in this order whatever theirs.

    :param run: ``id`` and ``kind``, as the journal on the host keeps them.
    :param steps: of :data:`STEPS`.
    :param check: arguments of :func:`preflight` beside the path.
    :param health: the endpoint that has to be healthy, see :func:`..gate.before.refuse_unhealthy`; None queries none.
    :param lock: arguments of :func:`..storage.lock.acquire` beside the path and the holder.
    :returns: the results by step, ``owed`` (what an earlier run left undone, see ``storage.journal``), ``unfinished``
        (that run, or None), ``as_deployed``, ``sha256``, ``real_path``, ``real_folders`` (``backup_dir`` and
        ``log_dir``, links followed), ``changed`` and ``warnings``; where a step failed, ``step``, ``failed``, ``msg``,
        ``where`` and ``remedy``.
    """
    done: Dict[str, Any] = {"changed": False, "warnings": [], **_inherited(path, str(run["id"]))}
    # A link in these paths may be moved while the run goes on; its rollback and its end stay with what it began with.
    done["real_folders"] = {"backup_dir": os.path.realpath(backup_dir), "log_dir": os.path.realpath(check["log_dir"])}

    valid: List[str] = []

    def look() -> Dict[str, Any]:
        found = preflight(path, backup_dir=backup_dir, on_valid=valid.append, check_mode=check_mode, **check)
        # What an earlier run left unserved is for this one to restart.
        if health is not None and not {"restart", "health"}.intersection(done["owed"]):
            refuse_unhealthy(health)
        return found

    def take_lock() -> Dict[str, Any]:
        result = acquire(path, str(run["id"]), check_mode=check_mode, info=lock_info(run), **lock)
        result["changed"] = False
        result["warnings"] = waited(result)
        if not check_mode:
            # A process of a run that was killed may have replaced the library until now.
            done.update(_inherited(path, str(run["id"])))
            begin_run(path, run, _sha256(path))
            for sha256 in valid:
                # On a first run, the preflight has no state folder yet to note it in.
                validity.note(path, sha256)
        return result

    def back_up() -> Dict[str, Any]:
        if done.get("as_deployed"):
            return {"changed": False, "skipped": True, "backup": done["preflight"]["backup"]}
        known = done.get("real_path")
        return create_backup(
            path, backup_dir, check_mode=check_mode, deployment=str(run["id"]), expected_real_path=known
        )

    work: Dict[str, Callable[[], Dict[str, Any]]] = {
        "preflight": lambda: _judged(look(), done["owed"]),
        "lock": take_lock,
        "backup": back_up,
    }
    for name in (name for name in STEPS if name in steps):
        try:
            _merge(done, name, work[name]())
        except (MobiusError, OSError) as error:
            return {**done, **failure(error, path), "step": name}
    return done


def has_nothing_to_change(prepared: Mapping[str, Any], rehash: str) -> bool:
    """Whether the library is as it was deployed, and the dry run found no image that has changed since.

    :param prepared: what :func:`prepare` returned, with the result of the dry run as ``dry_run``.
    :param rehash: the option of the migration; only ``changed`` compares the images with those of the last run.
    """
    predicted = prepared["dry_run"]
    if predicted.get("failed") or not prepared.get("as_deployed") or "lock" not in prepared or rehash != CHANGED:
        return False
    return not (predicted["to_hash"] or predicted["would_change"] or predicted["would_fail"])


def migrate_nothing(options: Options, given: Mapping[str, Any]) -> Dict[str, Any]:
    """The migration of a library that needs no change; its state is noted as by every other one.

    :param given: ``run``, which holds the lock, and ``backup_dir``, ``log_dir`` and ``expected_real_path``.
    :raises MobiusError: it does need one after all; the caller migrates it where a failure is rolled back.
    """
    places = {name: given[name] for name in ("backup_dir", "log_dir", "expected_real_path")}
    return migrate(options, deployment=str(given["run"]["id"]), unchanged_only=True, **places)


def _inherited(path: str, run_id: str) -> Dict[str, Any]:
    """``owed`` and ``unfinished``: what the run before left undone, or what this run's journal has once it is open."""
    before = read_run(path)
    if before is not None and before.get("id") == run_id:
        return {"owed": list(before["owed"]), "unfinished": before.get("unfinished")}
    sha256 = None
    # The preflight reports why it cannot be read.
    with suppress(OSError, MobiusError):
        sha256 = _sha256(path)
    owed = undone(before, sha256)
    return {"owed": owed, "unfinished": unfinished(before) if owed else None}


def _judged(result: Dict[str, Any], owed: Sequence[str]) -> Dict[str, Any]:
    """A library that is not verified, or not served yet, does not count as deployed."""
    return {**result, "as_deployed": False, "backup": None} if owed else result


def _merge(done: Dict[str, Any], name: str, result: Dict[str, Any]) -> None:
    warnings: List[str] = result.pop("warnings", [])
    done["warnings"] += warnings
    done["changed"] = done["changed"] or bool(result.get("changed"))
    done[name] = result
    if name == "preflight":
        done.update({member: result[member] for member in ("as_deployed", "sha256", "real_path")})


def _sha256(path: str) -> Optional[str]:
    try:
        return read_version(path).sha256
    except FileNotFoundError:
        return None
