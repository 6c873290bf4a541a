"""The progress of a migration, who may query it, and what happens when nobody does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import progress as progress_file
from ansible_collections.mobius.dhash.plugins.module_utils.migration import progress_query
from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.migration.progress import Progress
from ansible_collections.mobius.dhash.plugins.module_utils.migration.progress_query import (
    format_progress,
    query_progress,
)
from ansible_collections.mobius.dhash.plugins.module_utils.migration.tally import Tally
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire, holder

NOTE = {"phase": "hashing", "done": 3, "total": 9, "failed": 1, "rate": 2.5, "eta": 2.4, "started": 1.0, "updated": 2.0}


class Document:
    size = 100
    read = 50


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(progress_file.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def library(site) -> Path:
    site.write({"components": []})
    site.state.mkdir()
    return site.library


def note(library: Path, **changes: object) -> Path:
    path = library.parent / ".library.json.dhash" / "progress.json"
    path.write_text(json.dumps({**NOTE, **changes}))
    return path


def test_a_run_continues_while_queried_and_stops_when_not(library: Path, clock: Clock) -> None:
    running = Progress(str(library), Document(), None, write=True, idle_timeout=60)
    for _unused in range(40):
        clock.now += 20
        running.update(Tally(0.7))
        assert query_progress(str(library), job="/no/such/job")["progress"]["phase"] == "hashing"
    for _unused in range(4):
        clock.now += 20
        running.update(Tally(0.7))
    clock.now += 2
    query_progress(str(library))  # somebody else, who keeps nothing going
    with pytest.raises(MobiusError, match="progress was not queried"):
        running.update(Tally(0.7))
    running.end()
    assert os.listdir(library.parent / ".library.json.dhash") == []


def test_a_stopped_run_ends_and_its_lock_becomes_free(library: Path, clock: Clock) -> None:
    acquire(str(library), "d1")
    state = library.parent / ".library.json.dhash"
    (state / "progress.stop").touch()  # of a run before
    running = Progress(str(library), Document(), "d1", write=True, idle_timeout=3600)
    running.update(Tally(0.7))
    (state / "progress.stop").touch()
    clock.now += 2
    with pytest.raises(MobiusError, match="was canceled by"):
        running.update(Tally(0.7))
    running.end()
    assert holder(str(library)) is None
    assert not list(state.glob("progress*"))


def test_stopping_clears_up_after_a_job_that_has_ended(library: Path) -> None:
    acquire(str(library), "d1")
    job = library.parent / "job"
    job.write_text('{"changed": true, "items": 4}')
    assert query_progress(str(library), str(job), stop=True, deployment="d1")["finished"] is True
    assert not job.exists()
    assert holder(str(library)) is None
    assert not list((library.parent / ".library.json.dhash").glob("progress*"))


def test_stopping_a_job_that_does_not_end_gives_up(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_query, "_STOP_SECONDS", 0.2)
    acquire(str(library), "d1")
    job = library.parent / "job"
    job.write_text('{"started": 1, "finished": 0}')
    assert query_progress(str(library), str(job), stop=True, deployment="d1")["finished"] is False
    assert job.exists()
    assert holder(str(library)) is not None
    assert (library.parent / ".library.json.dhash" / "progress.stop").exists()


def test_without_an_idle_timeout_no_query_is_needed(library: Path, clock: Clock) -> None:
    running = Progress(str(library), Document(), None, write=True)
    clock.now += 1e6
    running.update(Tally(0.7))
    running.end()


def test_a_canceled_migration_leaves_the_library_and_keeps_its_hashes(site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = site.write({"components": [{"image": image} for image in site.pictures(6)]})
    monkeypatch.setattr(progress_file, "_WRITE_SECONDS", 0.0)
    options = Options(str(site.library), workers=1)
    with pytest.raises(MobiusError, match="progress was not queried"):
        migrate(options, idle_timeout=1e-9)
    assert site.library.read_bytes() == before
    assert not list(site.home.glob("backups/*"))
    assert site.migrate()["with_dhash"] == 6


def test_a_query_writes_only_for_the_process_that_started_the_run(library: Path) -> None:
    state = note(library).parent
    query_progress(str(library))
    assert sorted(os.listdir(state)) == ["progress.json"]
    query_progress(str(library), job="/no/such/job")
    assert sorted(os.listdir(state)) == ["progress.asked", "progress.json"]
    assert (state / "progress.asked").stat().st_mode & 0o777 == 0o640


def test_a_missing_migration_is_reported(site) -> None:
    assert query_progress(str(site.library)) == {"changed": False, "running": False, "progress": {}}
    assert query_progress(str(site.library), job="/no/such/job")["finished"] is True
    assert not site.state.exists()


def test_a_note_of_a_run_that_was_killed_is_not_taken_for_a_running_one(library: Path) -> None:
    note(library)
    assert query_progress(str(library))["running"] is False
    note(library, updated=time.time())
    assert query_progress(str(library))["running"] is True


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "{", "[" * 60_000),
        *(json.dumps({**NOTE, "done": value}) for value in ("\x1b[2J", None, True, [1], 10**400, float("nan"))),
        *(json.dumps({**NOTE, "eta": value}) for value in (float("inf"), float("nan"), 10**400, "1")),
        *(json.dumps({**NOTE, "updated": value}) for value in (10**400, float("inf"), None)),
    ],
)
def test_a_damaged_note_is_an_error_that_names_it(text: str, library: Path) -> None:
    note(library).write_text(text)
    with pytest.raises(MobiusError, match="is damaged") as caught:
        query_progress(str(library))
    assert str(caught.value.where).endswith("progress.json")


def test_a_link_in_place_of_a_note_is_not_followed(library: Path, tmp_path: Path) -> None:
    path = note(library)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        query_progress(str(library))
    path.unlink()
    note(library)
    (tmp_path / "victim").write_text("x")
    os.utime(tmp_path / "victim", (5, 5))
    (path.parent / "progress.asked").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        query_progress(str(library), job="/no/such/job")
    assert (tmp_path / "victim").stat().st_mtime == 5


@pytest.mark.parametrize(
    ("state", "finished"),
    [('{"started": true, "finished": false, "ansible_job_id": "j1"}', False), ('{"started": 1, "finished": 0}', False),
     ("", False), ('{"changed": true, "items": 4}', True), ('{"failed": true, "msg": "Timeout exceeded"}', True)],
)  # fmt: skip
def test_the_state_of_the_job_is_read_as_ansible_writes_it(state: str, finished: bool, library: Path) -> None:
    job = library.parent / "job"
    job.write_text(state)
    assert query_progress(str(library), str(job))["finished"] is finished


def test_lines_are_for_people() -> None:
    assert format_progress({}) == "reading the library"
    assert format_progress({**NOTE, "phase": "writing"}) == "writing the library"
    assert format_progress(NOTE) == "3 of about 9 items, 2 a second, about 2 s left, 1 failed"
    large = {**NOTE, "done": 12_345, "total": 1_000_000, "rate": 870.4, "eta": 1134.7}
    assert format_progress(large) == "12,345 of about 1,000,000 items, 870 a second, about 18 min 55 s left, 1 failed"
    assert "about 2 h 46 min left" in format_progress({**NOTE, "eta": 9999.0})
    assert "left" not in format_progress({**NOTE, "eta": None})


def test_a_run_that_passes_its_limit_ends_and_changes_nothing(site):
    items = [{"image": name} for name in site.pictures(3)]
    before = site.write({"components": items})
    with pytest.raises(MobiusError, match="timeout of 1e-09 seconds"):
        migrate(Options(str(site.library), workers=1), timeout=1e-9)
    assert site.library.read_bytes() == before
    assert migrate(Options(str(site.library), workers=1), timeout=100)["changed"]
