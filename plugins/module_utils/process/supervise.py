# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A program in the background, for hosts with no service manager: started, stopped, restarted by its pid file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from ..errors import MobiusError
from ..storage.lock import folder_alone
from ..storage.replace import make_folders, remove_durably, write_json
from . import port
from .identity import boot_id, start_of

_STEP = 0.05
_TAIL = 2000


@dataclass(frozen=True)
class Program:
    """What to run and where it leaves its traces.

    ``watch``: files whose content belongs to the program; when one changed since the start, started means restarted.
    ``host`` and ``port``: started also means that the program listens there. Times are in seconds.
    """

    argv: List[str]
    pid_file: str
    log_file: str
    environment: Mapping[str, str] = field(default_factory=dict)
    chdir: Optional[str] = None
    watch: List[str] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: Optional[int] = None
    start_timeout: float = 20.0
    stop_timeout: float = 15.0
    log_limit: int = 1024 * 1024


@dataclass(frozen=True)
class Running:
    """A live process that this pid file stands for."""

    pid: int
    start: str
    fingerprint: str


def ensure(program: Program, state: str, check_mode: bool = False) -> Dict[str, Any]:
    """Bring the program into ``started``, ``stopped`` or ``restarted``.

    :returns: ``changed``, ``state``, ``pid`` (None when stopped or in check mode) and a ``diff``.
    :raises MobiusError: it did not start, did not stop, or its port is taken.
    """
    with contextlib.nullcontext() if check_mode else _alone(program):
        return _ensure(program, state, check_mode)


def _ensure(program: Program, state: str, check_mode: bool) -> Dict[str, Any]:
    running = find(program.pid_file)
    before = "stopped" if running is None else "started"
    fresh = running is not None and running.fingerprint == fingerprint(program)
    wanted = "stopped" if state == "stopped" else "started"
    changed = state == "restarted" or before != wanted or (wanted == "started" and not fresh)
    if changed and not check_mode:
        stop(program)
        if wanted == "started":
            running = start(program)
    pid = running.pid if running is not None and wanted == "started" else None
    reason = "" if before != wanted or not changed else (" (restarted)" if fresh else " (restarted: it had changed)")
    return {
        "changed": changed,
        "state": wanted,
        "pid": None if check_mode and changed else pid,
        "diff": {"before": f"{before}\n", "after": f"{wanted}{reason}\n"},
    }


@contextlib.contextmanager
def _alone(program: Program) -> Iterator[None]:
    """One at a time for one pid file: two that start at once would both believe in the one that got the port."""
    folder = os.path.dirname(os.path.abspath(program.pid_file))
    make_folders(folder)
    patience = program.start_timeout + program.stop_timeout + 10
    with folder_alone(folder, patience, MobiusError("It is being started or stopped by another run", program.pid_file)):
        yield


def find(pid_file: str) -> Optional[Running]:
    """The process that a pid file stands for, if it lives; a pid that was given to another process since is none."""
    try:
        document = json.loads(Path(pid_file).read_bytes())
        noted = Running(int(document["pid"]), str(document["start"]), str(document.get("fingerprint", "")))
        boot = str(document.get("boot_id", ""))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        # Nothing in it can be trusted to name a process; it is replaced at the next start.
        return None
    return noted if boot == boot_id() and start_of(noted.pid) == noted.start else None


def fingerprint(program: Program) -> str:
    """Changes with the command, its environment and every watched file."""
    digest = hashlib.sha256()
    facts = [program.argv, sorted(program.environment.items()), program.chdir, program.host, program.port]
    digest.update(json.dumps(facts).encode())
    for path in program.watch:
        try:
            content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        except OSError:
            content = "none"
        digest.update(json.dumps([path, content]).encode())
    return digest.hexdigest()


