"""Real processes, started in the background: found again, stopped, restarted, and never mistaken for others."""

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
from ansible_collections.mobius.dhash.plugins.module_utils.process.supervise import Program, ensure, find

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alive(pid: int) -> bool:
    return identity.start_of(pid) is not None


def test_started_once_and_left_alone(make):
    program = make()
    first = ensure(program, "started")
    second = ensure(program, "started")
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["pid"] == second["pid"]
    assert alive(first["pid"])


def test_it_outlives_its_starter(make, tmp_path):
    program = make()
    code = (
        "import sys; from ansible_collections.mobius.dhash.plugins.module_utils.process.supervise import *\n"
        f"print(ensure(Program({program.argv!r}, {program.pid_file!r}, {program.log_file!r}), 'started')['pid'])"
    )
    root = Path(__file__).parents[3] / "playbooks" / "collections"
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
    assert ensure(program, "started") == {**ensure(program, "started"), "changed": False, "pid": pid}
    assert ensure(program, "stopped")["changed"] is True
    assert not alive(pid)


def test_stopped_twice(make):
    program = make()
    pid = ensure(program, "started")["pid"]
    assert ensure(program, "stopped")["changed"] is True
    assert not alive(pid)
    assert not Path(program.pid_file).exists()
    assert ensure(program, "stopped")["changed"] is False


def test_restarted_is_another_process(make):
    program = make()
    first = ensure(program, "started")["pid"]
    again = ensure(program, "restarted")
    assert again["changed"] is True
    assert again["pid"] != first
    assert not alive(first)
    assert alive(again["pid"])


def test_restarted_starts_what_was_stopped(make):
    assert alive(ensure(make(), "restarted")["pid"])


@pytest.mark.parametrize("what", ["argv", "environment", "watch"])
def test_started_restarts_what_has_changed(make, tmp_path, what):
    watched = tmp_path / "config.json"
    watched.write_text("1")
    program = make(watch=[str(watched)])
    first = ensure(program, "started")["pid"]
    if what == "argv":
        program = replace(program, argv=[*program.argv, "more"])
    elif what == "environment":
        program = replace(program, environment={"A": "1"})
    else:
        watched.write_text("2")
    again = ensure(program, "started")
    assert again["changed"] is True
    assert again["pid"] != first
    assert not alive(first)
    assert ensure(program, "started")["changed"] is False


def test_check_mode_predicts_and_does_nothing(make):
    program = make()
    predicted = ensure(program, "started", check_mode=True)
    assert predicted["changed"] is True
    assert not Path(program.pid_file).parent.exists()
    pid = ensure(program, "started")["pid"]
    assert ensure(program, "started", check_mode=True)["changed"] is False
    assert ensure(program, "stopped", check_mode=True)["changed"] is True
    assert ensure(program, "restarted", check_mode=True)["changed"] is True
    assert alive(pid)
    ensure(program, "stopped")
    assert ensure(program, "stopped", check_mode=True)["changed"] is False


def test_a_reused_pid_is_never_killed(make):
    program = make()
    ensure(program, "started")
    note = json.loads(Path(program.pid_file).read_text())
    ensure(program, "stopped")
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as bystander:
        try:
            Path(program.pid_file).write_text(json.dumps({**note, "pid": bystander.pid}))
            assert find(program.pid_file) is None
            assert ensure(program, "stopped")["changed"] is False
            assert bystander.poll() is None
            assert ensure(program, "restarted")["pid"] != bystander.pid
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_pid_file_from_before_a_reboot_names_nobody(make):
    program = make()
    pid = ensure(program, "started")["pid"]
    path = Path(program.pid_file)
    note = json.loads(path.read_text())
    path.write_text(json.dumps({**note, "boot_id": "another"}))
    assert find(program.pid_file) is None
    assert alive(pid)
    path.write_text(json.dumps(note))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "4711", '{"pid": "x", "start": 1}', '{"pid": -1, "start": ""}', "\x00"]
)
def test_a_damaged_pid_file_names_nobody_and_stands_in_no_way(make, content):
    program = make()
    Path(program.pid_file).parent.mkdir(parents=True)
    Path(program.pid_file).write_text(content)
    assert find(program.pid_file) is None
    assert alive(ensure(program, "started")["pid"])


