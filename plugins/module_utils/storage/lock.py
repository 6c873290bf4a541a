# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time: a lease that names its holder, and a kernel lock for the length of each writing call.

The lease spans a run, which is a sequence of processes; it expires, so a dead holder does not block forever. The kernel
lock ends with the process that holds it, however it ends.

A writing call is fenced: immediately before it replaces the library, it checks that its run still holds the lease in
the same generation. A process that outlives its run after a task timeout or a lost connection therefore changes nothing
once the lease was released, broken, taken over, or advanced by :func:`fence`.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, Optional, Union

from ..errors import MobiusError
from .kernel_lock import WAIT, Locked, StillWriting, Token, folder_alone, held, kernel_lock, spans_seen, wait_for_lock
from .lease import (
    LONGEST,
    PRIVATE,
    TTL,
    Lease,
    broken_by,
    describe,
    forget_broken,
    is_dead,
    is_stale,
    lease_mutex,
    new_lease,
    note_broken,
    read_lease,
    remove_lease,
    renewed,
    start_of,
    write_lease,
)
from .paths import refuse_moved, state_dir
from .replace import ChangedMeanwhile, guarded
from .state import prepare_folder

__all__ = [
    "WAIT",
    "LockLost",
    "Locked",
    "StillWriting",
    "acquire",
    "check_lease",
    "fence",
    "folder_alone",
    "hold",
    "holder",
    "refuse_if_held",
    "release",
    "spans_seen",
    "wait_for_lock",
    "writing",
]

_POLL = 0.25


class LockLost(ChangedMeanwhile, Locked):
    """The run no longer holds the lock that it began with; nothing was replaced."""


def holder(library_path: str) -> Optional[Lease]:
    """The live lease (``id``, ``host``, ``user``, ``purpose``, ``taken_at``, ``expires_at``, ``info``) or None."""
    lease = read_lease(library_path)
    return None if lease is None or is_stale(lease) else lease


def acquire(
    library_path: str,
    holder_id: str,
    *,
    purpose: str = "deployment",
    ttl: int = TTL,
    pid: Optional[int] = None,
    force: Union[bool, str] = False,
    check_mode: bool = False,
    wait: float = 0.0,
    info: Optional[Dict[str, Any]] = None,
) -> Dict[str, Any]:
    """Take the lease, or renew it when it is ours.

    :param ttl: seconds after which an unrenewed lease expires; every writing call of the holder renews it.
    :param pid: a process on this host; the lease ends with it.
    :param force: take the lease from any holder or, given an id, only from that holder; a process of the former holder
        that is still writing is fenced.
    :param wait: seconds to wait for the holder to end, and for a process that is still writing.
    :param info: details of the controller, such as the id and URL of its job.
    :returns: ``changed`` (false for a renewal), ``holder``, ``taken_over_from`` (a lease or None), ``waited`` in
        seconds and ``waited_for`` (the lease that was waited for, or None).
    :raises Locked: someone else holds it.
    """
    if not holder_id.strip():
        raise MobiusError("A lock needs the id of its holder", library_path, "pass the id of the run")
    if not 1 <= ttl <= LONGEST:
        raise MobiusError(f"Invalid ttl of a lock: it must be between 1 and {LONGEST} seconds", str(ttl))
    if pid is not None and start_of(pid) is None:
        raise MobiusError("There is no such process to tie the lock to", str(pid))
    lease = new_lease(holder_id, purpose, ttl, pid, info)
    if check_mode:
        return {**_take(library_path, lease, force, write=False), "waited": 0.0, "waited_for": None}
    started = time.monotonic()
    broken = _break(library_path, lease, force) if force else None
    waited_for: Optional[Lease] = None
    while True:
        left = wait - (time.monotonic() - started)
        try:
            with kernel_lock(library_path, max(WAIT, left)):
                # The times may be outdated after waiting.
                lease.update(renewed(ttl))
                with lease_mutex(library_path):
                    result = _take(library_path, lease, force, write=True)
                break
        except StillWriting:
            raise
        except Locked as error:
            waited_for = read_lease(library_path) or waited_for
            if left <= 0:
                raise _after_waiting(error, time.monotonic() - started, wait) from error
            time.sleep(min(_POLL, left))
    result["taken_over_from"] = broken or result["taken_over_from"]
    return {**result, "waited": round(time.monotonic() - started, 1) if waited_for else 0.0, "waited_for": waited_for}


def _after_waiting(error: Locked, seconds: float, wait: float) -> Locked:
    return Locked(f"After waiting {seconds:.0f} s: {error.what}", error.where, error.remedy) if wait else error


