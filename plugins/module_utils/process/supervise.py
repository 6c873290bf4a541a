# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in the background, for hosts with no service manager: started and stopped by its pid file.

Why not something that exists: ``systemd-run --user`` needs the systemd that these hosts lack, ``start-stop-daemon`` is
Debian's and knows a process by its pid alone, and a library would have to be there before the environment is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

from ..errors import MobiusError
from ..storage.lock import folder_alone
from ..storage.replace import make_folders, remove_durably, write_json
from ..text import mask_secrets
from .identity import boot_id, start_of

_STEP = 0.05
_TAIL = 2000


@dataclass(frozen=True)
class Program:
    """What to run and where it leaves its traces. Times are in seconds."""

    argv: List[str]
    pid_file: str
    log_file: str
    stop_timeout: float = 15.0


class Running(NamedTuple):
    """A live process that a pid file stands for."""

    pid: int
    start: str


@contextlib.contextmanager
def alone(program: Program) -> Iterator[None]:
    """One at a time for one pid file: two that start at once would both believe in the one that got the port."""
    folder = os.path.dirname(os.path.abspath(program.pid_file))
    make_folders(folder)
    timeout = program.stop_timeout + 60
    refusal = MobiusError(
        "Another run is starting or stopping the service", program.pid_file, "wait for it to end, then run again"
    )
    with folder_alone(folder, timeout, refusal):
        yield


def find(pid_file: str) -> Optional[Running]:
    """The process that a pid file stands for, if it lives; a pid that was given to another process since is none."""
    try:
        document = json.loads(Path(pid_file).read_bytes())
        noted = Running(int(document["pid"]), str(document["start"]))
        boot = str(document.get("boot_id", ""))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        # Nothing in it can be trusted to name a process; it is replaced at the next start.
        return None
    return noted if boot == boot_id() and start_of(noted.pid) == noted.start else None


def start(program: Program, is_up: Callable[[], bool], timeout: float = 20.0) -> Running:
    """Start in a session of its own, so that it outlives whoever started it; wait until ``is_up`` says so.

    :raises MobiusError: it ended or was not up in time (it is ended then), with the end of its log.
    """
    log_start = _prepare_log(program)
    process = _spawn(program)
    running = Running(process.pid, start_of(process.pid) or "")
    note = {"pid": running.pid, "start": running.start, "boot_id": boot_id(), "argv": program.argv}
    try:
        write_json(program.pid_file, note)
        if not poll(is_up, timeout, lambda: process.poll() is None):
            raise _not_started(program, process.poll(), timeout, log_start)
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
        # run_command belongs to an AnsibleModule, and there is none here.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_inherited(),
            start_new_session=True,
            close_fds=True,
        )
    except OSError as error:
        raise MobiusError(
            f"The program cannot be run: {error.strerror}", program.argv[0], "check the path and its mode"
        ) from error
    finally:
        os.close(log)


def _inherited() -> Dict[str, str]:
    """The little that a program needs of the environment: whatever else the caller has in it stays the caller's."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}


def _prepare_log(program: Program) -> int:
    """Make the folder of the log; returns where the new lines will begin. The service rotates its log itself."""
    log = Path(os.path.abspath(program.log_file))
    make_folders(str(log.parent))
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def poll(is_up: Callable[[], bool], timeout: float, alive: Callable[[], bool]) -> bool:
    """Wait until ``is_up`` says so; False after ``timeout`` seconds, or as soon as nothing is alive that could be."""
    deadline = time.monotonic() + timeout
    while not is_up():
        if time.monotonic() >= deadline or not alive():
            return False
        time.sleep(_STEP)
    return True


def _not_started(program: Program, code: Optional[int], timeout: float, log_start: int) -> MobiusError:
    if code is None:
        what = f"No right answer within {timeout:g} s"
    else:
        what = f"It ended at once with {f'exit code {code}' if code >= 0 else f'signal {-code}'}"
    lines = []
    with contextlib.suppress(OSError), Path(program.log_file).open("rb") as stream:
        stream.seek(log_start)
        lines = stream.read()[-_TAIL:].decode("utf-8", "replace").splitlines()[-5:]
    log = f". Its log ends: {mask_secrets(ascii(' / '.join(lines))[1:-1])}" if lines else ""
    return MobiusError(f"The service did not start. {what}{log}", program.argv[-1], f"tail {program.log_file}")


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
