# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One at a time: a lease that names its holder, and a kernel lock for the length of each writing call.

The lease spans a deployment, which is many processes one after the other; it expires, so that a dead holder does not
block for ever. The kernel lock ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import re
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Set, cast

from ..clock import timestamp, utc
from ..errors import MobiusError
from .paths import state_dir
from .replace import DurabilityUnknown, open_regular, sweep_matching, sweep_temporaries, write_json
from .state import library_owner, prepare_folder

Lease = Dict[str, Any]

TTL = 900
LONGEST = 30 * 86400
#: Seconds to wait for another call's writing to end.
PATIENCE = 10.0

# Kernel locks of this process, so that a writing call may call another one.
_held: Set[str] = set()


class Locked(MobiusError):
    """Someone else holds the library."""


def holder(library_path: str) -> Optional[Lease]:
    """The live lease (``id``, ``host``, ``user``, ``purpose``, ``taken_at``, ``expires_at``, ...), or None."""
    lease = _read_lease(library_path)
    return None if lease is None or _is_stale(lease) else lease


def acquire(
    library_path: str,
    holder_id: str,
    *,
    purpose: str = "deployment",
    ttl: int = TTL,
    pid: Optional[int] = None,
    force: bool = False,
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Take the lease, or renew it when it is ours.

    :param ttl: seconds without a sign of life after which it is free; every writing call of the holder renews it.
    :param pid: a process on this host whose end frees the lease at once.
    :param force: take it whoever holds it.
    :returns: ``changed`` (false for a renewal), ``holder`` and ``taken_over_from`` (a lease or None).
    :raises Locked: someone else holds it.
    """
    if not holder_id.strip():
        raise MobiusError("A lock needs the id of its holder", library_path, "pass the deployment's id")
    if not 1 <= ttl <= LONGEST:
        raise MobiusError(f"The ttl of a lock is between 1 and {LONGEST} seconds", str(ttl))
    if pid is not None and _start_of(pid) is None:
        raise MobiusError("There is no such process to tie the lock to", str(pid))
    if check_mode:
        return _take(library_path, holder_id, purpose, ttl, pid, force, write=False)
    with _kernel_lock(library_path):
        return _take(library_path, holder_id, purpose, ttl, pid, force, write=True)


def _take(
    library_path: str, holder_id: str, purpose: str, ttl: int, pid: Optional[int], force: bool, *, write: bool
) -> Dict[str, Any]:
    former = _read_lease(library_path)
    ours = former is not None and former.get("id") == holder_id
    if former is not None and not ours and not force and not _is_stale(former):
        raise _locked(library_path, former)
    lease = _new_lease(holder_id, purpose, ttl, pid)
    if ours and former is not None:
        lease["taken_at"] = former.get("taken_at", lease["taken_at"])
    if write:
        _write_lease(library_path, lease)
    return {"changed": not ours, "holder": lease, "taken_over_from": None if ours else former}


def release(library_path: str, holder_id: str, *, force: bool = False, check_mode: bool = False) -> bool:
    """Give the lease back. False when it is not ours (any more): another holder's is left alone without ``force``."""

    def is_ours() -> bool:
        lease = _read_lease(library_path)
        return lease is not None and (force or lease.get("id") == holder_id)

    if check_mode or not is_ours():
        return is_ours()
    with _kernel_lock(library_path):
        if not is_ours():
            return False
        os.unlink(_lease_path(library_path))
        return True


def hold(library_path: str, holder_id: str, *, present: bool, force: bool = False, **details: Any) -> Dict[str, Any]:
    """:func:`acquire` or :func:`release`, with ``changed``, ``holder``, ``taken_over_from`` and ``diff`` for a module.

    :param details: ``check_mode``; and for taking, as for :func:`acquire`.
    """
    before = _read_lease(library_path)
    if present:
        result = acquire(library_path, holder_id, force=force, **details)
    else:
        changed = release(library_path, holder_id, force=force, check_mode=details["check_mode"])
        result = {"changed": changed, "holder": None if changed else holder(library_path), "taken_over_from": None}
    lines = [f"{lease['id']}\n" if lease else "" for lease in (before, result["holder"])]
    result["diff"] = {"before": lines[0], "after": lines[1] if result["changed"] else lines[0]}
    for lease in (result["holder"], result["taken_over_from"]):
        for private in ("renewed", "boottime", "boot_id", "pid_start"):
            (lease or {}).pop(private, None)
    return result


def refuse_if_held(library_path: str, deployment: Optional[str]) -> None:
    """For check mode and for reading.

    :raises Locked: a live lease of another holder than ``deployment`` exists.
    """
    lease = holder(library_path)
    if lease is not None and lease.get("id") != deployment:
        raise _locked(library_path, lease)


@contextmanager
def writing(
    library_path: str, deployment: Optional[str] = None, *, patience: float = PATIENCE, required: bool = True
) -> Iterator[None]:
    """Hold the library for one writing call; may be entered again by the same process.

    What killed runs left of the library and its state is swept.

    :param deployment: the holder id that this call belongs to; its lease is renewed before and after.
    :param patience: seconds to wait for another call to end its writing.
    :param required: false for what never touches the library: then a folder this user cannot write to is no obstacle.
    :raises Locked: someone else writes, or holds a live lease.
    """
    with _kernel_lock(library_path, patience, required) as locked:
        if not locked:
            # Not even the lease may be readable for this user.
            with suppress(PermissionError):
                refuse_if_held(library_path, deployment)
            yield
            return
        refuse_if_held(library_path, deployment)
        _renew(library_path, deployment)
        try:
            yield
        finally:
            _renew(library_path, deployment)


def _renew(library_path: str, deployment: Optional[str]) -> None:
    # A full disk does not end a lease, and must not stand in the way of a restore.
    with suppress(OSError):
        lease = _read_lease(library_path)
        if deployment is not None and lease is not None and lease.get("id") == deployment:
            _write_lease(library_path, {**lease, **_times(int(lease["ttl"]))})


@contextmanager
def _kernel_lock(library_path: str, patience: float = PATIENCE, required: bool = True) -> Iterator[bool]:
    folder = state_dir(library_path)
    if folder in _held:
        yield True
        return
    try:
        descriptor = _open_lock_file(library_path)
    except OSError as error:
        if required or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        yield False
        return
    try:
        # A POSIX lock: unlike flock, worker processes do not inherit it, so it ends with this very process.
        refusal = Locked(
            f"Another process is writing to the library and did not end within {patience:g} seconds",
            library_path,
            f"wait for it, or see who it is with: fuser -v {folder}/writing",
        )
        patiently(lambda: fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), patience, refusal)
        _held.add(folder)
        try:
            sweep_temporaries(library_path)
            sweep_matching(folder, re.compile(r"\.(lock|current\.json)\.[0-9a-f]{12}\.tmp"))
            yield True
        finally:
            _held.discard(folder)
    finally:
        os.close(descriptor)


