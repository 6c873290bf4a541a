"""Real background processes: found again, stopped, restarted, and never confused with others."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.process import identity, port, supervise
from ansible_collections.mobius.dhash.plugins.module_utils.process.supervise import Program, alone, find
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS

SLEEP = "import time\nwhile True: time.sleep(1)"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n" + SLEEP
LISTEN = (
    "import socket, sys, time\n"
    "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "while True: server.accept()[0].close()"
)


@pytest.fixture
def make(tmp_path):
    """Programs whose processes are gone when the test is."""
    made = []

    def program(code=SLEEP, *arguments, **options):
        one = Program(
            argv=[sys.executable, "-c", code, *arguments],
            pid_file=str(tmp_path / "run" / "program.pid"),
            log_file=str(tmp_path / "log" / "program.log"),
            **options,
        )
        made.append(one)
        return one

    yield program
    for one in made:
        with contextlib.suppress(MobiusError):
            supervise.stop(replace(one, stop_timeout=0.1))


def started(program, timeout=20.0) -> int:
    """Start it, and return its pid once it has lived for a moment."""
    up = time.monotonic() + 0.3
    return supervise.start(program, lambda: time.monotonic() > up, timeout).pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alive(pid: int) -> bool:
    return identity.start_of(pid) is not None


def test_it_outlives_its_starter(make):
    program = make()
    code = (
        "import sys; from ansible_collections.mobius.dhash.plugins.module_utils.process.supervise import *\n"
        f"print(start(Program({program.argv!r}, {program.pid_file!r}, {program.log_file!r}), lambda: True).pid)"
    )
    root = COLLECTIONS
    environment = {**os.environ, "PYTHONPATH": str(root)}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        start_new_session=True,
    )
    pid = int(answer.stdout)
    assert alive(pid)
    assert os.getpgid(pid) == pid
    assert os.getsid(pid) == pid
    assert find(program.pid_file).pid == pid
    assert supervise.stop(program) is True
    assert not alive(pid)


def test_stopped_twice(make):
    program = make()
    pid = started(program)
    assert supervise.stop(program) is True
    assert not alive(pid)
    assert not Path(program.pid_file).exists()
    assert supervise.stop(program) is False


def test_a_reused_pid_is_never_killed(make):
    program = make()
    started(program)
    note = json.loads(Path(program.pid_file).read_text())
    supervise.stop(program)
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as bystander:
        try:
            Path(program.pid_file).write_text(json.dumps({**note, "pid": bystander.pid}))
            assert find(program.pid_file) is None
            assert supervise.stop(program) is False
            assert bystander.poll() is None
            assert started(program) != bystander.pid
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize(
    "members",
    [
        *({"pid": value} for value in (None, 0, -1, True, "1", 1.5, 2**31, 10**400, [1], {})),
        *({"start": value} for value in (None, 1, [], "")),
        *({"boot_id": value} for value in (None, 1, [], {})),
    ],
    ids=str,
)
def test_a_pid_file_with_a_member_of_another_type_is_of_no_process(tmp_path, members):
    path = tmp_path / "program.pid"
    note = {"pid": os.getpid(), "start": identity.start_of(os.getpid()), "boot_id": identity.boot_id()}
    path.write_text(json.dumps(note))
    assert find(str(path)).pid == os.getpid()
    path.write_text(json.dumps({**note, **members}))
    assert find(str(path)) is None


def test_a_pid_file_from_before_a_reboot_is_ignored(make):
    program = make()
    pid = started(program)
    path = Path(program.pid_file)
    note = json.loads(path.read_text())
    path.write_text(json.dumps({**note, "boot_id": "another"}))
    assert find(program.pid_file) is None
    assert alive(pid)
    path.write_text(json.dumps(note))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "4711", '{"pid": "x", "start": 1}', '{"pid": -1, "start": ""}', "\x00"]
)
def test_a_damaged_pid_file_is_ignored(make, content):
    program = make()
    Path(program.pid_file).parent.mkdir(parents=True)
    Path(program.pid_file).write_text(content)
    assert find(program.pid_file) is None
    assert alive(started(program))


def test_a_program_that_ignores_sigterm_is_killed_after_its_timeout(make):
    program = make(STUBBORN, stop_timeout=0.3)
    pid = started(program)
    while "deaf" not in Path(program.log_file).read_text():
        time.sleep(0.01)
    assert supervise.stop(program) is True
    assert not alive(pid)


def test_children_of_a_killed_program_are_killed_too(make):
    child = (
        "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)\n"
    )
    program = make(child + STUBBORN, stop_timeout=0.3)
    started(program)
    log = Path(program.log_file)
    while "deaf" not in log.read_text():
        time.sleep(0.01)
    pid = int(log.read_text().split()[0])
    assert alive(pid)
    supervise.stop(program)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_one_that_ends_at_once_is_an_error_with_its_last_words(make):
    program = make("import sys; sys.exit('no library, no service')")
    with pytest.raises(MobiusError, match="ended at once with exit code 1. Its log ends: no library, no service"):
        supervise.start(program, lambda: False)
    assert not Path(program.pid_file).exists()


def test_a_program_that_is_not_there(make):
    program = replace(make(), argv=["/nonexistent/program"])
    with pytest.raises(MobiusError, match="cannot be run"):
        started(program)


def test_started_waits_until_it_is_up(make):
    number = free_port()
    program = make(LISTEN, str(number))

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), timeout=1):
            return True
        return False

    pid = supervise.start(program, listens).pid
    assert listens()
    assert port.listener(number) == pid


def test_one_that_is_never_up_is_ended_again(make):
    program = make()
    with pytest.raises(MobiusError, match="No valid answer within 0.5 s"):
        supervise.start(program, lambda: False, 0.5)
    assert find(program.pid_file) is None


def test_a_port_that_another_program_has():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(MobiusError, match=f"taken by process {os.getpid()} .*127.0.0.1:{number}"):
            port.check_free("127.0.0.1", number)
    port.check_free("127.0.0.1", number)


def test_an_address_that_is_not_this_hosts():
    with pytest.raises(MobiusError, match="no such address"):
        port.check_free("192.0.2.1", free_port())


def test_a_short_log_is_continued(make):
    program = make()
    log = Path(program.log_file)
    log.parent.mkdir()
    log.write_text("old\n")
    started(program)
    assert log.read_text().startswith("old\n")


def test_a_log_that_is_a_link_is_refused(make, tmp_path):
    program = make()
    Path(program.log_file).parent.mkdir()
    Path(program.log_file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        started(program)
    assert not (tmp_path / "elsewhere").exists()


def test_a_new_log_is_not_world_readable(make):
    program = make()
    started(program)
    assert Path(program.log_file).stat().st_mode & 0o777 == 0o640


def test_the_environment_of_the_caller_stays_with_the_caller(make, monkeypatch):
    monkeypatch.setenv("PLANTED_SECRET", "x")
    program = make("import os; print(os.environ.get('PLANTED_SECRET'), flush=True)\n" + SLEEP)
    started(program)
    while "\n" not in Path(program.log_file).read_text():
        time.sleep(0.01)
    assert Path(program.log_file).read_text() == "None\n"


def test_many_at_once_start_one(make):
    program = make()
    pids = []

    def ensure() -> None:
        with alone(program):
            running = find(program.pid_file)
            pids.append(running.pid if running else started(program))

    threads = [threading.Thread(target=ensure) for _unused in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6 and len(set(pids)) == 1


def test_the_dead_have_no_start_time():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while identity.start_of(process.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        # Not reaped yet: a zombie counts as dead.
        assert identity.start_of(process.pid) is None
    assert identity.start_of(0) is None
    own = identity.start_of(os.getpid())
    assert own is not None
    assert identity.start_of(os.getpid()) == own
