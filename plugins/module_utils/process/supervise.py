# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervise a background program by its pid file, for hosts without a service manager.

Alternatives do not fit: ``systemd-run --user`` needs systemd, which these hosts lack, ``start-stop-daemon`` is specific
to Debian and identifies a process by its pid alone, and a package would be needed before the environment exists.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

from ..errors import MobiusError
from ..json import MAX_PID, is_whole, load_object
from ..storage.lock import folder_alone
from ..storage.replace import make_folders, remove_durably, write_json
from ..text import mask_secrets
from .identity import boot_id, start_of

_STEP = 0.05
_TAIL = 2000


@dataclass(frozen=True)
class Program:
    """The program, its pid file and its log. Times are in seconds."""

    argv: List[str]
    pid_file: str
    log_file: str
    stop_timeout: float = 15.0


class Running(NamedTuple):
    """The live process of a pid file."""

    pid: int
    start: str


@contextlib.contextmanager
def alone(program: Program) -> Iterator[None]:
    """Lock a pid file: of two concurrent starts, both would accept the process that got the port."""
    folder = os.path.dirname(os.path.abspath(program.pid_file))
    make_folders(folder)
    timeout = program.stop_timeout + 60
    refusal = MobiusError(
        "Another run is starting or stopping the service", program.pid_file, "wait for it to end, then run again"
    )
    with folder_alone(folder, timeout, refusal):
        yield


def find(pid_file: str) -> Optional[Running]:
    """Return the live process of a pid file; a reused pid does not count."""
    try:
        document = load_object(Path(pid_file).read_bytes())
    except (FileNotFoundError, ValueError):
        # Where the file is unusable, the next start replaces it.
        return None
    pid, start, boot = document.get("pid"), document.get("start"), document.get("boot_id", "")
    if not is_whole(pid, 1, MAX_PID) or not isinstance(start, str) or boot != boot_id() or start_of(pid) != start:
        return None
    return Running(pid, start)


def start(program: Program, is_up: Callable[[], bool], timeout: float = 20.0) -> Running:
    """Start the program in its own session, so it outlives its starter; wait until ``is_up`` returns true.

    :raises MobiusError: it ended or was not up in time (it is stopped then), with the end of its log.
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
    """Terminate the program, and kill its process group if it does not end; False if it was not running.

    :raises MobiusError: it is still running afterwards.
    """
    running = find(program.pid_file)
    if running is not None:
        _signal(running, signal.SIGTERM)
        if not _gone(running, program.stop_timeout):
            # Check again that the pid, and so its process group, is still the process that we started.
            if start_of(running.pid) == running.start:
                _end_group(running.pid)
            if not _gone(running, 5.0):
                raise MobiusError(
                    f"Process {running.pid} does not end", program.pid_file, f"inspect it: ps -fp {running.pid}"
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
    """Return a minimal environment for the program, without the caller's other variables."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}


def _prepare_log(program: Program) -> int:
    """Create the folder of the log; returns the offset of new lines. The service rotates its log itself."""
    log = Path(os.path.abspath(program.log_file))
    make_folders(str(log.parent))
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def poll(is_up: Callable[[], bool], timeout: float, alive: Callable[[], bool]) -> bool:
    """Wait until ``is_up`` returns true; False after ``timeout`` seconds, or as soon as the process has ended."""
    deadline = time.monotonic() + timeout
    while not is_up():
        if time.monotonic() >= deadline or not alive():
            return False
        time.sleep(_STEP)
    return True


def _not_started(program: Program, code: Optional[int], timeout: float, log_start: int) -> MobiusError:
    if code is None:
        what = f"No valid answer within {timeout:g} s"
    else:
        what = f"It ended at once with {f'exit code {code}' if code >= 0 else f'signal {-code}'}"
    lines = []
    with contextlib.suppress(OSError), Path(program.log_file).open("rb") as stream:
        stream.seek(log_start)
        lines = stream.read()[-_TAIL:].decode("utf-8", "replace").splitlines()[-5:]
    log = f". Its log ends: {mask_secrets(ascii(' / '.join(lines))[1:-1])}" if lines else ""
    return MobiusError(f"The service did not start. {what}{log}", program.argv[-1], f"tail {program.log_file}")


def _signal(running: Running, number: int) -> None:
    """Signal exactly this process, through a pidfd if available, so a reused pid is never hit."""
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
        # Reap it if it is a child of this process.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(running.pid, os.WNOHANG)
        time.sleep(_STEP)
    return True
