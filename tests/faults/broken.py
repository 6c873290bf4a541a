"""Run a call in a child under strace, and break one system call of it.

The child is forked warm, waits until strace has it, and reports its end without a system call of its own, so that the
first call that strace counts is the first of the call under test.
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import DurabilityUnknown

MARK = "rmdir"
#: What strace shows under several names, by the name of the table.
CALLS: Dict[str, Sequence[str]] = {
    "openat": ("openat",),
    "write": ("write", "pwrite64", "writev", "sendfile", "copy_file_range", "ftruncate"),
    "fsync": ("fsync", "fdatasync"),
    "fchmod": ("fchmod", "chmod"),
    "fchown": ("fchown", "chown"),
    "rename": ("rename",),
    "unlink": ("unlink",),
    "mkdir": ("mkdir",),
}
TRACED = [each for names in CALLS.values() for each in names]

DONE, REPORTED, UNKNOWN, CRASHED, KILLED = "done", "reported", "durability unknown", "crashed", "killed"
_SECONDS = 60.0


@dataclass(frozen=True)
class Point:
    """The ``number``-th system call ``name`` of a run; ``before`` counts each name up to and without this one."""

    name: str
    number: int
    before: Dict[str, int]
    line: str

    @property
    def group(self) -> str:
        return next(group for group, names in CALLS.items() if self.name in names)


@dataclass(frozen=True)
class Ended:
    """How a broken run ended: one of the words above, and its message."""

    how: str
    text: str
    injected: bool

    def __str__(self) -> str:
        return f"{self.how} {self.text}".strip()


def unavailable() -> Optional[str]:
    """Why system calls cannot be broken here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, text=True, check=False)
    return None if probe.returncode == 0 else f"strace may not trace here: {probe.stderr.strip()}"


def run(call: Callable[[], Any], log: Path, inject: Sequence[str] = ()) -> Ended:
    """Do ``call`` in a child of its own while strace breaks the calls of ``inject``."""
    shared = mmap.mmap(-1, 8192)
    child = os.fork()
    if child == 0:
        _child(call, shared)
    log.unlink(missing_ok=True)
    command = ["strace", "-qq", "-y", "-o", str(log), "-e", "trace=" + ",".join([*TRACED, MARK]), "-p", str(child)]
    for each in inject:
        command += ["-e", f"inject={each}"]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _until(lambda: log.exists() and log.stat().st_size > 0, tracer)
        shared[0] = 1
        status = _reaped(child)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        tracer.communicate(timeout=_SECONDS)
    injected = "INJECTED" in log.read_text(errors="replace") if inject else False
    return _ended(status, shared, injected=injected)


class Alone:
    """A call in a child of its own that nothing breaks from outside; several may run at once."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._shared = mmap.mmap(-1, 8192)
        self._shared[0] = 1
        self._pid = os.fork()
        if self._pid == 0:
            signal.alarm(int(_SECONDS))
            _child(call, self._shared)

    def ended(self) -> Ended:
        """Wait for it; a run that hangs counts as killed."""
        return _ended(_reaped(self._pid), self._shared, injected=True)


def alone(call: Callable[[], Any]) -> Ended:
    """Do ``call`` in a child, and see how it ends."""
    return Alone(call).ended()


def _ended(status: int, shared: mmap.mmap, *, injected: bool) -> Ended:
    if os.WIFSIGNALED(status):
        return Ended(KILLED, signal.Signals(os.WTERMSIG(status)).name, True)
    text = bytes(shared[2:]).rstrip(b"\0").decode(errors="replace")
    return Ended([DONE, REPORTED, UNKNOWN, CRASHED][shared[1]], text, injected)


def _child(call: Callable[[], Any], shared: mmap.mmap) -> None:
    """Never returns."""
    try:
        while not shared[0]:
            try:
                os.rmdir("/the/run/begins")
            except OSError:
                time.sleep(0.001)
        how, text = _outcome(call)
        shared[1] = [DONE, REPORTED, UNKNOWN, CRASHED].index(how)
        data = text.encode(errors="replace")[:4000]
        shared[2 : 2 + len(data)] = data
        os._exit(0)
    finally:
        os._exit(1)


def _outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """As the modules report it: expected errors end with a message, any other is a crash."""
    try:
        call()
    except DurabilityUnknown as error:
        return UNKNOWN, str(error)
    except (MobiusError, OSError) as error:
        return REPORTED, f"{type(error).__name__}: {error}"
    except BaseException as error:
        return CRASHED, f"{type(error).__name__}: {error}"
    return DONE, ""


def _until(ready: Callable[[], bool], tracer: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        if tracer.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("strace did not take hold of the run")
        time.sleep(0.001)


def _reaped(child: int) -> int:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.001)
    raise RuntimeError(f"the broken run hangs for {_SECONDS:g} seconds")


def points_of(log: Path, folder: str) -> List[Point]:
    """The system calls of a logged run that touch something under ``folder``, each with its number among its like."""
    seen: Counter[str] = Counter()
    points: List[Point] = []
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\w+)\(", line)
        if match is None or match.group(1) == MARK:
            continue
        name = match.group(1)
        if folder in line:
            short = re.sub(r"AT_FDCWD<[^>]*>, ", "", line.replace(folder, ""))[:140]
            points.append(Point(name, seen[name] + 1, dict(seen), short))
        seen[name] += 1
    return points
