"""The journal of the last run: what a run that was killed at any step leaves to be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    VARIABLE,
    Step,
    begin_run,
    end_run,
    read_run,
)
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version

ALL = ["verify", "restart", "health"]


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


def step(library: str, run: str, name: str, outcome: Optional[str], **members: Any) -> None:
    """One step of a run; without an outcome it was killed in the middle."""
    noted = Step({"id": run, "kind": "deployment", "step": name, "path": library})
    noted.begin()
    if outcome is not None:
        noted.end(outcome, **members)


def sha256(library: str) -> str:
    return str(read_version(library).sha256)


def test_what_was_left_stays_with_the_run_that_left_it_until_it_is_made_up(library: str) -> None:
    begin_run(library, {"id": "A", "kind": "deployment"}, sha256(library))
    old = sha256(library)
    step(library, "A", "migrate", "changed")
    Path(library).write_text("[]")
    # B is refused before it takes the lock, so it never learned what A left.
    step(library, "B", "preflight", "failed")
    end_run(library, "B", "refused", [], flag_left_on=False)
    run = read_run(library)
    assert (run["id"], run["status"], run["owed"]) == ("B", "refused", ALL)
    assert (run["unfinished"]["id"], run["unfinished"]["sha256"], run["unfinished"]["step"]) == ("A", old, "migrate")
    assert run["killed"] == ["A"]
    # C makes it up.
    assert begin_run(library, {"id": "C", "kind": "deployment"}, sha256(library)) == ALL
    assert read_run(library)["unfinished"]["id"] == "A"
    end_run(library, "C", "deployed", [], settled=ALL, flag_left_on=False)
    assert (read_run(library)["owed"], read_run(library)["unfinished"]) == ([], None)


def test_a_run_that_holds_the_lock_is_not_replaced_in_the_journal(library: str) -> None:
    begin_run(library, {"id": "A", "kind": "deployment"}, None)
    lock.acquire(library, "A")
    step(library, "B", "preflight", "failed")
    end_run(library, "B", "refused", [], flag_left_on=False)
    run = read_run(library)
    assert (run["id"], run["steps"], run["ended_at"]) == ("A", [], None)
    lock.release(library, "A")
    step(library, "B", "preflight", "ok")
    assert read_run(library)["id"] == "B"


def test_flags_of_earlier_runs_are_carried_on_until_they_are_off(library: str) -> None:
    begin_run(library, {"id": "A", "kind": "deployment"}, None)
    step(library, "A", "maintenance", "changed", maintenance_flag="/run/one", maintenance_run="A")
    begin_run(library, {"id": "B", "kind": "deployment"}, None)
    step(library, "B", "maintenance", "changed", maintenance_flag="/run/two", maintenance_run="B")
    run = read_run(library)
    assert (run["earlier_flags"], run["maintenance_flag"], run["killed"]) == ({"/run/one": "A"}, "/run/two", ["A"])
    end_run(library, "B", "rollback_failed", ALL, flag_left_on=True)
    begin_run(library, {"id": "C", "kind": "deployment"}, None)
    assert read_run(library)["earlier_flags"] == {"/run/one": "A", "/run/two": "B"}
    end_run(library, "C", "deployed", [], settled=ALL, flag_left_on=False, earlier_flags={})
    assert read_run(library)["earlier_flags"] == {}


def test_the_step_knows_its_run_from_the_environment_and_writes_nothing_in_check_mode(library, monkeypatch) -> None:
    named = {"id": "A", "kind": "deployment", "step": "verify", "path": library, "controller": {"user": "ann"}}
    monkeypatch.setenv(VARIABLE, json.dumps(named))
    Step.from_environment(check_mode=True).begin()
    assert read_run(library) is None
    Step.from_environment(check_mode=False).begin("7")
    run = read_run(library)
    assert (run["id"], run["controller"], run["sha256"]) == ("A", {"user": "ann"}, sha256(library))
    assert (run["steps"][0]["outcome"], run["steps"][0]["pid_start"]) == ("running", "7")
