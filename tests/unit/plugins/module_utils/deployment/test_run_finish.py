"""The last call of a run on the host: lock, flag, report, journal and retention."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import finish as finish_module
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.flag import read_flag, set_flag
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    Step,
    end_run,
    journal_path,
    read_run,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.module_utils.deployment.place import (
    NEW,
    OLD,
    RUN,
    Place,
    digest,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def begun(place: Place, flag: bool = True) -> str:
    """A run that holds the lock and has turned maintenance on; the path of the flag."""
    place.prepare()
    path = f"{place.path}.maintenance"
    if flag:
        set_flag(path, on=True, reason="x", deployment="run-1", library=place.path)
        one = Step({**RUN, "step": "maintenance", "path": place.path})
        one.begin()
        one.end("changed", maintenance_flag=path, maintenance_run="run-1")
    return path


RETENTION = {
    **{"keep_days": "1", "keep_last": "1", "keep_daily": "0", "keep_weekly": "0", "keep_monthly": "0"},
    **{"log_keep_days": "1", "log_keep_last": "1", "max_evidence": "0"},
}


def test_everything_is_ended_in_one_call(place: Place) -> None:
    flag = begun(place)
    textfile = str(place.folder / "dhash.prom")
    done = place.finish(metrics_file=textfile, retention=RETENTION)
    assert done["errors"] == {} and done["lock"] is True
    assert done["maintenance"]["on"] is False and not Path(flag).exists()
    assert lock.holder(place.path) is None
    report = json.loads(Path(done["report"]).read_text())
    assert report["deployment"] == "run-1"
    assert Path(done["log"]).exists() and Path(textfile).exists()
    assert done["state"]["sha256"] == digest(OLD) and done["state"]["rollback_target"]["verified"]
    run = read_run(place.path)
    assert run is not None and (run["status"], run["owed"], run["maintenance_flag"]) == ("deployed", [], None)


PARTS = {
    "maintenance": "set_flag",
    "lock": "release",
    "metrics_file": "write_textfile",
    "report": "write_report",
    "retention": "_prune",
    "state": "deployed",
    "journal": "end_run",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("error", [MobiusError("It is broken"), OSError(28, "It is broken")])
def test_a_part_that_fails_leaves_the_others_done(place: Place, monkeypatch, part: str, error: Exception) -> None:
    def fail(*_unused: Any, **_ignored: Any) -> None:
        raise error

    flag = begun(place)
    monkeypatch.setattr(finish_module, PARTS[part], fail)
    done = place.finish(metrics_file=str(place.folder / "dhash.prom"), retention=RETENTION)
    assert list(done["errors"]) == [part] and "It is broken" in done["errors"][part]
    assert Path(flag).exists() == (part == "maintenance") == bool(done["maintenance"]["on"])
    assert (lock.holder(place.path) is not None) == (part == "lock")
    assert (place.folder / "dhash.prom").exists() == (part != "metrics_file")
    assert (done["report"] is None) == (part == "report")
    assert (done["state"] is None) == (part == "state")
    run = read_run(place.path)
    assert run is not None
    assert bool(run["ended_at"]) == (part != "journal")
    assert bool(run["maintenance_flag"]) == (part in ("maintenance", "journal"))


def test_a_flag_that_cannot_be_read_is_not_reported_as_off(place: Place) -> None:
    flag = begun(place)
    Path(flag).unlink()
    Path(flag).mkdir()
    done = place.finish()
    assert done["maintenance"]["on"] is None and "maintenance" in done["errors"]
    run = read_run(place.path)
    assert run is not None and run["maintenance_flag"] == flag


@pytest.mark.parametrize(
    "deployment, lift, on, own",
    [
        ("run-1", True, False, False),
        ("run-1", False, True, True),
        ("other", True, True, False),
        ("", True, True, False),
    ],
)
def test_only_the_flag_of_the_run_is_lifted(place: Place, deployment: str, lift: bool, on: bool, own: bool) -> None:
    flag = begun(place, flag=False)
    set_flag(flag, on=True, reason="x", deployment=deployment)
    done = place.finish(lift=lift)
    assert (done["maintenance"]["on"], done["maintenance"]["own"]) == (on, own)
    assert bool(read_flag(flag)) == on


@pytest.mark.parametrize("own_path", [True, False])
def test_the_flag_of_a_killed_run_is_lifted_by_the_next_whatever_its_variables(place: Place, own_path: bool) -> None:
    """The next run may know another flag, or none: the one on the host counts."""
    flag = begun(place, flag=False)
    flag = flag if own_path else str(place.folder / "elsewhere.flag")
    set_flag(flag, on=True, reason="x", deployment="run-1")
    one = Step({**RUN, "step": "maintenance", "path": place.path})
    one.begin()
    one.end("changed", maintenance_flag=flag, maintenance_run="run-1")
    lock.release(place.path, "run-1")
    place.prepare(run={"id": "run-2", "kind": "deployment"})
    done = place.finish(run={"id": "run-2", "kind": "deployment"})
    assert not Path(flag).exists() and done["maintenance"]["on"] is False


def test_a_lock_that_was_taken_over_is_left_to_its_new_holder(place: Place) -> None:
    begun(place, flag=False)
    lock.acquire(place.path, "other", force=True)
    done = place.finish()
    assert done["lock"] is False and done["errors"] == {}
    assert done["state"]["lock"]["id"] == "other"


def test_check_mode_ends_nothing_and_names_no_file(place: Place) -> None:
    begun(place)
    before = place.tree()
    done = place.finish(check_mode=True, metrics_file=str(place.folder / "x.prom"), retention=RETENTION)
    assert place.tree() == before
    assert done["report"] is None and done["log"] is None


def test_a_step_alone_leaves_the_journal_open(place: Place) -> None:
    begun(place, flag=False)
    place.finish(owed=None)
    run = read_run(place.path)
    assert run is not None and run["ended_at"] is None


def test_what_is_owed_is_kept_for_the_next_run(place: Place) -> None:
    place.prepare()
    one = Step({**RUN, "step": "migrate", "path": place.path})
    one.begin()
    place.library.write_bytes(NEW)
    one.end("changed")
    place.finish(run={**RUN, "status": "rollback_failed"}, owed=["restart", "health"])
    again = {"id": "run-2", "kind": "deployment"}
    assert place.prepare(run=again)["owed"] == ["restart", "health"]
    # Refused after its lock: nothing is forgotten.
    place.finish(run={**again, "status": "refused"}, owed=[])
    third = {"id": "run-3", "kind": "deployment"}
    assert place.prepare(run=third)["owed"] == ["restart", "health"]
    place.finish(run={**third, "status": "unchanged"}, owed=[], settled=["verify", "restart", "health"])
    assert place.prepare(run={"id": "run-4", "kind": "deployment"})["owed"] == []


def test_two_runs_that_end_and_begin_at_once_leave_one_journal(place: Place) -> None:
    place.prepare()
    results = []
    other = {"id": "run-2", "kind": "deployment"}
    threads = [
        threading.Thread(target=lambda: results.append(place.finish())),
        threading.Thread(target=lambda: results.append(place.prepare(run=other))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = read_run(place.path)
    assert len(results) == 2 and run is not None and run["id"] in ("run-1", "run-2")
    end_run(place.path, "run-1", "deployed", [], flag_left_on=False)
    assert os.path.exists(journal_path(place.path))
