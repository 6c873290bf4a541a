"""Locks: one run at a time, and a dead holder never blocks for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lease, lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import (
    Locked,
    acquire,
    hold,
    holder,
    release,
    writing,
)
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


def lease_file(library: str) -> Path:
    return Path(library).parent / ".library.json.dhash" / "lock"


def change(library: str, **facts: Any) -> None:
    lease = json.loads(lease_file(library).read_text())
    lease_file(library).write_text(json.dumps({**lease, **facts}))


def test_takes_renews_and_gives_back(library: str) -> None:
    first = acquire(library, "A")
    assert (first["changed"], first["taken_over_from"], first["holder"]["id"]) == (True, None, "A")
    assert acquire(library, "A")["changed"] is False
    assert holder(library)["taken_at"] == first["holder"]["taken_at"]
    assert release(library, "B") is False
    assert release(library, "A") is True
    assert release(library, "A") is False
    assert holder(library) is None


def test_a_lock_is_broken_for_the_run_that_was_named_and_for_no_other(library: str) -> None:
    acquire(library, "A")
    with pytest.raises(Locked, match="locked by A"):
        acquire(library, "B", force="C")
    assert holder(library)["id"] == "A"
    assert acquire(library, "B", force="A", check_mode=True)["taken_over_from"]["id"] == "A"
    assert acquire(library, "B", force="A")["taken_over_from"]["id"] == "A"
    # Once more, as a command that is pasted twice.
    with pytest.raises(Locked, match="locked by B"):
        acquire(library, "C", force="A")
    assert acquire(library, "B", force="A")["changed"] is False


def test_the_refusal_names_the_holder_and_how_to_break_the_lock(library: str) -> None:
    acquire(library, "A", purpose="deployment")
    with pytest.raises(Locked, match=r"locked by A \(deployment, .* since .*Z.*force=true"):
        acquire(library, "B")
    for other in (None, "B"):
        with pytest.raises(Locked, match="locked by A"), writing(library, other):
            raise AssertionError("entered")
    taken = acquire(library, "B", force=True)
    assert (taken["changed"], taken["taken_over_from"]["id"]) == (True, "A")
    with pytest.raises(Locked, match="locked by B"), writing(library, "A"):
        raise AssertionError("a holder whose lock was broken writes on")


def test_check_mode_predicts_and_writes_nothing(library: str) -> None:
    assert acquire(library, "A", check_mode=True)["changed"] is True
    assert not lease_file(library).parent.exists()
    acquire(library, "A")
    with pytest.raises(Locked):
        acquire(library, "B", check_mode=True)
    assert release(library, "A", check_mode=True) is True
    assert holder(library)["id"] == "A"


def test_expires(library: str) -> None:
    acquire(library, "A", ttl=60)
    change(library, boottime=lease._boottime() - 61)
    assert holder(library) is None
    assert acquire(library, "B")["taken_over_from"]["id"] == "A"


def test_a_clock_that_is_set_neither_frees_nor_blocks(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire(library, "A", ttl=60)
    real = time.time
    for shift in (-1e9, 1e9):
        monkeypatch.setattr(time, "time", lambda shift=shift: real() + shift)
        assert holder(library)["id"] == "A"
    # Another host has another boot, so only the clocks compare; far off either way is no live holder.
    for age in (61, -61):
        change(library, boot_id="another", renewed=real() - age)
        monkeypatch.setattr(time, "time", real)
        assert holder(library) is None
    change(library, boot_id="another", renewed=real() - 30)
    assert holder(library)["id"] == "A"


def test_writing_renews_its_own_lease(library: str) -> None:
    acquire(library, "A", ttl=60)
    change(library, boottime=lease._boottime() - 59)
    with writing(library, "A"):
        change(library, boottime=lease._boottime() - 59)
    assert lease._boottime() - json.loads(lease_file(library).read_text())["boottime"] < 50
    assert holder(library)["taken_at"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_ends_with_its_process(library: str, sleeper: subprocess.Popen[bytes]) -> None:
    acquire(library, "A", pid=sleeper.pid)
    with pytest.raises(Locked, match=f"process {sleeper.pid}"):
        acquire(library, "B")
    sleeper.kill()
    while Path(f"/proc/{sleeper.pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.01)
    assert holder(library) is None, "a zombie holds nothing"
    sleeper.wait()
    assert holder(library) is None
    assert acquire(library, "B")["taken_over_from"]["id"] == "A"


def test_a_number_given_to_another_process_is_not_the_holder(library: str, sleeper: subprocess.Popen[bytes]) -> None:
    acquire(library, "A", pid=sleeper.pid)
    change(library, pid_start=1)
    assert holder(library) is None


def test_a_process_of_another_host_or_boot(library: str, sleeper: subprocess.Popen[bytes]) -> None:
    acquire(library, "A", pid=sleeper.pid)
    change(library, host="another", pid=999999999)
    assert holder(library)["id"] == "A", "nobody can know whether a process of another host lives"
    change(library, host=lease.socket.gethostname(), pid=sleeper.pid, boot_id="former")
    assert holder(library) is None, "after a reboot no process of before lives"


def test_a_process_that_is_not_there_cannot_hold(library: str) -> None:
    with pytest.raises(MobiusError, match="no such process"):
        acquire(library, "A", pid=999999999)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"id": "A"}', b'{"id": 1, "ttl": 1, "renewed": 1}', b"\xff\x00"]
)
def test_an_unreadable_lock_holds_until_its_time_is_over(library: str, content: bytes) -> None:
    acquire(library, "A")
    lease_file(library).write_bytes(content)
    with pytest.raises(Locked, match="an unreadable lock"):
        acquire(library, "B")
    os.utime(lease_file(library), (time.time() - lock.TTL - 1,) * 2)
    assert acquire(library, "B")["changed"] is True


def test_invalid_holder_ttl_and_folder(library: str) -> None:
    with pytest.raises(MobiusError, match="id of its holder"):
        acquire(library, " ")
    for ttl in (0, -1, 10**18):
        with pytest.raises(MobiusError, match="between 1 and"):
            acquire(library, "A", ttl=ttl)
    with pytest.raises(MobiusError, match="folder of the library is missing"):
        acquire(str(Path(library).parent / "typo" / "library.json"), "A")
    assert not (Path(library).parent / "typo").exists()


SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(COLLECTIONS)!r})
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import Locked, acquire, writing
what, path, name = sys.argv[1:]
try:
    if what == "acquire":
        acquire(path, name)
    else:
        with writing(path, wait=0):
            print("in", flush=True)
            sys.stdin.read()
    print("done")
except Locked:
    print("refused")
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_of_many_concurrent_runs_one_gets_the_lock(library: str) -> None:
    started = [start("acquire", library, str(number)) for number in range(8)]
    answers = [process.communicate()[0].strip() for process in started]
    assert sorted(answers) == ["done"] + ["refused"] * 7
    assert answers[int(holder(library)["id"])] == "done"


def test_two_processes_never_write_at_once_and_a_killed_one_is_no_obstacle(library: str) -> None:
    first = start("write", library, "")
    assert first.stdout.readline() == "in\n"
    assert start("write", library, "").communicate()[0] == "refused\n"
    with pytest.raises(Locked, match="Another process is writing"), writing(library, wait=0.2):
        raise AssertionError("entered")
    first.kill()
    first.wait()
    with writing(library, wait=0):
        pass


def test_a_worker_that_outlives_its_parent_holds_nothing(library: str) -> None:
    with writing(library):
        worker = os.fork()
        if worker == 0:
            time.sleep(60)
            os._exit(0)
    try:
        assert start("write", library, "").communicate()[0] == "in\ndone\n"
    finally:
        os.kill(worker, 9)
        os.waitpid(worker, 0)


def test_may_be_entered_again_and_sweeps(library: str) -> None:
    folder = Path(library).parent
    (folder / ".library.json.dhash").mkdir()
    left = [folder / ".library.json.0123456789ab.tmp", folder / ".library.json.dhash/.current.json.0123456789ab.tmp"]
    for path in left:
        path.touch()
    with writing(library), writing(library):
        assert start("write", library, "").communicate()[0] == "refused\n"
    assert [path.exists() for path in left] == [False, False]
    assert start("write", library, "").communicate()[0] == "in\ndone\n"


def test_as_a_module_returns_it(library: str) -> None:
    details: Dict[str, Any] = {"check_mode": False, "purpose": "test", "ttl": 60, "pid": None}
    taken = hold(library, "A", present=True, **details)
    assert taken["diff"] == {"before": "", "after": "A\n"}
    assert "boot_id" not in taken["holder"]
    assert hold(library, "A", present=True, **details)["diff"] == {"before": "A\n", "after": "A\n"}
    other = hold(library, "B", present=False, **details)
    assert (other["changed"], other["holder"]["id"]) == (False, "A")
    broken = hold(library, "B", present=False, force=True, **details)
    assert (broken["changed"], broken["holder"], broken["diff"]) == (True, None, {"before": "A\n", "after": ""})