def _take(library_path: str, lease: Lease, force: Union[bool, str], *, write: bool) -> Dict[str, Any]:
    former = read_lease(library_path)
    force = _is_forced(force, former)
    ours = former is not None and former.get("id") == lease["id"]
    if former is not None and not ours and not force and not is_stale(former):
        raise _locked(library_path, former)
    _refuse_lost(library_path, lease["id"], former, force)
    if ours and former is not None:
        kept: Lease = {name: former[name] for name in ("taken_at", "generation") if name in former}
        lease.update(kept, info=lease["info"] or former.get("info") or {})
    if write:
        write_lease(library_path, lease)
        if force:
            forget_broken(library_path, str(lease["id"]))
    return {"changed": not ours, "holder": dict(lease), "taken_over_from": None if ours else former}


def _refuse_lost(library_path: str, holder_id: str, former: Optional[Lease], force: bool) -> None:
    """
    :raises LockLost: this run held the lock once, and it was broken since.
    """
    if force or (former is not None and former.get("id") == holder_id):
        return
    by = broken_by(library_path, holder_id)
    if by is not None:
        raise _lost(library_path, f"The lock of this run ({holder_id}) was broken by {by}")
    token = held.get(state_dir(library_path))
    if token is not None and token.holder == holder_id:
        raise _lost(library_path, f"The lock of this run ({holder_id}) was released while it was still writing")


def _is_forced(force: Union[bool, str], former: Optional[Lease]) -> bool:
    return force is True or (bool(force) and former is not None and former.get("id") == force)


def _break(library_path: str, lease: Lease, force: Union[bool, str]) -> Optional[Lease]:
    """Take a live lease from another holder; this fences its processes that still run."""
    prepare_folder(library_path)
    with lease_mutex(library_path):
        former = read_lease(library_path)
        if former is None or former.get("id") == lease["id"] or not _is_forced(force, former):
            return None
        if not is_stale(former):
            note_broken(library_path, former, describe(lease))
        remove_lease(library_path)
        return former


def release(library_path: str, holder_id: str, *, force: bool = False, check_mode: bool = False) -> bool:
    """Release the lease. False when it is not (or no longer) ours; another holder's lease stays without ``force``.

    It does not wait for a process of the holder that is still writing: without the lease it replaces nothing.
    """

    def found() -> Optional[Lease]:
        lease = read_lease(library_path)
        return lease if lease is not None and (force or lease.get("id") == holder_id) else None

    if check_mode or found() is None:
        return found() is not None
    with lease_mutex(library_path):
        lease = found()
        if lease is None:
            return False
        if lease.get("id") != holder_id and not is_stale(lease):
            note_broken(library_path, lease, describe(new_lease(holder_id, "breaking the lock", TTL, None)))
        remove_lease(library_path)
        return True


def fence(library_path: str, holder_id: str) -> bool:
    """Keep earlier processes of this run from replacing the library; returns whether the lease is ours.

    Called by a rollback: an abandoned process must not replace what the rollback restores.
    """
    lease = read_lease(library_path)
    if lease is None or lease.get("id") != holder_id:
        return False
    with lease_mutex(library_path):
        lease = read_lease(library_path)
        if lease is None or lease.get("id") != holder_id:
            return False
        lease["generation"] = _generation(lease) + 1
        try:
            write_lease(library_path, lease)
        except (OSError, MobiusError):
            # A full or broken disk must not prevent a rollback; a process that is still writing is waited for.
            return False
    folder = state_dir(library_path)
    if held.get(folder) is not None:
        held[folder] = Token(holder_id, lease["generation"])
    return True


def hold(
    library_path: str,
    holder_id: str,
    *,
    present: bool,
    force: bool = False,
    expected_real_path: Optional[str] = None,
    **details: Any,
) -> Dict[str, Any]:
    """:func:`acquire` or :func:`release`, with ``diff``, ``real_path`` and ``warnings`` for a module.

    :param expected_real_path: see :func:`.paths.refuse_moved`; the lock that is released is that of this path.
    :param details: ``check_mode``, and the arguments of :func:`acquire`.
    """
    if present:
        refuse_moved(library_path, expected_real_path)
    elif expected_real_path:
        library_path = expected_real_path
    before = read_lease(library_path)
    warnings = []
    if present:
        result = acquire(library_path, holder_id, force=force, **details)
        if result["waited_for"]:
            warnings.append(f"Waited {result['waited']:g} s for {describe(result['waited_for'])} to end.")
    else:
        changed = release(library_path, holder_id, force=force, check_mode=details["check_mode"])
        result = {"changed": changed, "holder": None if changed else holder(library_path), "taken_over_from": None}
        result.update(waited=0.0, waited_for=None)
        by = None if changed else broken_by(library_path, holder_id)
        if by is not None:
            warnings.append(f"The lock of this run ({holder_id}) was broken by {by}; another run may have begun since.")
    lines = [f"{lease['id']}\n" if lease else "" for lease in (before, result["holder"])]
    result["diff"] = {"before": lines[0], "after": lines[1] if result["changed"] else lines[0]}
    for lease in (result["holder"], result["taken_over_from"], result["waited_for"]):
        for private in PRIVATE:
            (lease or {}).pop(private, None)
    return {**result, "real_path": os.path.realpath(library_path), "warnings": warnings}


