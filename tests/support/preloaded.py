"""``ansible-playbook`` in a copy of a process that has imported Ansible before.

A run of a test is short: two fifths of its CPU go to Ansible's imports, the zips of the modules and the compilation of
the collection, which are the same in each. Here a process imports Ansible once, and each run is a fork of it with the
arguments, folders and output of its own (``preloaded_server.py``). All else is as in a process of its own: Ansible
reads its configuration from the environment when it is imported, so each environment has a process of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Tuple

_SERVER = str(Path(__file__).with_name("preloaded_server.py"))
_KEPT = 2
_Key = Tuple[Tuple[str, str], ...]


class Preloaded:
    """A process that has imported Ansible under one environment."""

    def __init__(self, environment: Dict[str, str]) -> None:
        self.ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-B", _SERVER, str(theirs.fileno())]
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ended with all that it runs.
                start_new_session=True,
            )

    def run(self, command: List[str], cwd: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run`` with the output captured; ``command`` is the path of ansible-playbook and arguments."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            request = json.dumps([command, cwd]).encode() + b"\n"
            socket.send_fds(self.ours, [b"."], [out.fileno(), errors.fileno()])
            self.ours.sendall(request)
            self.ours.settimeout(timeout)
            try:
                answer = self.ours.makefile("rb").readline()
            except TimeoutError:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command, timeout) from None
            assert answer, "Ansible could not be imported; its message is on stderr"
            texts = []
            for stream in (out, errors):
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(command, json.loads(answer), *texts)

    def end(self) -> None:
        self.ours.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()


_processes: Dict[_Key, Preloaded] = {}


def run(command: List[str], cwd: str, environment: Dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook under this environment and return its code and output."""
    # pytest notes the running test there.
    given = {name: value for name, value in environment.items() if name != "PYTEST_CURRENT_TEST"}
    key = tuple(sorted(given.items()))
    if key not in _processes:
        while len(_processes) >= _KEPT:
            _processes.pop(next(iter(_processes))).end()
        _processes[key] = Preloaded(given)
    try:
        return _processes[key].run(command, cwd, timeout)
    except subprocess.TimeoutExpired:
        del _processes[key]
        raise


@atexit.register
def _end_all() -> None:
    for process in _processes.values():
        process.end()
