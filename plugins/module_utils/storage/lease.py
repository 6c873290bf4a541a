# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease file: who holds a library, until when, and whether that holder can still be alive.

Every change is made under :func:`lease_mutex`, which is only held briefly, so a lease can be released or broken while
another process is writing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, Optional
from urllib.parse import urlsplit

from ..clock import timestamp, utc
from ..errors import MobiusError
from ..json import MAX_PID, is_number, is_whole, load_object
from .cache import read_cache, write_cache
from .paths import state_dir
from .replace import DurabilityUnknown, open_regular, write_json
from .state import library_owner

Lease = Dict[str, Any]

TTL = 900
#: The longest time in seconds for which a lease is valid without a renewal.
LONGEST = 30 * 86400
_MUTEX_SECONDS = 10.0
#: Internal members that the Ansible modules do not return.
PRIVATE = ("renewed", "boottime", "boot_id", "pid_start", "generation")
_BROKEN = "broken.json"
_MOST_BROKEN = 50
_MOST_INFO = 20
_LONGEST_INFO = 300


def read_lease(library_path: str) -> Optional[Lease]:
    """Return the lease, live or stale; None when there is none."""
    path = _lease_path(library_path)
    try:
        with open_regular(path) as stream:
            modified = os.fstat(stream.fileno()).st_mtime
            content = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    with suppress(ValueError):
        lease = load_object(content)
        if _is_lease(lease):
            return lease
    # A lease that cannot be read is held by someone unknown until it expires.
    unknown = dict.fromkeys(("purpose", "user", "host", "taken_at"), "unknown")
    return {"id": "an unreadable lock", **unknown, **_at(modified, TTL)}


def _is_lease(lease: Lease) -> bool:
    pid, boottime = lease.get("pid"), lease.get("boottime")
    return (
        isinstance(lease.get("id"), str)
        and is_whole(lease.get("ttl"), 1, LONGEST)
        and is_number(lease.get("renewed"))
        and lease["renewed"] > 0
        and (pid is None or is_whole(pid, 1, MAX_PID))
        and (boottime is None or is_number(boottime))
        and isinstance(lease.get("info") or {}, dict)
    )


def write_lease(library_path: str, lease: Lease) -> None:
    uid, gid = library_owner(library_path)
    # Not durable: a power cut also ends the run that holds the lease.
    with suppress(DurabilityUnknown):
        write_json(_lease_path(library_path), lease, owner=uid, group=gid)


def remove_lease(library_path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_lease_path(library_path))


def new_lease(
    holder_id: str, purpose: str, ttl: int, pid: Optional[int], info: Optional[Dict[str, Any]] = None
) -> Lease:
    lease: Lease = {
        "id": holder_id,
        "host": socket.gethostname(),
        "user": _user(),
        "purpose": purpose,
        "boot_id": _boot_id(),
        "pid": pid,
        "pid_start": None if pid is None else start_of(pid),
        "generation": 0,
        "info": clean_info(info),
        **renewed(ttl),
    }
    lease["taken_at"] = lease["renewed_at"]
    return lease


def clean_info(info: Optional[Dict[str, Any]]) -> Dict[str, str]:
    """Return the controller's details (job id, URL, user, ...) as short text, without a URL's userinfo and query."""
    cleaned = {}
    for name, value in list((info or {}).items())[:_MOST_INFO]:
        text = str(value)[:_LONGEST_INFO]
        if value is not None and text:
            cleaned[str(name)[:50]] = _bare_url(text) if "://" in text else text
    return cleaned


def _bare_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
    except ValueError:
        return ""


def renewed(ttl: int) -> Dict[str, Any]:
    """Return the times of a lease that is taken or renewed now."""
    return {**_at(time.time(), ttl), "boottime": _boottime()}


def _at(now: float, ttl: int) -> Dict[str, Any]:
    return {"ttl": ttl, "renewed_at": timestamp(utc(now)), "expires_at": timestamp(utc(now + ttl)), "renewed": now}