def _open_lock_file(library_path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(f"{prepare_folder(library_path)}/writing", flags, 0o640)
    uid, gid = library_owner(library_path)
    facts = os.fstat(descriptor)
    # So that a run as the library's owner can follow one as root; never through another name of some other file.
    if facts.st_nlink == 1 and (uid not in (-1, facts.st_uid) or gid not in (-1, facts.st_gid)):
        with suppress(OSError):
            os.fchown(descriptor, uid, gid)
    return descriptor


@contextmanager
def folder_alone(folder: str, patience: float, refusal: MobiusError) -> Iterator[None]:
    """Keep other runs out of a folder; the lock ends with its process. After ``patience`` seconds raise ``refusal``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), patience, refusal)
        yield
    finally:
        os.close(descriptor)


def patiently(take: Callable[[], None], patience: float, refusal: MobiusError) -> None:
    """Call ``take``, which does not block, until it gets its lock; after ``patience`` seconds raise ``refusal``."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return take()
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        if time.monotonic() >= deadline:
            raise refusal
        time.sleep(0.05)


def _locked(library_path: str, lease: Lease) -> Locked:
    process = f", process {lease['pid']}" if lease.get("pid") else ""
    return Locked(
        f"The library is locked by {lease.get('id')} ({lease.get('purpose')}, {lease.get('user')} on "
        f"{lease.get('host')}{process}) since {lease.get('taken_at')}, at most until {lease.get('expires_at')}",
        library_path,
        "wait for it to end; if it is dead, break the lock: library_lock with force=true "
        "(for the playbooks: -e mobius_lock_break=true)",
    )


def _lease_path(library_path: str) -> str:
    return str(Path(state_dir(library_path)) / "lock")


def _read_lease(library_path: str) -> Optional[Lease]:
    path = _lease_path(library_path)
    try:
        with open_regular(path) as stream:
            modified = os.fstat(stream.fileno()).st_mtime
            content = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    with suppress(ValueError, KeyError, TypeError):
        lease = json.loads(content)
        if lease["id"] == str(lease["id"]) and int(lease["ttl"]) > 0 and float(lease["renewed"]) > 0:
            return cast(Lease, lease)
    # A lease that cannot be read is held by someone unknown until its time is over.
    unknown = dict.fromkeys(("purpose", "user", "host", "taken_at"), "unknown")
    return {"id": "an unreadable lock", **unknown, **_at(modified, TTL)}


def _write_lease(library_path: str, lease: Lease) -> None:
    uid, gid = library_owner(library_path)
    # A power cut ends what the lease stands for.
    with suppress(DurabilityUnknown):
        write_json(_lease_path(library_path), lease, owner=uid, group=gid)


def _new_lease(holder_id: str, purpose: str, ttl: int, pid: Optional[int]) -> Lease:
    lease: Lease = {
        "id": holder_id,
        "host": socket.gethostname(),
        "user": _user(),
        "purpose": purpose,
        "boot_id": _boot_id(),
        "pid": pid,
        "pid_start": None if pid is None else _start_of(pid),
        **_times(ttl),
    }
    lease["taken_at"] = lease["renewed_at"]
    return lease


def _times(ttl: int) -> Dict[str, Any]:
    return {**_at(time.time(), ttl), "boottime": _boottime()}


def _at(now: float, ttl: int) -> Dict[str, Any]:
    return {"ttl": ttl, "renewed_at": _utc(now), "expires_at": _utc(now + ttl), "renewed": now}


def _is_stale(lease: Lease) -> bool:
    return _is_expired(lease) or _is_dead(lease)


def _is_expired(lease: Lease) -> bool:
    ttl = float(lease["ttl"])
    if lease.get("boot_id") == _boot_id() and isinstance(lease.get("boottime"), float):
        # A clock that nobody sets: neither forward to free the lock too early nor back to block for long.
        return _boottime() - float(lease["boottime"]) > ttl
    age = time.time() - float(lease["renewed"])
    return not -ttl <= age <= ttl


def _is_dead(lease: Lease) -> bool:
    pid = lease.get("pid")
    if not isinstance(pid, int) or lease.get("host") != socket.gethostname():
        return False
    if lease.get("boot_id") != _boot_id():
        return True
    start = _start_of(pid)
    return not _exists(pid) if start is None else start != lease.get("pid_start")


def _exists(pid: int) -> bool:
    """Whether a process that /proc does not show is there: some hosts hide those of other users."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    # Gone, or ours and a zombie.
    return False


def _start_of(pid: int) -> Optional[int]:
    """Start time of a process in clock ticks since boot, or None; with it a pid given to another process shows."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold anything; field 22 is the 20th after it, state Z or X is as good as gone.
    fields = stat_line.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _boot_id() -> Optional[str]:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return None


def _boottime() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _user() -> str:
    with suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name
    return str(os.geteuid())


def _utc(moment: float) -> str:
    return timestamp(utc(moment))
