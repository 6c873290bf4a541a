"""``ansible-playbook`` in a copy of a process that has imported Ansible before.

A run of a test is short: of its CPU, a quarter is Ansible's imports and the zips of the modules, which are the same in
each. Here a process imports Ansible once, and each run is a fork of it with the arguments, folders and output of its
own. The forks share the zips (``ansiballz_cache``). All else is as in a process of its own: Ansible reads its
configuration from the environment when it is imported, so each environment has a process of its own.
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
from typing import Dict, List, NoReturn, Tuple

_KEPT = 2
_Key = Tuple[Tuple[str, str], ...]


class Preloaded:
    """A process that has imported Ansible under one environment."""

    def __init__(self, environment: Dict[str, str]) -> None:
        self.ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-B", __file__, str(theirs.fileno())]
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


def _serve(channel: socket.socket) -> None:
    # Not used here: each fork finds them imported.
    import ansible.cli.playbook  # noqa: F401
    import ansible.executor.module_common  # noqa: F401
    import ansible.executor.playbook_executor  # noqa: F401
    import ansible.plugins.action.normal  # noqa: F401
    import ansible.plugins.connection.local  # noqa: F401
    import ansible.plugins.strategy.linear  # noqa: F401
    from ansible import constants

    # Ansible looks every millisecond for the end of a task, which takes a twentieth of the CPU of a run.
    constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.02
    while True:
        byte, descriptors, _flags, _address = socket.recv_fds(channel, 1, 2)
        if not byte:
            return
        command, cwd = json.loads(channel.makefile("rb").readline())
        process = os.fork()
        if process == 0:
            channel.close()
            _play(command, cwd, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _process, status = os.waitpid(process, 0)
        channel.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode() + b"\n")


def _play(command: List[str], cwd: str, output: List[int]) -> NoReturn:
    """One run, in the fork."""
    from ansible.cli.playbook import PlaybookCLI

    # What the imports registered is for the process that did them.
    atexit._clear()
    code = 1
    try:
        _own_temporary_folder()
        for number, descriptor in enumerate(output, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(cwd)
        sys.argv = command
        PlaybookCLI.cli_executor(command)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _own_temporary_folder() -> None:
    """The folder in which Ansible and the collection keep what is of one run; the zips in it are those of all runs."""
    from ansible import constants
    from ansible.utils.path import cleanup_tmp_file

    shared = constants.DEFAULT_LOCAL_TMP
    own = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=os.path.dirname(shared))
    atexit.register(cleanup_tmp_file, own, warn=True)
    os.makedirs(os.path.join(shared, "ansiballz_cache"), exist_ok=True)
    os.symlink(os.path.join(shared, "ansiballz_cache"), os.path.join(own, "ansiballz_cache"))
    constants.DEFAULT_LOCAL_TMP = own


if __name__ == "__main__":
    # As with the program itself: the modules beside this file are not Ansible's.
    sys.path[0] = os.path.dirname(sys.executable)
    with socket.socket(fileno=int(sys.argv[1])) as given_channel:
        _serve(given_channel)