def test_a_deaf_program_is_killed_after_its_time(make):
    program = make(STUBBORN, stop_timeout=0.3)
    pid = ensure(program, "started")["pid"]
    while "deaf" not in Path(program.log_file).read_text():
        time.sleep(0.01)
    assert ensure(program, "stopped")["changed"] is True
    assert not alive(pid)


def test_children_of_a_deaf_program_go_with_it(make):
    child = (
        "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)\n"
    )
    program = make(child + STUBBORN, stop_timeout=0.3)
    ensure(program, "started")
    log = Path(program.log_file)
    while "deaf" not in log.read_text():
        time.sleep(0.01)
    pid = int(log.read_text().split()[0])
    assert alive(pid)
    ensure(program, "stopped")
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_one_that_ends_at_once_is_an_error_with_its_last_words(make):
    program = make("import sys; sys.exit('no library, no service')")
    with pytest.raises(MobiusError, match="exit code 1; it said: no library, no service"):
        ensure(program, "started")
    assert not Path(program.pid_file).exists()


def test_a_program_that_is_not_there(make):
    program = replace(make(), argv=["/nonexistent/program"])
    with pytest.raises(MobiusError, match="cannot be run"):
        ensure(program, "started")


def test_started_waits_until_it_listens(make):
    number = free_port()
    program = make(LISTEN, str(number), port=number)
    pid = ensure(program, "started")["pid"]
    assert port.answers("127.0.0.1", number)
    assert port.listener(number) == pid


def test_one_that_never_listens_is_ended_again(make):
    program = make(port=free_port(), start_timeout=0.5)
    with pytest.raises(MobiusError, match="did not listen within"):
        ensure(program, "started")
    assert find(program.pid_file) is None


def test_a_port_that_another_program_has(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(MobiusError, match=f"taken by process {os.getpid()} .*127.0.0.1:{number}"):
            ensure(make(LISTEN, str(number), port=number), "started")


def test_an_address_that_is_not_this_hosts(make):
    with pytest.raises(MobiusError, match="no such address"):
        ensure(make(port=free_port(), host="192.0.2.1"), "started")


def test_a_long_log_is_put_aside_at_the_start(make):
    program = make("print('new', flush=True)\n" + SLEEP, log_limit=100)
    log = Path(program.log_file)
    log.parent.mkdir()
    log.write_text("old\n" * 100)
    ensure(program, "started")
    assert "old" not in log.read_text()
    assert "old" in Path(f"{log}.1").read_text()
    assert log.stat().st_mode & 0o007 == 0


def test_a_short_log_goes_on(make):
    program = make()
    log = Path(program.log_file)
    log.parent.mkdir()
    log.write_text("old\n")
    ensure(program, "started")
    assert log.read_text().startswith("old\n")


def test_a_log_that_is_a_link_is_refused(make, tmp_path):
    program = make()
    Path(program.log_file).parent.mkdir()
    Path(program.log_file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        ensure(program, "started")
    assert not (tmp_path / "elsewhere").exists()


def test_the_environment_of_the_caller_stays_with_the_caller(make, monkeypatch):
    monkeypatch.setenv("PLANTED_SECRET", "x")
    code = "import os; print(os.environ.get('PLANTED_SECRET'), os.environ.get('GIVEN'), flush=True)\n"
    program = make(code + SLEEP, environment={"GIVEN": "yes"})
    ensure(program, "started")
    while "\n" not in Path(program.log_file).read_text():
        time.sleep(0.01)
    assert Path(program.log_file).read_text() == "None yes\n"


def test_many_at_once_start_one(make):
    number = free_port()
    program = make(LISTEN, str(number), port=number)
    results = []
    threads = [threading.Thread(target=lambda: results.append(ensure(program, "started"))) for _unused in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["changed"] for result in results) == [False] * 5 + [True]
    assert len({result["pid"] for result in results}) == 1


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
