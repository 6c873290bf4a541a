# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rollback on a host: lock, evidence, restore."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..backups.choose import DEPLOYMENT, DIGEST
from ..backups.restore import restore
from ..errors import MobiusError, failure
from ..storage.journal import begin_run, read_run, undone
from ..storage.lease import describe
from ..storage.lock import Locked, StillWriting, acquire, holder
from ..storage.replace import read_version
from .evidence import keep_evidence
from .held import lock_info, waited
from .info import deployed
from .restore_replaced import restore_replaced

#: Seconds to wait for a writer that is ending: a migration that was cut off ends by itself.
WRITER_TIMEOUT = 120.0


def roll_back(
    path: str,
    backup_dir: Optional[str],
    backup: str,
    *,
    run: Mapping[str, Any],
    lock: Optional[Mapping[str, Any]],
    evidence: Optional[Mapping[str, Any]],
    watched: Optional[Mapping[str, Any]] = None,
    fleet: Optional[str] = None,
    only_replaced: bool = False,
    expected: Optional[str] = None,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Restore ``backup``.

    :param run: ``id`` and ``kind``.
    :param lock: arguments of :func:`..storage.lock.acquire` beside path and holder; None: the run holds it already.
    :param evidence: arguments of :func:`keep_evidence` beside the path; None keeps none. It never stops the restore.
    :param watched: ``deployment`` and ``sha256`` of the deployment that was judged; anything else is left alone.
    :param fleet: roll back only what this fleet run has deployed; anything else is left alone.
    :param only_replaced: restore only what the migration of this run replaced.
    :returns: as :func:`..backups.restore.restore`, and ``owed``, ``evidence`` (``folder``, ``files``, ``error``) and
        ``nothing`` (why nothing was rolled back, see :func:`nothing_to_roll_back`); where it failed,
        ``failed`` and ``msg``.
    """
    done: Dict[str, Any] = {"changed": False, "owed": [], "nothing": None, "warnings": []}
    done["evidence"] = _kept(path, evidence, str(run["id"]), check_mode)
    try:
        if fleet:
            # Before the lock, so that a host of another fleet run is not touched.
            done["nothing"] = not_of_fleet(fleet, deployed(path)["current"])
            if done["nothing"] is not None:
                return done
        if lock is not None:
            done["warnings"] = _locked(path, run, lock, fleet, check_mode)
            if not check_mode:
                done["owed"] = _begun(path, {**run, "backup": backup})
        if watched is not None:
            now = deployed(path, backup_dir, "deployment")
            done["nothing"] = nothing_to_roll_back(path, watched, now)
            expected = now["current"].get("sha256")
        if fleet:
            # Under the lock nobody deploys any more.
            current = deployed(path)["current"]
            done["nothing"] = not_of_fleet(fleet, current)
            backup = _before_review(backup, current)
        if done["nothing"] is None:
            call: Callable[..., Dict[str, Any]] = restore_replaced if only_replaced else restore
            details: Dict[str, Any] = {"check_mode": check_mode, "deployment": str(run["id"]), "expected": expected}
            result = _once_written(lambda: call(path, backup_dir, backup, **details))
            done.update({**result, "warnings": [*done["warnings"], *result.get("warnings", [])]})
    except (MobiusError, OSError) as error:
        done.update(failure(error, path))
    return done


def _locked(
    path: str, run: Mapping[str, Any], lock: Mapping[str, Any], fleet: Optional[str], check_mode: bool
) -> List[str]:
    """Take the lock, and return warnings.

    A host that was lost keeps the lock of its deployment until the lease expires. The rollback of the fleet run which
    that deployment belongs to takes it over, once it has waited for it to end; the deployment, if it is alive after
    all, replaces nothing any more.

    :raises Locked: another run holds it.
    """

    def take(**options: Any) -> Dict[str, Any]:
        return acquire(path, str(run["id"]), check_mode=check_mode, info=lock_info(run), **{**lock, **options})

    try:
        return waited(take())
    except StillWriting:
        raise
    except Locked:
        lease, current = holder(path), deployed(path)["current"]
        if not fleet or lease is None or (current.get("fleet"), current.get("deployment")) != (fleet, lease["id"]):
            raise
        take(force=str(lease["id"]))
        return [f"Took over the lock of {describe(lease)}, which fleet run {fleet} has not released."]


def not_of_fleet(fleet: str, current: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Why a fleet run has nothing to roll back here, or None.

    :param current: the state, ``{}`` where there is none.
    :returns: ``reason`` (``other_fleet`` or ``rolled_back``), ``message`` and ``earlier``, always None.
    """
    if current.get("fleet") == fleet and current.get("status") == "deployed":
        return None
    previous = current.get("previous") or {}
    if previous.get("fleet") == fleet and "restored_at" in current:
        message = f"what fleet run {fleet} deployed was rolled back at {current['restored_at']}"
        return {"reason": "rolled_back", "message": message, "earlier": None}
    if not current:
        there = "no deployment of this library is known"
    elif current.get("fleet"):
        there = f"it holds deployment {current.get('deployment')} of fleet run {current['fleet']}"
    else:
        there = f"it holds deployment {current.get('deployment')}, which belongs to no fleet run"
    message = f"fleet run {fleet} did not deploy what this host holds: {there}"
    return {"reason": "other_fleet", "message": message, "earlier": None}


def _before_review(backup: str, current: Mapping[str, Any]) -> str:
    """The target of reviewed items undoes only the review; a fleet run restores what its deployment replaced."""
    replaced = current.get("replaced")
    return f"{DIGEST}{replaced}" if backup == DEPLOYMENT and "reviewed" in current and replaced else backup


def nothing_to_roll_back(path: str, watched: Mapping[str, Any], now: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Why a watched deployment is not rolled back, or None.

    :param now: what :func:`..deployment.info.deployed` returns, with ``rollback_target``.
    :returns: ``reason`` (``not_deployed``, ``superseded``, ``edited`` or ``unchanged``), ``message`` and ``earlier``,
        the backup of the deployment before, if there is one.
    """
    current, sha256 = now["current"], now["sha256"]
    previous = (current.get("previous") or {}).get("backup") or {}
    for reason, applies, message in (
        ("not_deployed", watched.get("status") != "deployed", "no deployment of this library is known"),
        (
            "superseded",
            any(current.get(name) != watched.get(name) for name in ("deployment", "sha256")),
            "another run has changed the deployment since the watch began",
        ),
        (
            "edited",
            sha256 is not None and not now["as_recorded"],
            f"{path} was edited after the deployment and the edit is kept (sha256 {sha256}, deployed "
            f"{current.get('sha256')})",
        ),
        (
            "unchanged",
            sha256 is not None and now["rollback_target"]["sha256"] == sha256,
            f"the last deployment changed nothing, so {path} already holds the bytes that a rollback would restore "
            f"(sha256 {sha256})",
        ),
    ):
        if applies:
            return {"reason": reason, "message": message, "earlier": previous.get("path")}
    return None


def _kept(path: str, evidence: Optional[Mapping[str, Any]], run_id: str, check_mode: bool) -> Dict[str, Any]:
    kept: Dict[str, Any] = {"folder": None, "files": [], "error": None}
    if evidence is not None:
        try:
            found = keep_evidence(path, deployment=run_id, check_mode=check_mode, **evidence)
            kept.update(folder=found["folder"], files=found["files"])
        except (MobiusError, OSError) as error:
            kept["error"] = str(error)
    return kept


def _begun(path: str, run: Mapping[str, Any]) -> List[str]:
    """Open the journal; what an earlier run left undone. A journal that cannot be written never stops the restore."""
    sha256 = _sha256(path)
    try:
        return begin_run(path, run, sha256)
    except (MobiusError, OSError):
        return undone(read_run(path), sha256)


def _once_written(call: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """Call again while another process is writing to the library."""
    deadline = time.monotonic() + WRITER_TIMEOUT
    while True:
        try:
            return call()
        except StillWriting:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _sha256(path: str) -> Optional[str]:
    try:
        return read_version(path).sha256
    except OSError:
        return None