def is_stale(lease: Lease) -> bool:
    return _is_expired(lease) or is_dead(lease)


def _is_expired(lease: Lease) -> bool:
    ttl = float(lease["ttl"])
    if lease.get("boot_id") == _boot_id() and isinstance(lease.get("boottime"), float):
        # A clock that cannot be set, so a clock change neither frees the lock early nor blocks it for long.
        return _boottime() - float(lease["boottime"]) > ttl
    age = time.time() - float(lease["renewed"])
    return not -ttl <= age <= ttl


def is_dead(lease: Lease) -> bool:
    """Whether the process that a lease is tied to is known to be gone."""
    pid = lease.get("pid")
    if not isinstance(pid, int) or lease.get("host") != socket.gethostname():
        return False
    if lease.get("boot_id") != _boot_id():
        return True
    start = start_of(pid)
    return not _exists(pid) if start is None else start != lease.get("pid_start")


def describe(lease: Lease) -> str:
    """Describe the holder for a message."""
    process = f", process {lease['pid']}" if lease.get("pid") else ""
    info = lease.get("info")
    more = "".join(f", {name} {value}" for name, value in info.items()) if isinstance(info, dict) else ""
    return f"{lease.get('id')} ({lease.get('purpose')}, {lease.get('user')} on {lease.get('host')}{process}{more})"


def note_broken(library_path: str, lease: Lease, by: str) -> None:
    """Remember that the lock of a run was broken, so that the run fails when it continues."""
    broken = read_cache(library_path, _BROKEN)
    broken[str(lease.get("id"))] = {"by": by, "at": timestamp()}
    write_cache(library_path, _BROKEN, dict(list(broken.items())[-_MOST_BROKEN:]))


def forget_broken(library_path: str, holder_id: str) -> None:
    broken = read_cache(library_path, _BROKEN)
    if broken.pop(holder_id, None) is not None:
        write_cache(library_path, _BROKEN, broken)


def broken_by(library_path: str, holder_id: str) -> Optional[str]:
    """Return who broke the lock of this holder, and when; None if it was not broken."""
    found = read_cache(library_path, _BROKEN).get(holder_id)
    return f"{found.get('by')} at {found.get('at')}" if isinstance(found, dict) else None


@contextmanager
def lease_mutex(library_path: str) -> Iterator[None]:
    """Briefly keep other processes from changing the lease; the state folder must exist."""
    descriptor = os.open(state_dir(library_path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock_folder(descriptor, library_path)
        yield
    finally:
        os.close(descriptor)


def _lock_folder(descriptor: int, library_path: str) -> None:
    deadline = time.monotonic() + _MUTEX_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                # Some network file systems cannot lock a folder; the brief race is accepted there.
                return None
        if time.monotonic() >= deadline:
            raise MobiusError(
                f"Another process has been changing the lock file of the library for over {_MUTEX_SECONDS:g} seconds",
                state_dir(library_path),
                f"see which process it is: fuser -v {state_dir(library_path)}",
            )
        time.sleep(0.01)


def give_to_owner(descriptor: int, library_path: str) -> None:
    """Give a state file to the library's owner, so that a run as that user can follow a run as root."""
    uid, gid = library_owner(library_path)
    facts = os.fstat(descriptor)
    # Never change the owner of a file that has other hard links.
    if facts.st_nlink == 1 and (uid not in (-1, facts.st_uid) or gid not in (-1, facts.st_gid)):
        with suppress(OSError):
            os.fchown(descriptor, uid, gid)


def start_of(pid: int) -> Optional[int]:
    """Return the start time of a process in clock ticks since boot, or None; it reveals a reused pid."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may contain anything; field 22 is the 20th after it. States Z and X count as gone.
    fields = stat_line.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _exists(pid: int) -> bool:
    """Whether a process exists that /proc does not show: some hosts hide other users' processes."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    # Gone, or a zombie of this user.
    return False


def _lease_path(library_path: str) -> str:
    return str(Path(state_dir(library_path)) / "lock")


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
