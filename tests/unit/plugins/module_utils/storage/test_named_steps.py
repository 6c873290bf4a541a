"""Steps of a run that the controller names by the environment, in the journal on the host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import journal
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import VARIABLE, Step, end_run, read_run
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text("[]\n")
    return str(path)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, library: str):
    def naming(step: str, run: str = "1", kind: str = "deployment", *, check_mode: bool = False, **more: Any) -> Step:
        given = {"id": run, "kind": kind, "step": step, "path": library, **more}
        monkeypatch.setenv(VARIABLE, json.dumps(given))
        return Step.from_environment(check_mode=check_mode)

    return naming


def steps(library: str):
    run = read_run(library)
    return run and [(each["step"], each["outcome"]) for each in run["steps"]]


def test_a_step_is_noted_when_it_begins_and_when_it_ends(library: str, named) -> None:
    first = named("preflight")
    first.begin("7")
    assert steps(library) == [("preflight", "running")]
    first.end("changed", "made a backup", maintenance_flag="/srv/flag")
    following = first.following("lock")
    following.begin()
    following.end("failed", "locked by another")
    run = read_run(library)
    assert run is not None
    assert steps(library) == [("preflight", "changed"), ("lock", "failed")]
    assert run["steps"][0]["pid_start"] == "7" and run["steps"][1]["message"] == "locked by another"
    assert run["maintenance_flag"] == "/srv/flag"


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"'])
def test_an_environment_that_names_no_run_notes_nothing(library: str, monkeypatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    step = Step.from_environment(check_mode=False)
    step.begin()
    step.end("ok")
    step.following("lock").begin()
    assert read_run(library) is None
    assert journal.named_fleet() == ""


def test_check_mode_and_a_watch_open_no_journal(library: str, named) -> None:
    named("preflight", check_mode=True).begin()
    named("watch", kind="monitoring").begin()
    assert read_run(library) is None


def test_another_run_does_not_write_into_a_run_in_progress(library: str, named) -> None:
    named("preflight").begin()
    acquire(library, "1")
    other = named("preflight", run="2")
    other.begin()
    other.end("changed")
    run = read_run(library)
    assert run is not None and run["id"] == "1" and steps(library) == [("preflight", "running")]


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_that_ended_or_was_killed_gives_way_to_the_next(library: str, named, ended: bool) -> None:
    named("preflight").begin()
    if ended:
        end_run(library, "1", "deployed", [], flag_left_on=False)
    named("preflight", run="2").begin()
    run = read_run(library)
    assert run is not None and run["id"] == "2"


def test_a_missing_library_does_not_stop_a_step(library: str, named) -> None:
    Path(library).unlink()
    step = named("preflight")
    step.begin()
    step.end("failed", "there is no library")
    assert read_run(library) is None


def test_the_fleet_of_a_module_is_the_one_that_the_controller_named(named) -> None:
    named("migrate", fleet="20260101T000000Z-aaaaaa")
    assert journal.named_fleet() == "20260101T000000Z-aaaaaa"
