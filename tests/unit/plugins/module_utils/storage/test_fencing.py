"""A process that outlives its run changes nothing, and a run whose lock was broken reports it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lease, lock, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import (
    Locked,
    LockLost,
    StillWriting,
    acquire,
    fence,
    hold,
    holder,
    refuse_if_held,
    release,
    writing,
)
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import replace_whole
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS

# A migration that the controller has lost track of: it works, then replaces, then prints the outcome.
ORPHAN = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import writing
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import replace_whole
path, run = sys.argv[2:]
try:
    with writing(path, run or None):
        print("working", flush=True)
        sys.stdin.readline()
        replace_whole(path, lambda stream: stream.write(b'{"by": "orphan"}'))
    print("replaced", flush=True)
except MobiusError as error:
    print(type(error).__name__, error, flush=True)
"""


class Orphan:
    def __init__(self, library: str, run: str) -> None:
        command = [sys.executable, "-B", "-c", ORPHAN, str(COLLECTIONS), library, run]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "working"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def goes_on(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.close()
        outcome = self._line()
        self._process.wait()
        return outcome

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


@pytest.fixture
def started(library: str) -> Iterator[Any]:
    made = []

    def start(run: str = "R") -> Orphan:
        made.append(Orphan(library, run))
        return made[-1]

    yield start
    for each in made:
        each.end()


def content(library: str) -> str:
    return Path(library).read_text()


def test_with_its_lease_it_replaces(library: str, started: Any) -> None:
    acquire(library, "R")
    assert started().goes_on() == "replaced"
    assert "orphan" in content(library)


def test_after_a_release_it_replaces_nothing(library: str, started: Any) -> None:
    acquire(library, "R")
    orphan = started()
    before = time.monotonic()
    assert release(library, "R") is True
    assert time.monotonic() - before < 1, "a release does not wait for it"
    assert orphan.goes_on().startswith("LockLost The lock of this run (R) was released while it was still writing")
    assert content(library) == "{}"
    assert not list(Path(library).parent.glob(".*.tmp"))


def test_after_the_lock_was_broken_it_replaces_nothing_and_names_who_broke_it(
    library: str, started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire(library, "R")
    orphan = started()
    monkeypatch.setattr(lock, "WAIT", 0.2)
    with pytest.raises(StillWriting):
        acquire(library, "S", purpose="rescue", force=True)
    assert orphan.goes_on().startswith("LockLost The lock of this run (R) was broken by S (rescue, ")
    assert content(library) == "{}"
    assert acquire(library, "S")["changed"] is True


def test_after_a_forced_release_too(library: str, started: Any) -> None:
    acquire(library, "R")
    orphan = started()
    assert release(library, "somebody", force=True)
    assert "was broken by somebody (breaking the lock" in orphan.goes_on()
    assert content(library) == "{}"


def test_when_its_run_has_died_it_replaces_nothing(library: str, started: Any) -> None:
    controller = subprocess.Popen(["sleep", "60"])
    acquire(library, "R", pid=controller.pid)
    orphan = started()
    controller.kill()
    controller.wait()
    assert orphan.goes_on().startswith("LockLost The run that this belongs to (R) has ended")
    assert content(library) == "{}"


def test_a_rollback_of_the_same_run_fences_it_off(library: str, started: Any) -> None:
    create_backup(library)
    acquire(library, "R")
    orphan = started()
    result = {}

    def roll_back() -> None:
        result.update(restore(library, None, "latest", deployment="R"))

    thread = threading.Thread(target=roll_back)
    thread.start()
    until = time.monotonic() + 5
    while lease.read_lease(library)["generation"] == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert orphan.goes_on().startswith("LockLost A rollback of this run (R) began while it was still writing")
    thread.join()
    assert result["changed"] is False
    assert content(library) == "{}"


def test_a_rollback_does_not_need_its_end(library: str, started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_backup(library)
    acquire(library, "R")
    orphan = started()
    real = lock.writing
    from ansible_collections.mobius.dhash.plugins.module_utils.backups import restore as module

    monkeypatch.setattr(module, "writing", lambda path, run: real(path, run, wait=0.2))
    result = restore(library, None, "latest", deployment="R")
    assert result["changed"] is False
    assert any("can no longer replace the library" in text for text in result["warnings"])
    assert release(library, "R")
    assert orphan.goes_on().startswith("LockLost")
    assert content(library) == "{}"


def test_a_rollback_that_has_to_write_names_the_process_in_the_way(
    library: str, started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_backup(library)
    Path(library).write_text('{"edited": true}')
    acquire(library, "R")
    started()
    from ansible_collections.mobius.dhash.plugins.module_utils.backups import restore as module

    real = lock.writing
    monkeypatch.setattr(module, "writing", lambda path, run: real(path, run, wait=0.2))
    with pytest.raises(StillWriting, match=r"Another process is writing to the library for R \(deployment"):
        restore(library, None, "latest", deployment="R")


def test_without_a_lease_a_later_run_counts(library: str, started: Any) -> None:
    orphan = started("")
    lease.write_lease(library, lease.new_lease("S", "deployment", 900, None))
    assert orphan.goes_on().startswith("Locked The library is locked by S")
    assert content(library) == "{}"


def test_a_lease_that_only_ran_out_is_no_reason_to_stop(library: str, started: Any) -> None:
    acquire(library, "R", ttl=1)
    orphan = started()
    time.sleep(1.5)
    assert holder(library) is None
    assert orphan.goes_on() == "replaced"


def test_a_run_whose_lock_was_broken_is_reported_at_its_next_step(library: str) -> None:
    acquire(library, "R")
    acquire(library, "S", force=True)
    for call in (lambda: refuse_if_held(library, "R"), lambda: create_backup(library, deployment="R")):
        with pytest.raises(LockLost, match=r"The lock of this run \(R\) was broken by S .* is locked by S"):
            call()
    release(library, "S")
    for call in (lambda: refuse_if_held(library, "R"), lambda: acquire(library, "R")):
        with pytest.raises(LockLost, match=r"The lock of this run \(R\) was broken by S"):
            call()
    result = hold(library, "R", present=False, check_mode=False)
    assert result["changed"] is False
    assert "was broken by S" in result["warnings"][0]
    assert acquire(library, "R", force=True)["changed"] is True
    refuse_if_held(library, "R")


def test_a_stale_lease_that_is_taken_over_was_not_broken(library: str) -> None:
    acquire(library, "R", ttl=1)
    time.sleep(1.2)
    acquire(library, "S")
    release(library, "S")
    assert acquire(library, "R")["changed"] is True


def test_a_renewal_keeps_the_generation_and_what_is_known_of_the_holder(library: str) -> None:
    acquire(library, "R", info={"job": 42})
    assert fence(library, "R") is True
    acquire(library, "R")
    found = lease.read_lease(library)
    assert (found["generation"], found["info"]) == (1, {"job": "42"})
    assert fence(library, "S") is False


def test_a_fence_does_not_stop_the_process_that_put_it_up(library: str) -> None:
    acquire(library, "R")
    with writing(library, "R"):
        fence(library, "R")
        replace_whole(library, lambda stream: stream.write(b"[]"))
    assert content(library) == "[]"


def test_a_migration_that_lost_its_lease_leaves_the_state_as_it_was(library: str) -> None:
    acquire(library, "R")
    with pytest.raises(LockLost), writing(library, "R"):
        state.begin(library, {"deployment": "R", "sha256": "1"})
        release(library, "R")
        replace_whole(library, lambda stream: stream.write(b"[]"))
    assert content(library) == "{}"


def test_waits_for_a_holder_that_is_ending_and_names_it(library: str) -> None:
    acquire(library, "R", purpose="deployment", info={"awx_job": 7, "url": "https://u:p@awx/#/jobs/7?token=x"})
    threading.Timer(0.6, lambda: release(library, "R")).start()
    result = hold(
        library, "S", present=True, check_mode=False, wait=10.0, purpose="rollback", ttl=900, pid=None, info=None
    )
    assert result["holder"]["id"] == "S"
    assert 0.3 < result["waited"] < 5
    assert result["waited_for"]["id"] == "R"
    (warning,) = result["warnings"]
    assert "R (deployment, " in warning
    assert "awx_job 7, url https://awx/#/jobs/7" in warning
    assert "u:p" not in warning


def test_waiting_ends(library: str) -> None:
    acquire(library, "R")
    started = time.monotonic()
    with pytest.raises(Locked, match="After waiting 1 s: The library is locked by R"):
        acquire(library, "S", wait=1.0)
    assert 0.9 < time.monotonic() - started < 3


def test_waits_for_a_process_that_is_still_writing(library: str, started: Any) -> None:
    acquire(library, "R")
    orphan = started()
    release(library, "R")
    threading.Timer(0.5, orphan.goes_on).start()
    assert acquire(library, "S", wait=5.0)["holder"]["id"] == "S"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"job": None, "empty": ""}, {}),
        ({"long": "x" * 1000}, {"long": "x" * 300}),
        ({f"k{number}": number for number in range(50)}, {f"k{number}": str(number) for number in range(20)}),
        ({"url": "https://a:b@h:8/x?sig=1#f"}, {"url": "https://h:8/x#f"}),
        ({"url": "http://[bad"}, {"url": ""}),
    ],
)
def test_what_is_kept_of_the_holder(given: dict, kept: dict) -> None:
    assert lease.clean_info(given) == kept
