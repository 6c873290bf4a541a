"""The journal on the host: what the next run learns of one that was killed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import journal, lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    VARIABLE,
    Step,
    begin_run,
    end_run,
    journal_path,
    read_run,
    undone,
)
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS

OLD, NEW = "a" * 64, "b" * 64
ALL = ["verify", "restart", "health"]


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text("[]\n")
    return str(path)


def run_of(identity: str = "1", kind: str = "deployment", **more: Any) -> Dict[str, Any]:
    return {"id": identity, "kind": kind, **more}


def step(library: str, name: str, identity: str = "1", kind: str = "deployment") -> Step:
    return Step({"id": identity, "kind": kind, "step": name, "path": library})


def noted(*steps: str, sha256: Optional[str] = OLD, owed: Any = (), ended: bool = False) -> Dict[str, Any]:
    """A run with steps such as ``migrate changed``; ``migrate running`` is one that was killed."""
    entries = [dict(zip(("step", "outcome"), text.split())) for text in steps]
    at = "2026-01-01T00:00:00Z" if ended else None
    return {"id": "1", "sha256": sha256, "steps": entries, "owed": list(owed), "ended_at": at}


@pytest.mark.parametrize(
    "run, now, owed",
    [
        (None, OLD, []),
        # Killed before it changed anything.
        (noted(), OLD, []),
        (noted("preflight changed", "dry-run ok"), OLD, []),
        (noted("migrate running"), OLD, []),
        (noted("migrate failed"), OLD, []),
        (noted("migrate ok", "verify ok"), OLD, []),
        # Killed in the migration, after the replacement.
        (noted("migrate running"), NEW, ALL),
        (noted("migrate failed"), NEW, ALL),
        (noted("migrate running"), None, ALL),
        # Killed after the migration.
        (noted("migrate changed"), NEW, ALL),
        (noted("migrate changed", "verify running"), NEW, ALL),
        (noted("migrate changed", "verify failed"), NEW, ALL),
        (noted("migrate changed", "verify ok"), NEW, ["restart", "health"]),
        (noted("migrate changed", "verify ok", "restart running"), NEW, ["restart", "health"]),
        (noted("migrate changed", "verify ok", "restart changed"), NEW, ["health"]),
        (noted("migrate changed", "verify ok", "restart changed", "health failed"), NEW, ["health"]),
        (noted("migrate changed", "verify ok", "restart changed", "health ok"), NEW, []),
        # Killed in the rollback: the bytes of before, but the service has the others.
        (noted("migrate changed", "verify failed", "rollback running"), OLD, ALL),
        (noted("migrate changed", "verify failed", "rollback running"), NEW, ["restart", "health"]),
        (noted("migrate changed", "verify failed", "rollback changed"), OLD, ["restart", "health"]),
        (noted("migrate changed", "rollback changed", "restart changed"), OLD, ["health"]),
        (noted("migrate changed", "rollback changed", "restart changed", "health ok"), OLD, []),
        # The migration was cut off, and the rollback put back what it may have replaced.
        (noted("migrate running", "rollback changed"), OLD, ["restart", "health"]),
        (noted("migrate running", "rollback running"), OLD, ALL),
        # It could not restore, and nothing had been replaced.
        (noted("migrate failed", "rollback failed"), OLD, []),
        # A rollback by hand.
        (noted("rollback running"), OLD, []),
        (noted("rollback failed"), OLD, []),
        (noted("rollback running"), NEW, ["restart", "health"]),
        (noted("rollback changed"), NEW, ["restart", "health"]),
        (noted("rollback ok"), OLD, []),
        # What it had inherited stays until it is done.
        (noted(owed=["restart", "health"]), OLD, ["restart", "health"]),
        (noted("restart changed", owed=["restart", "health"]), OLD, ["health"]),
        (noted("migrate ok", "verify ok", owed=ALL), OLD, ["restart", "health"]),
        # A run that ended has noted what is left.
        (noted("migrate changed", ended=True), NEW, []),
        (noted("rollback failed", owed=["restart"], ended=True), OLD, ["restart"]),
    ],
)
def test_what_a_run_left_undone(run, now, owed) -> None:
    assert undone(run, now) == owed


STEPS = ("migrate", "verify", "restart", "health")


@pytest.mark.parametrize("killed_in", range(len(STEPS)))
@pytest.mark.parametrize("replaced", [True, False])
def test_a_run_that_is_killed_in_a_step_is_made_up_for(library: str, killed_in: int, replaced: bool) -> None:
    """With real kills: each step is a process of its own, as a module is."""
    begin_run(library, run_of(controller={"host": "ctl"}), OLD)
    for name in STEPS[:killed_in]:
        one = step(library, name)
        one.begin()
        one.end("changed" if name == "migrate" else "ok")
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import Step\n"
        "Step.from_environment(check_mode=False).begin(); print('begun', flush=True); time.sleep(60)\n"
    )
    named = json.dumps({"id": "1", "kind": "deployment", "step": STEPS[killed_in], "path": library})
    with subprocess.Popen(
        [sys.executable, "-c", program, COLLECTIONS],
        env={**os.environ, VARIABLE: named},
        stdout=subprocess.PIPE,
    ) as module:
        assert module.stdout is not None and module.stdout.readline() == b"begun\n"
        module.send_signal(signal.SIGKILL)
    run = read_run(library)
    assert run is not None
    assert (run["id"], run["ended_at"], run["steps"][-1]["step"]) == ("1", None, STEPS[killed_in])
    assert run["steps"][-1]["outcome"] == "running" and run["steps"][-1]["pid"] == module.pid
    assert run["controller"] == {"host": "ctl"}
    migrated = killed_in > 0 or replaced
    left = [ALL, ALL, ["restart", "health"], ["health"]][killed_in]
    owed = begin_run(library, run_of("2"), NEW if migrated else OLD)
    assert owed == (left if migrated else [])
    now = read_run(library)
    assert now is not None and (now["id"], now["owed"]) == ("2", owed)


def test_a_run_notes_its_steps_and_its_end(library: str) -> None:
    first = step(library, "preflight")
    first.begin()
    first.end("changed", "", maintenance_flag="/flag", maintenance_run="1")
    assert begin_run(library, run_of(), OLD) == []
    again = step(library, "verify")
    again.begin()
    again.end("failed", "the smoke test failed")
    run = read_run(library)
    assert run is not None
    assert [(each["step"], each["outcome"]) for each in run["steps"]] == [
        ("preflight", "changed"),
        ("verify", "failed"),
    ]
    assert run["steps"][1]["message"] == "the smoke test failed"
    assert (run["sha256"], run["maintenance_flag"]) == (OLD, "/flag")
    end_run(library, "1", "rolled_back", ["restart"], flag_left_on=False)
    run = read_run(library)
    assert run is not None
    assert (run["status"], run["owed"], run["maintenance_flag"]) == ("rolled_back", ["restart"], None)
    assert run["ended_at"]


@pytest.mark.parametrize(
    "steps, owed, settled, now, left",
    [
        # Nothing known by this run: what was inherited stays.
        ([], [], [], OLD, ["health"]),
        ([], [], ["health"], OLD, []),
        (["migrate changed"], ["restart", "health"], ["verify"], NEW, ["restart", "health"]),
        # A step that failed and replaced nothing owes nothing.
        (["rollback failed"], ["restart", "health"], [], OLD, ["health"]),
        (["rollback failed"], ["restart", "health"], [], NEW, ["restart", "health"]),
        (["rollback failed"], ["restart", "health"], [], None, ["restart", "health"]),
        # The host could not note the step, so the controller is believed.
        ([], ["restart", "health"], [], NEW, ["restart", "health"]),
        (["migrate changed"], ["unknown"], ["health"], NEW, []),
    ],
)
def test_what_is_left_at_the_end(library: str, steps: List[str], owed, settled, now, left) -> None:
    begin_run(library, run_of(), OLD)
    written = json.loads(Path(journal_path(library)).read_text())
    written.update(owed=["health"], steps=noted(*steps)["steps"])
    Path(journal_path(library)).write_text(json.dumps(written))
    end_run(library, "1", "x", owed, settled=settled, sha256=now, flag_left_on=False)
    run = read_run(library)
    assert run is not None and run["owed"] == left


def test_a_run_that_is_alive_keeps_its_journal(library: str) -> None:
    begin_run(library, run_of(), OLD)
    lock.acquire(library, "1")
    other = step(library, "preflight", "2")
    other.begin()
    other.end("failed", "locked")
    end_run(library, "2", "refused", ["restart"], flag_left_on=False)
    run = read_run(library)
    assert run is not None
    assert (run["id"], run["steps"], run["ended_at"], run["owed"]) == ("1", [], None, [])


def test_a_refused_run_keeps_everything_owed(library: str) -> None:
    begin_run(library, run_of(), OLD)
    end_run(library, "1", "rollback_failed", ["restart", "health"], flag_left_on=True)
    refused = step(library, "preflight", "2")
    refused.begin()
    refused.end("failed", "no space")
    end_run(library, "2", "refused", [], flag_left_on=False)
    run = read_run(library)
    assert run is not None and (run["id"], run["owed"]) == ("2", ["restart", "health"])


def test_a_watch_leaves_the_journal_of_the_deployment_as_it_is(library: str) -> None:
    begin_run(library, run_of(), OLD)
    end_run(library, "1", "deployed", [], flag_left_on=False)
    before = Path(journal_path(library)).read_bytes()
    for name in ("state", "watch"):
        one = step(library, name, "2", "monitoring")
        one.begin()
        one.end("ok")
    end_run(library, "2", "pass", [], flag_left_on=False)
    assert Path(journal_path(library)).read_bytes() == before
    # When it rolls back, it begins.
    assert begin_run(library, run_of("2", "monitoring"), NEW) == []
    one = step(library, "rollback", "2", "monitoring")
    one.end("changed")
    run = read_run(library)
    assert run is not None and (run["id"], run["steps"][-1]["step"]) == ("2", "rollback")


def test_the_flag_of_a_killed_run_is_handed_on_until_it_is_off(library: str) -> None:
    begin_run(library, run_of(), OLD)
    one = step(library, "maintenance")
    one.begin()
    one.end("changed", maintenance_flag="/flag", maintenance_run="1")
    for identity in ("2", "3"):
        begin_run(library, run_of(identity), OLD)
        run = read_run(library)
        assert run is not None and (run["maintenance_flag"], run["maintenance_run"]) == ("/flag", "1")
        end_run(library, identity, "refused", [], flag_left_on=True)
    begin_run(library, run_of("4"), OLD)
    end_run(library, "4", "deployed", [], flag_left_on=False)
    begin_run(library, run_of("5"), OLD)
    run = read_run(library)
    assert run is not None and run["maintenance_flag"] is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"steps": []}', b'{"steps": [1], "owed": []}'),
        *(b'{"steps": [], "owed": [null]}', b'{"steps": {}, "owed": []}', b"[" * 100_000),
        b'{"steps": [], "owed": [], "x": %s%s}' % (b"[" * 400, b"]" * 400),
        *(
            json.dumps({"steps": [], "owed": [], **members}).encode()
            for members in (
                *({"id": 1}, {"id": ["1"]}, {"kind": {}}, {"status": True}, {"ended_at": 5}, {"sha256": [0]}),
                *({"killed": "1"}, {"killed": [1]}, {"killed": {"1": 1}}),
                *({"maintenance_flag": 1}, {"maintenance_flag": "/f\0"}, {"maintenance_flag": "/\ud800"}),
                *({"maintenance_run": []}, {"earlier_flags": ["/f"]}, {"earlier_flags": {"/f": ["1"]}}),
                *({"earlier_flags": {"/f\0": "1"}}, {"earlier_flags": {"": "1"}}),
                *({"controller": "ctl"}, {"controller": ["ctl"]}, {"controller": {"job": "1"}}),
                *({"unfinished": "1"}, {"unfinished": ["1"]}, {"unfinished": 1}),
                *({"unfinished": {"sha256": 1}}, {"unfinished": {"controller": 1}}),
            )
        ),
    ],
)
def test_a_damaged_journal_is_replaced(library: str, content: bytes) -> None:
    begin_run(library, run_of(), OLD)
    Path(journal_path(library)).write_bytes(content)
    assert read_run(library) is None
    end_run(library, "1", "deployed", [], flag_left_on=False)
    one = step(library, "verify")
    one.end("ok")
    assert Path(journal_path(library)).read_bytes() == content
    assert begin_run(library, run_of("2"), OLD) == []
    run = read_run(library)
    assert run is not None and run["id"] == "2"


def test_something_else_in_its_place_does_not_stop_a_step(library: str) -> None:
    Path(journal_path(library)).parent.mkdir()
    for make, stays in ((os.mkdir, True), (os.mkfifo, False)):
        make(journal_path(library))
        one = step(library, "verify")
        one.begin()
        one.end("ok")
        # A folder cannot be replaced by a file; anything else is.
        assert (read_run(library) is None) == stays
        (os.rmdir if stays else os.unlink)(journal_path(library))


def test_check_mode_notes_nothing(library: str, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps({"id": "1", "kind": "deployment", "step": "verify", "path": library}))
    one = Step.from_environment(check_mode=True)
    one.begin()
    one.end("ok")
    assert not Path(journal_path(library)).parent.exists()
    one = Step.from_environment(check_mode=False)
    one.begin()
    assert Path(journal_path(library)).exists()


@pytest.mark.parametrize("value", [None, "", "{", "[]", "1", "{}", '{"id": "1"}'])
def test_outside_of_a_run_nothing_is_noted(tmp_path: Path, monkeypatch, value: Optional[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    one = Step.from_environment(check_mode=False)
    one.begin()
    one.end("ok")
    assert list(tmp_path.iterdir()) == []


def test_a_step_writes_no_journal_for_a_missing_library(tmp_path: Path) -> None:
    one = step(str(tmp_path / "gone" / "library.json"), "preflight")
    one.begin()
    one.end("failed", "missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_journal_belongs_to_the_owner_of_the_library(library: str) -> None:
    os.chown(library, 12345, 12346)
    begin_run(library, run_of(), OLD)
    for path in (journal_path(library), os.path.dirname(journal_path(library))):
        facts = os.stat(path)
        assert (facts.st_uid, facts.st_gid) == (12345, 12346)
    assert stat.S_IMODE(os.stat(journal_path(library)).st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_another_owner_does_not_stop_a_step(library: str) -> None:
    begin_run(library, run_of(), OLD)
    before = Path(journal_path(library)).read_bytes()
    os.chmod(os.path.dirname(library), 0o755)
    child = os.fork()
    if child == 0:
        try:
            os.setgid(12346)
            os.setuid(12345)
            one = step(library, "verify")
            one.begin()
            one.end("ok")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert Path(journal_path(library)).read_bytes() == before


def test_a_journal_is_read_through_a_link_to_the_library(library: str, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.json"
    link.parent.mkdir()
    link.symlink_to(library)
    begin_run(str(link), run_of(), OLD)
    run = read_run(library)
    assert run is not None and run["id"] == "1"
    assert journal.journal_path(str(link)) == journal_path(library)


def test_two_runs_one_after_the_other(library: str) -> None:
    for identity in map(str, range(5)):
        assert begin_run(library, run_of(identity), OLD) == []
        end_run(library, identity, "unchanged", [], flag_left_on=False)
    run = read_run(library)
    assert run is not None and (run["id"], run["status"]) == ("4", "unchanged")


def test_a_module_that_does_two_steps_notes_both(library: str) -> None:
    begin_run(library, run_of(), OLD)
    first = step(library, "migrate")
    first.begin()
    first.end("changed")
    second = first.following("verify")
    second.begin()
    # Killed here: the run before has replaced the library, and its verification is still owed.
    run = read_run(library)
    assert run is not None
    assert [(entry["step"], entry["outcome"]) for entry in run["steps"]] == [
        ("migrate", "changed"),
        ("verify", "running"),
    ]
    assert undone(run, NEW) == ALL
    second.end("failed", "not valid")
    run = read_run(library)
    assert run is not None and run["steps"][-1]["message"] == "not valid"


def test_without_a_run_nothing_is_noted_of_the_next_step_either(library: str) -> None:
    nothing = Step({}).following("verify")
    nothing.begin()
    nothing.end("ok")
    assert read_run(library) is None
