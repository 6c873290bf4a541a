# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease file: who holds a library, until when, and whether that holder can still be alive.

Every change of it is made under :func:`lease_mutex`, which is held for a moment only, so that a lease can be released
or broken while another process is busy writing.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, cast
from urllib.parse import urlsplit

from ..clock import timestamp, utc
from ..errors import MobiusError
from .cache import read_cache, write_cache
from .paths import state_dir
from .replace import DurabilityUnknown, open_regular, write_json
from .state import library_owner

Lease = Dict[str, Any]

TTL = 900
_MUTEX_SECONDS = 10.0
#: Members that only this module needs; a module does not return them.
PRIVATE = ("renewed", "boottime", "boot_id", "pid_start", "generation")
_BROKEN = "broken.json"
_MOST_BROKEN = 50
_MOST_INFO = 20
_LONGEST_INFO = 300


def read_lease(library_path: str) -> Optional[Lease]:
    """The lease, live or stale; None when there is none."""
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
    # A lease that cannot be read is held by someone unknown until it expires.
    unknown = dict.fromkeys(("purpose", "user", "host", "taken_at"), "unknown")
    return {"id": "an unreadable lock", **unknown, **_at(modified, TTL)}


def write_lease(library_path: str, lease: Lease) -> None:
    uid, gid = library_owner(library_path)
    # A power cut ends what the lease stands for.
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
    """What the controller says of itself (job id, URL, user, ...) as short text; a URL loses userinfo and query."""
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
    """The times of a lease that is taken or renewed now."""
    return {**_at(time.time(), ttl), "boottime": _boottime()}


def _at(now: float, ttl: int) -> Dict[str, Any]:
    return {"ttl": ttl, "renewed_at": timestamp(utc(now)), "expires_at": timestamp(utc(now + ttl)), "renewed": now}


def is_stale(lease: Lease) -> bool:
    return _is_expired(lease) or is_dead(lease)


def _is_expired(lease: Lease) -> bool:
    ttl = float(lease["ttl"])
    if lease.get("boot_id") == _boot_id() and isinstance(lease.get("boottime"), float):
        # A clock that nobody sets: neither forward to free the lock too early nor back to block for long.
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
    """The holder in words, for a message."""
    process = f", process {lease['pid']}" if lease.get("pid") else ""
    info = lease.get("info")
    more = "".join(f", {name} {value}" for name, value in info.items()) if isinstance(info, dict) else ""
    return f"{lease.get('id')} ({lease.get('purpose')}, {lease.get('user')} on {lease.get('host')}{process}{more})"


def note_broken(library_path: str, lease: Lease, by: str) -> None:
    """Remember that the lock of a run was broken, so that this run is told when it comes back."""
    broken = read_cache(library_path, _BROKEN)
    broken[str(lease.get("id"))] = {"by": by, "at": timestamp()}
    write_cache(library_path, _BROKEN, dict(list(broken.items())[-_MOST_BROKEN:]))


def forget_broken(library_path: str, holder_id: str) -> None:
    broken = read_cache(library_path, _BROKEN)
    if broken.pop(holder_id, None) is not None:
        write_cache(library_path, _BROKEN, broken)


def broken_by(library_path: str, holder_id: str) -> Optional[str]:
    """Who broke the lock of this holder, and when; None when nobody did."""
    found = read_cache(library_path, _BROKEN).get(holder_id)
    return f"{found.get('by')} at {found.get('at')}" if isinstance(found, dict) else None


@contextmanager
def lease_mutex(library_path: str) -> Iterator[None]:
    """Keep other processes from changing the lease for a moment; the state folder has to be there."""
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
                # Some network file systems cannot lock a folder; a moment of two writers is left to luck there.
                return None
        if time.monotonic() >= deadline:
            raise MobiusError(
                f"The lock file of the library is being changed by another process for over {_MUTEX_SECONDS:g} seconds",
                state_dir(library_path),
                f"see which process it is: fuser -v {state_dir(library_path)}",
            )
        time.sleep(0.01)


def give_to_owner(descriptor: int, library_path: str) -> None:
    """Give a file of the state to the library's owner, so that a run as that user can follow one as root."""
    uid, gid = library_owner(library_path)
    facts = os.fstat(descriptor)
    # Never through another name of some other file.
    if facts.st_nlink == 1 and (uid not in (-1, facts.st_uid) or gid not in (-1, facts.st_gid)):
        with suppress(OSError):
            os.fchown(descriptor, uid, gid)


def start_of(pid: int) -> Optional[int]:
    """Start time of a process in clock ticks since boot, or None; with it a pid given to another process shows."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold anything; field 22 is the 20th after it, state Z or X is as good as gone.
    fields = stat_line.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


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