def start(program: Program) -> Running:
    """Start in a session of its own, so that it outlives whoever started it; wait until it is there.

    :raises MobiusError: with the end of its log.
    """
    if program.port is not None:
        port.check_free(program.host, program.port)
    print_of = fingerprint(program)
    log_start = _prepare_log(program)
    process = _spawn(program)
    started = start_of(process.pid)
    running = Running(process.pid, started or "", print_of)
    note = {
        "pid": running.pid,
        "start": running.start,
        "boot_id": boot_id(),
        "fingerprint": print_of,
        "argv": program.argv,
    }
    try:
        write_json(program.pid_file, note)
        _wait_until_there(program, process, log_start)
    except BaseException:
        _end_group(process.pid)
        process.wait()
        with contextlib.suppress(OSError):
            remove_durably(program.pid_file)
        raise
    return running


def stop(program: Program) -> bool:
    """Ask the program to end, and end its process group when it does not; False when it was not running.

    :raises MobiusError: it is still there after all that.
    """
    running = find(program.pid_file)
    if running is not None:
        _signal(running, signal.SIGTERM)
        if not _gone(running, program.stop_timeout):
            # Checked again: the pid still is the process that we started, and so is the group that it leads.
            if start_of(running.pid) == running.start:
                _end_group(running.pid)
            if not _gone(running, 5.0):
                raise MobiusError(
                    f"Process {running.pid} does not end", program.pid_file, f"look at it: ps -fp {running.pid}"
                )
    with contextlib.suppress(FileNotFoundError):
        remove_durably(program.pid_file)
    return running is not None


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    log = os.open(program.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        return subprocess.Popen(
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.chdir or "/",
            env={**_inherited(), **program.environment},
            start_new_session=True,
            close_fds=True,
        )
    except OSError as error:
        raise MobiusError(
            f"It cannot be run: {error.strerror}", program.argv[0], "check the path and its mode"
        ) from error
    finally:
        os.close(log)


def _inherited() -> Dict[str, str]:
    """The little that a program needs of the environment: whatever else the caller has in it stays the caller's."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}


def _prepare_log(program: Program) -> int:
    """Keep one older log once it is larger than its limit; returns where the new lines will begin."""
    log = Path(os.path.abspath(program.log_file))
    make_folders(str(log.parent))
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= program.log_limit:
        return size
    os.replace(log, f"{log}.1")
    return 0


def _wait_until_there(program: Program, process: subprocess.Popen[bytes], log_start: int) -> None:
    deadline = time.monotonic() + program.start_timeout
    # Without a port, being alive after half a second is all that can be seen.
    settled = time.monotonic() + 0.5
    while True:
        if process.poll() is not None:
            how = f"exit code {process.returncode}" if process.returncode >= 0 else f"signal {-process.returncode}"
            raise _not_started(f"It ended at once with {how}", program, log_start)
        if program.port is None and time.monotonic() >= settled:
            return
        if program.port is not None and port.answers(program.host, program.port):
            return
        if time.monotonic() >= deadline:
            raise _not_started(f"It did not listen within {program.start_timeout:g} s", program, log_start)
        time.sleep(_STEP)


def _not_started(what: str, program: Program, log_start: int) -> MobiusError:
    lines = []
    with contextlib.suppress(OSError), Path(program.log_file).open("rb") as stream:
        stream.seek(log_start)
        lines = stream.read()[-_TAIL:].decode("utf-8", "replace").splitlines()[-5:]
    said = f"; it said: {ascii(' / '.join(lines))[1:-1]}" if lines else ""
    return MobiusError(f"The program did not start. {what}{said}", program.argv[0], f"look at {program.log_file}")


def _signal(running: Running, number: int) -> None:
    """Signal exactly this process: through a pidfd where there are such, so that a reused pid is never hit."""
    opener = getattr(os, "pidfd_open", None)
    sender = getattr(signal, "pidfd_send_signal", None)
    try:
        if opener is None or sender is None:
            os.kill(running.pid, number)
            return
        descriptor = opener(running.pid)
    except ProcessLookupError:
        return
    except OSError:
        os.kill(running.pid, number)
        return
    try:
        if start_of(running.pid) == running.start:
            sender(descriptor, number)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _end_group(pid: int) -> None:
    """Kill the group that this process leads, and no other group."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def _gone(running: Running, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while start_of(running.pid) == running.start:
        if time.monotonic() >= deadline:
            return False
        # Reaps it where this very process started it; elsewhere it is no child of ours.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(running.pid, os.WNOHANG)
        time.sleep(_STEP)
    return True
