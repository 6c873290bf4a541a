"""Pruning of logs and evidence: never the newest, never what is in force, never what is not ours."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.artifacts import Artifact
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.evidence import keep_evidence
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prune import Rules, decide, prune
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report import write_report
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from hypothesis import given
from hypothesis import strategies as some

NONE_KEPT = Rules(days=0, last=0)
KINDS = ["migration", "dry-run", "deployment", "rollback", "monitoring", "evidence"]


def run_id(day: int, tail: str = "0000aa") -> str:
    return f"202401{day:02d}T120000Z-{tail}"


class Place:
    """A library with a folder of logs, written by the code that writes them."""

    def __init__(self, home: Path) -> None:
        self.library = home / "library.json"
        self.library.write_text('{"components": []}\n')
        self.logs = home / "logs"
        self.logs.mkdir()

    def log(self, day: int, kind: str = "migration", library: str = "") -> Path:
        path = self.logs / f"{kind}-202401{day:02d}T120000Z.log"
        path.write_text(f"2024-01-{day:02d}T12:00:00Z {kind} of {library or self.library}\nitems: 1\n")
        return path

    def report(self, day: int, kind: str = "deployment", **facts: str) -> List[Path]:
        facts = {"library": str(self.library), **facts}
        report = {"deployment": run_id(day), "kind": kind, "status": "deployed", "facts": facts}
        written = write_report(str(self.logs), kind, report)
        return [Path(written["report"]), Path(written["log"]), Path(written["page"])]

    def evidence(self, day: int) -> Path:
        kept = keep_evidence(
            str(self.library), str(self.logs), run_id(day), failure={"step": "x"}, timeline=[], samples=[{"at": "now"}]
        )
        return Path(kept["folder"])

    def deploy(self, day: int) -> None:
        sha256 = read_version(str(self.library)).sha256
        state.begin(str(self.library), {"deployment": run_id(day), "status": "deployed", "sha256": sha256})
        state.commit(str(self.library))

    def prune(self, rules: Rules = NONE_KEPT, **more: Any) -> Dict[str, Any]:
        return prune(str(self.library), rules=rules, **more)

    def reason(self, path: Path, rules: Rules = NONE_KEPT) -> str:
        (found,) = [each for each in self.prune(rules, check_mode=True)["kept"] if each["path"] == str(path)]
        return found["reason"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_old_is_removed_and_the_newest_of_each_kind_stays(place: Place) -> None:
    old = [place.log(1), place.log(1, "dry-run"), *place.report(1), *place.report(1, "rollback"), place.evidence(1)]
    new = [place.log(2), place.log(2, "dry-run"), *place.report(2), *place.report(2, "rollback"), place.evidence(2)]
    result = place.prune()
    assert result["changed"]
    assert sorted(each["path"] for each in result["removed"]) == sorted(map(str, old))
    assert result["freed"] == sum(each["size"] for each in result["removed"]) > 0
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in new)
    assert not place.prune()["changed"]


def test_check_mode_predicts_the_same_and_removes_nothing(place: Place) -> None:
    for day in (1, 2, 3):
        place.log(day)
        place.report(day)
        place.evidence(day)
    before = sorted(place.logs.rglob("*"))
    predicted = place.prune(check_mode=True)
    assert sorted(place.logs.rglob("*")) == before
    assert place.prune() == predicted


def test_age_and_count(place: Place) -> None:
    for day in range(1, 6):
        place.log(day)
    place.prune(Rules(days=0, last=3))
    assert len(list(place.logs.iterdir())) == 3
    place.prune(Rules(days=100_000, last=0))
    assert len(list(place.logs.iterdir())) == 3


def test_what_is_in_force_stays_with_all_that_belongs_to_it(place: Place) -> None:
    log = place.log(1)
    report = place.report(1, migration_log=str(log))
    folder = place.evidence(1)
    place.deploy(1)
    for day in (2, 3):
        place.log(day)
        place.report(day)
        place.evidence(day)
    place.prune()
    assert all(path.exists() for path in (log, *report, folder))
    assert place.reason(log) == "belongs to the current deployment or the one before it"
    # The one before it is the rollback target of the next.
    place.deploy(3)
    assert place.reason(log) == "belongs to the current deployment or the one before it"


def test_evidence_is_bounded_in_size_however_young(place: Place) -> None:
    place.library.write_text(json.dumps({"components": ["x" * 10_000]}))
    folders = [place.evidence(day) for day in (1, 2, 3)]
    result = place.prune(Rules(days=100_000, last=100, max_evidence=25_000))
    assert [path.exists() for path in folders] == [False, True, True]
    assert "larger than 25000 bytes" in result["removed"][0]["reason"]
    place.prune(Rules(days=100_000, last=100, max_evidence=1))
    assert [path.exists() for path in folders] == [False, False, True]


def foreign_name(place: Place) -> Path:
    path = place.logs / "migration-notes.log"
    path.write_text("mine")
    return path


def foreign_log(place: Place) -> Path:
    path = place.logs / "migration-20240101T120000Z.log"
    path.write_text("the log of some other program\n")
    return path


def other_librarys_log(place: Place) -> Path:
    return place.log(1, library="/srv/other/library.json")


def foreign_report(place: Place) -> Path:
    path = place.logs / f"deployment-{run_id(1)}.json"
    path.write_text('{"deployment": "something else"}')
    return path


def foreign_lines(place: Place) -> Path:
    path = place.logs / f"deployment-{run_id(1)}.log"
    path.write_text("released version 7\n")
    return path


def foreign_page(place: Place) -> Path:
    path = place.logs / f"deployment-{run_id(1)}.html"
    path.write_text(f"<!doctype html>\n<title>Notes on deployment {run_id(1)}</title>\n")
    return path


def other_librarys_page(place: Place) -> Path:
    return place.report(1, library="/srv/other/library.json")[2]


def other_librarys_report(place: Place) -> Path:
    return place.report(1, library="/srv/other/library.json")[0]


def linked_log(place: Place) -> Path:
    (place.logs.parent / "precious").write_text(f"2024-01-01T12:00:00Z migration of {place.library}\n")
    path = place.logs / "migration-20240101T120000Z.log"
    path.symlink_to(place.logs.parent / "precious")
    return path


def folder_as_log(place: Place) -> Path:
    path = place.logs / "migration-20240101T120000Z.log"
    path.mkdir()
    (path / "precious").write_text("mine")
    return path / "precious"


def pipe_as_log(place: Place) -> Path:
    path = place.logs / "dry-run-20240101T120000Z.log"
    os.mkfifo(path)
    return path


def linked_evidence(place: Place) -> Path:
    folder = place.evidence(1)
    moved = place.logs.parent / "moved"
    folder.rename(moved)
    folder.symlink_to(moved)
    return moved / "failure.json"


def notes_in_evidence(place: Place) -> Path:
    path = place.evidence(1) / "notes-of-the-incident.txt"
    path.write_text("mine")
    return path


def folder_in_evidence(place: Place) -> Path:
    path = place.evidence(1) / "rejected-more"
    path.mkdir()
    return path


def link_in_evidence(place: Place) -> Path:
    path = place.evidence(1) / "service.log"
    path.symlink_to("/etc/hostname")
    return path


def evidence_of_nobody(place: Place) -> Path:
    path = place.logs / f"evidence-{run_id(1)}"
    path.mkdir()
    (path / "timeline.txt").write_text("mine")
    return path / "timeline.txt"


def evidence_of_another(place: Place) -> Path:
    path = place.evidence(1) / "failure.json"
    path.write_text(json.dumps({"deployment": run_id(1), "library": "/srv/other/library.json"}))
    return path


def from_the_future(place: Place) -> Path:
    path = place.logs / "migration-29990101T120000Z.log"
    path.write_text(f"2999-01-01T12:00:00Z migration of {place.library}\n")
    return path


FOREIGN = [
    foreign_name,
    foreign_log,
    other_librarys_log,
    foreign_report,
    foreign_lines,
    foreign_page,
    other_librarys_page,
    other_librarys_report,
    linked_log,
    folder_as_log,
    pipe_as_log,
    linked_evidence,
    notes_in_evidence,
    folder_in_evidence,
    link_in_evidence,
    evidence_of_nobody,
    evidence_of_another,
    from_the_future,
]


@pytest.mark.parametrize("plant", FOREIGN, ids=lambda plant: plant.__name__)
def test_what_is_not_ours_is_never_touched(place: Place, plant: Any) -> None:
    path = plant(place)
    for kind in KINDS[:2]:
        place.log(9, kind)
    place.evidence(9)
    place.report(9)
    before = path.lstat()
    result = place.prune()
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mode,
        before.st_size,
        before.st_mtime_ns,
    )
    assert str(path) not in [each["path"] for each in result["removed"]]


def test_all_report_files_of_another_library_stay(place: Place) -> None:
    theirs = place.report(1, library="/srv/other/library.json")
    place.report(2)
    ours = place.report(3)
    assert place.prune()["changed"]
    assert sorted(place.logs.iterdir()) == sorted([*theirs, *ours])


def test_a_name_that_is_not_ours_is_not_even_listed(place: Place) -> None:
    foreign_name(place)
    result = place.prune(check_mode=True)
    assert result["kept"] == result["removed"] == []


def test_unfinished_evidence_is_removed_by_the_next_run(place: Place) -> None:
    folder = place.evidence(1)
    place.evidence(2)
    (folder / "rejected-library.json").unlink()
    (folder / ".timeline.txt.0123456789ab.tmp").write_text("half")
    place.prune()
    assert not folder.exists()


def test_a_file_added_during_the_prune_keeps_its_folder(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.evidence(1)
    place.evidence(2)
    unlink = os.unlink

    def late(name: Any, **more: Any) -> None:
        if name == "failure.json":
            (folder / "notes.txt").write_text("mine")
        unlink(name, **more)

    monkeypatch.setattr(os, "unlink", late)
    result = place.prune()
    assert (folder / "notes.txt").read_text() == "mine"
    assert "cannot be removed" in result["warnings"][0]


def test_a_damaged_state_and_a_held_lock_stop_it(place: Place) -> None:
    place.log(1)
    place.log(2)
    lock.acquire(str(place.library), "someone-else")
    for check_mode in (True, False):
        with pytest.raises(lock.Locked):
            place.prune(check_mode=check_mode)
    lock.release(str(place.library), "someone-else")
    Path(state.current_path(str(place.library))).write_text("{")
    with pytest.raises(MobiusError, match="is damaged"):
        place.prune()
    assert len(list(place.logs.iterdir())) == 2


def test_a_missing_folder_is_nothing_to_do(place: Place) -> None:
    place.logs.rmdir()
    assert not place.prune()["changed"]


def test_invalid_rules_are_refused() -> None:
    with pytest.raises(MobiusError):
        Rules(days=-1)
    with pytest.raises(MobiusError):
        Rules(max_evidence=-1)


NOW = datetime(2024, 9, 24, 16, 0, 0, tzinfo=timezone.utc)
THINGS = some.builds(
    lambda kind, hours, size, foreign, tail: Artifact(
        f"/logs/{kind}-{hours}-{tail}", kind, f"{hours}-{tail}", NOW - timedelta(hours=hours), size, foreign
    ),
    some.sampled_from(KINDS),
    some.integers(-50, 5000),
    some.integers(0, 1000),
    some.sampled_from(["", "", "it is not a file"]),
    some.integers(0, 3),
)
RULES = some.builds(Rules, some.integers(0, 300), some.integers(0, 20), some.integers(0, 5000))


@given(some.lists(THINGS, max_size=40), RULES, some.data())
def test_no_rule_removes_the_newest_foreign_files_or_what_is_in_force(found, rules, data) -> None:
    found = sorted(found, key=lambda each: (each.created, each.path), reverse=True)
    in_force = data.draw(some.lists(some.sampled_from([each.run for each in found]), max_size=3)) if found else []
    decisions = decide(found, rules, NOW, in_force)
    assert [each.artifact for each in decisions] == found
    gone = [each.artifact for each in decisions if not each.keep]
    assert not [each for each in gone if each.foreign or each.created > NOW or each.run in in_force]
    for kind in KINDS:
        ours = [each for each in decisions if each.artifact.kind == kind and not each.artifact.foreign]
        assert not ours or any(each.keep for each in ours)
    assert all(each.reason for each in decisions)
