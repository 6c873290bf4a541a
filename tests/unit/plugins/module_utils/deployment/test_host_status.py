"""What a host reports of its library, its last run and whoever is at work, and what the next run learns from that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.status import controller_alive, status_of
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.writer import _from_proc, writer_of
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.flag import set_flag
from ansible_collections.mobius.dhash.plugins.module_utils.process.identity import boot_id, start_of
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import Step, begin_run, read_run
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS
from ansible_collections.mobius.dhash.tests.unit.plugins.module_utils.deployment.place import (
    NEW,
    OLD,
    RUN,
    Place,
    digest,
)

ALL = ["verify", "restart", "health"]
HOLD = (
    "import sys; sys.path.insert(0, sys.argv[2])\n"
    "from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import writing\n"
    "with writing(sys.argv[1]):\n    print('held', flush=True)\n    sys.stdin.read()\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def killed(place: Place, run: str = "run-1", *steps: str) -> None:
    """A run that was killed after these steps; ``migrate`` replaces the library."""
    begin_run(place.path, {"id": run, "kind": "deployment"}, digest(place.library.read_bytes()))
    for name in steps:
        step = Step({"id": run, "kind": "deployment", "step": name, "path": place.path})
        step.begin()
        if name == "migrate":
            place.deploy(deployment=run)
        step.end("changed")


def look(place: Place, **options: Any) -> Dict[str, Any]:
    return status_of(place.path, place.backups, **options)


def test_a_library_that_was_never_deployed(place: Place) -> None:
    before = place.tree()
    found = look(place)
    library = found["library"]
    assert (library["sha256"], library["size"], library["problem"]) == (digest(OLD), len(OLD), None)
    assert (library["mode"], library["real_path"]) == (f"{os.stat(place.path).st_mode & 0o7777:04o}", place.path)
    assert (found["current"], found["run"], found["lock"], found["writer"]) == ({}, None, None, None)
    assert found["target"]["verified"] is False
    assert place.tree() == before


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "line 1 column 1"),
        (OLD[:20], "line 1 column 21"),
        (b'{"a": 1,\n "a": 2}', "line 2"),
        (b"\xff{}", "line 1 column 1"),
        (b"{}", None),
    ],
)
def test_where_a_library_stops_being_json(place: Place, content: bytes, problem: Any) -> None:
    place.library.write_bytes(content)
    found = look(place)["library"]["problem"]
    assert found is None if problem is None else str(found).startswith(problem)


def test_a_library_that_is_missing_linked_or_not_a_file(place: Place) -> None:
    real = place.folder / "release.json"
    place.library.rename(real)
    assert look(place)["library"]["sha256"] is None and look(place)["library"]["error"] is None
    place.library.symlink_to(real)
    assert look(place)["library"]["real_path"] == str(real)
    place.library.unlink()
    place.library.mkdir()
    assert "is a folder" in look(place)["library"]["error"]


def test_a_run_that_was_killed_after_the_migration(place: Place) -> None:
    killed(place, "run-1", "preflight", "migrate")
    found = look(place)
    run = found["run"]
    assert (run["id"], run["status"], run["step"]["step"], run["owed"]) == ("run-1", None, "migrate", ALL)
    assert (run["unfinished"]["id"], run["unfinished"]["sha256"]) == ("run-1", digest(OLD))
    assert (found["before"]["verified"], found["before"]["sha256"]) == (True, digest(OLD))
    # What is not proven does not count as deployed.
    prepared = place.prepare("preflight", run={"id": "run-2", "kind": "deployment"})
    assert (prepared["as_deployed"], prepared["owed"], prepared["unfinished"]["id"]) == (False, ALL, "run-1")
    prepared = place.prepare(run={"id": "run-2", "kind": "deployment"})
    assert (prepared["as_deployed"], prepared["owed"], prepared["unfinished"]["id"]) == (False, ALL, "run-1")
    assert read_run(place.path)["unfinished"]["id"] == "run-1"
    place.finish(run={"id": "run-2", "kind": "deployment", "status": "deployed"}, owed=[], settled=ALL)
    assert place.prepare("preflight", run={"id": "run-3", "kind": "deployment"})["as_deployed"] is True


def test_the_next_older_backup_is_offered_where_the_target_does_not_verify(place: Place) -> None:
    place.deploy(deployment="d1")
    second = place.deploy(NEW + b"\n", deployment="d2")
    Path(second).write_bytes(b"damaged")
    target = look(place)["target"]
    assert (target["verified"], target["path"]) == (False, second)
    assert target["older"] and target["older"] != second
    # One that was rolled back, or is not JSON, is not offered.
    for path in (place.folder / "backups").glob("*Z*"):
        if path.suffix != ".sha256":
            path.write_bytes(b"{")
    assert look(place)["target"]["older"] is None


def test_who_writes_is_known_without_disturbing_them(place: Place) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, place.path, COLLECTIONS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        found = look(place)["writer"]
        assert found is not None and found["pid"] == holder.pid and "python" in found["command"]
        assert writer_of(place.path) == found
        assert _from_proc(str(place.folder / ".library.json.dhash" / "writing")) == found
        with pytest.raises(lock.Locked):
            lock.acquire(place.path, "other")
        holder.communicate(b"")
    assert look(place)["writer"] is None


def test_whether_the_controller_lives() -> None:
    me = {"host": os.uname().nodename, "pid": os.getpid(), "pid_start": start_of(os.getpid()), "boot_id": boot_id()}
    assert controller_alive(me) is True
    assert controller_alive({**me, "pid_start": "1"}) is False
    assert controller_alive({**me, "boot_id": "before"}) is False
    assert controller_alive({**me, "host": "elsewhere"}) is None
    assert controller_alive({}) is None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        known = {**me, "pid": other.pid, "pid_start": start_of(other.pid)}
        assert controller_alive(known) is True
        other.communicate(b"\n")
    assert controller_alive(known) is False


def flag_of(place: Place, run: str, path: str) -> str:
    """Turn maintenance mode on as a step of a run."""
    step = Step({"id": run, "kind": "deployment", "step": "maintenance", "path": place.path})
    step.begin()
    set_flag(path, on=True, deployment=run)
    step.end("ok", maintenance_flag=path, maintenance_run=run)
    return path


def test_a_flag_of_a_killed_run_is_lifted_whatever_the_next_one_was_given(place: Place) -> None:
    killed(place)
    first = flag_of(place, "run-1", str(place.folder / "one"))
    begin_run(place.path, {"id": "run-2", "kind": "deployment"}, digest(OLD))
    second = flag_of(place, "run-2", str(place.folder / "two"))
    done = place.finish(run={"id": "run-2", "kind": "deployment", "status": "unchanged"}, flag=second)
    assert done["maintenance"]["on"] is False and not done["errors"]
    assert not Path(first).exists() and not Path(second).exists()
    assert read_run(place.path)["earlier_flags"] == {}


def test_a_flag_that_was_turned_on_and_not_noted_any_more_is_lifted(place: Place) -> None:
    killed(place)
    set_flag(f"{place.path}.maintenance", on=True, deployment="run-1")
    begin_run(place.path, {"id": "run-2", "kind": "rollback"}, digest(OLD))
    place.finish(run={"id": "run-2", "kind": "rollback", "status": "unchanged"})
    assert not Path(f"{place.path}.maintenance").exists()


@pytest.mark.parametrize("owed", [[], ["restart"]])
def test_a_flag_stays_on_while_the_library_needs_something(place: Place, owed: Any) -> None:
    killed(place, "run-1", "migrate")
    flag = flag_of(place, "run-1", f"{place.path}.maintenance")
    begin_run(place.path, {"id": "run-2", "kind": "deployment"}, digest(NEW))
    # Refused: what the first one left undone is not made up for.
    done = place.finish(run={"id": "run-2", "kind": "deployment", "status": "refused"}, owed=owed)
    assert done["maintenance"]["own"] and Path(flag).exists()
    assert look(place)["maintenance"]["content"]["deployment"] == "run-1"


def test_a_flag_of_another_owner_is_never_removed(place: Place) -> None:
    for by in ("", "another"):
        set_flag(f"{place.path}.maintenance", on=True, deployment=by)
        begin_run(place.path, RUN, digest(OLD))
        assert place.finish()["maintenance"]["on"] is True
        os.unlink(f"{place.path}.maintenance")


def test_whose_flag_it_is(place: Place) -> None:
    shared = str(place.folder / "shared")
    set_flag(shared, on=True, deployment="elsewhere")
    assert look(place, flag=shared)["maintenance"]["own"] is False
    killed(place, "elsewhere")
    assert look(place, flag=shared)["maintenance"]["own"] is True
    os.unlink(shared)
    set_flag(f"{place.path}.maintenance", on=True, deployment="before the journal")
    assert look(place)["maintenance"]["own"] is True


def test_a_mistyped_path_leaves_no_folder_behind(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.library.unlink()
    done = place.finish(log_dir=str(tmp_path / "logs"))
    assert "The library does not exist" in done["errors"]["report"]
    assert list(tmp_path.iterdir()) == []