def refuse_if_held(library_path: str, deployment: Optional[str]) -> None:
    """For check mode and for reading.

    :raises Locked: a live lease of another holder than ``deployment`` exists.
    :raises LockLost: the lock of ``deployment`` was broken.
    """
    lease = holder(library_path)
    if lease is not None and lease.get("id") != deployment:
        by = None if deployment is None else broken_by(library_path, deployment)
        refusal = _locked(library_path, lease)
        if by is not None:
            raise LockLost(f"The lock of this run ({deployment}) was broken by {by}. {refusal.what}", library_path)
        raise refusal
    if deployment is not None and lease is None:
        _refuse_lost(library_path, deployment, None, force=False)


@contextmanager
def writing(
    library_path: str, deployment: Optional[str] = None, *, wait: float = WAIT, required: bool = True
) -> Iterator[None]:
    """Hold the library for one writing call; reentrant within a process.

    Temporary files that killed runs left are removed. Inside, :func:`replace.replace_whole` replaces the library only
    while the lease is as it was at the beginning.

    :param deployment: the holder id that this call belongs to; its lease is renewed before and after.
    :param wait: seconds to wait for another call to finish writing.
    :param required: false for a call that never changes the library and may run without write access to the folder.
    :raises Locked: someone else writes, or holds a live lease.
    """
    with kernel_lock(library_path, wait, required) as locked:
        if not locked:
            # This user may not even be able to read the lease.
            with suppress(PermissionError):
                refuse_if_held(library_path, deployment)
            yield
            return
        refuse_if_held(library_path, deployment)
        folder, outer = state_dir(library_path), held[state_dir(library_path)]
        _renew(library_path, deployment)
        held[folder] = _token(library_path, deployment) or outer
        try:
            with guarded(os.path.realpath(library_path), lambda: _fenced(library_path, deployment)):
                yield
        finally:
            held[folder] = outer
            _renew(library_path, deployment)


def _token(library_path: str, deployment: Optional[str]) -> Optional[Token]:
    lease = read_lease(library_path)
    if deployment is None or lease is None or lease.get("id") != deployment:
        return None
    return Token(deployment, _generation(lease))


@contextmanager
def _fenced(library_path: str, deployment: Optional[str]) -> Iterator[None]:
    """Keep the lease from changing during the replacement itself."""
    with lease_mutex(library_path):
        check_lease(library_path, deployment)
        yield


def check_lease(library_path: str, deployment: Optional[str]) -> None:
    """Inside :func:`writing`: check that this call may still replace the library.

    :raises LockLost: its lease was released, broken or advanced, or the run that holds it has ended.
    :raises Locked: another run has taken the lock meanwhile.
    """
    token = held.get(state_dir(library_path))
    lease = read_lease(library_path)
    if token is None:
        if lease is not None and not is_stale(lease) and lease.get("id") != deployment:
            raise _locked(library_path, lease)
        return
    if lease is None or lease.get("id") != token.holder:
        by = broken_by(library_path, token.holder)
        how = f"was broken by {by}" if by else "was released while it was still writing"
        raise _lost(library_path, f"The lock of this run ({token.holder}) {how}")
    if _generation(lease) != token.generation:
        raise _lost(library_path, f"A rollback of this run ({token.holder}) began while it was still writing")
    if is_dead(lease):
        raise _lost(library_path, f"The run that this belongs to ({token.holder}) has ended")


def _generation(lease: Lease) -> int:
    generation = lease.get("generation")
    return generation if isinstance(generation, int) else 0


def _lost(library_path: str, what: str) -> LockLost:
    return LockLost(
        f"{what}; nothing was changed by this call",
        library_path,
        "see what is deployed now (playbooks/status.yml), then start again",
    )


def _renew(library_path: str, deployment: Optional[str]) -> None:
    # A full or broken disk does not end a lease and must not prevent a restore.
    with suppress(OSError, MobiusError):
        if deployment is None or read_lease(library_path) is None:
            return
        with lease_mutex(library_path):
            lease = read_lease(library_path)
            if lease is not None and lease.get("id") == deployment:
                write_lease(library_path, {**lease, **renewed(int(lease["ttl"]))})


def _locked(library_path: str, lease: Lease) -> Locked:
    return Locked(
        f"The library is locked by {describe(lease)} since {lease.get('taken_at')}, and the lock "
        f"expires at {lease.get('expires_at')}",
        library_path,
        "wait for it to end (library_lock with wait; for the playbooks -e mobius_lock_wait=SECONDS); only if it is "
        "dead, break the lock: library_lock with force=true (for the playbooks: "
        f"-e mobius_lock_break={lease.get('id')})",
    )
