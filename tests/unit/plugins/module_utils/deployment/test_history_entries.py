"""What a run leaves in the history of its library, however it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.finish import finish_run
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.history import entry, history_of
from ansible_collections.mobius.dhash.plugins.module_utils.storage.history import history_path
from ansible_collections.mobius.dhash.plugins.module_utils.version import VERSION
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.finish import arguments
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import Run
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.settings import differences, settings_of

RUN = {
    "id": "R1",
    "kind": "deployment",
    "status": "deployed",
    "collection": VERSION,
    "settings": {"hash_mode": "exact"},
}
JOB = {"system": "AWX", "id": "42", "url": "https://awx/#/jobs/playbook/42"}
REPORT = {
    "message": "Deployed. password=hunter2",
    "facts": {
        "library": "/srv/l.json",
        "sha256_before": "a",
        "backup": "/b",
        "items": 3,
        "hashed": 2,
        "metrics": {"x": 1},
    },
    "controller": {"user": "ann", "host": "ctl", "pid": 7, "boot_id": "b", "job": JOB},
    "timeline": [{"at": "2026-01-01T00:00:00Z", "event": "start"}],
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_text("{}")
    return path


def end(library: Path, run: Any = None, report: Any = None, **more: Any) -> Dict[str, Any]:
    details = {"log_dir": str(library.parent / "logs"), "backup_dir": None, "backup": "deployment"}
    return finish_run(str(library), run={**RUN, **(run or {})}, report=report or REPORT, **details, **more)


def test_who_from_where_what_when_and_how(library: Path) -> None:
    done = end(library)
    found = history_of(str(library))
    (noted,) = found["entries"]
    assert done["history"] == {"number": 1, "sha256": noted["sha256"]} and done["errors"] == {}
    assert noted["controller"] == {"user": "ann", "host": "ctl", "job": JOB}
    assert (noted["id"], noted["kind"], noted["status"]) == ("R1", "deployment", "deployed")
    assert (noted["started_at"], noted["library"]) == ("2026-01-01T00:00:00Z", "/srv/l.json")
    assert noted["ended_at"].endswith("Z") and len(noted["sha256"]) == 64
    assert noted["counts"] == {"items": 3, "hashed": 2}
    assert noted["versions"]["collection"] == VERSION and noted["settings"] == {"hash_mode": "exact"}
    assert noted["report"].endswith("/logs/deployment-R1.json") and Path(noted["report"]).exists()
    assert "hunter2" not in Path(history_path(str(library))).read_text()


def test_what_hashed_the_library_is_named() -> None:
    state = {"sha256": "s", "current": {"versions": {"pillow": "12.1.0", "imagehash": "4.3.2"}}}
    versions = entry(RUN, REPORT, state, None)["versions"]
    assert (versions["pillow"], versions["imagehash"], versions["collection"]) == ("12.1.0", "4.3.2", VERSION)


@pytest.mark.parametrize("report", [{}, {"facts": {}, "timeline": [], "controller": {}}, {"message": "x" * 50_000}])
def test_little_or_much_known_makes_an_entry(library: Path, report: Dict[str, Any]) -> None:
    assert end(library, report=report)["errors"] == {}
    assert history_of(str(library))["valid"]


@pytest.mark.parametrize("status", ["refused", "rolled_back", "rollback_failed", "restored", "pass"])
def test_every_end_is_noted_and_the_newest_are_returned(library: Path, status: str) -> None:
    end(library)
    end(library, {"id": "R2", "status": status})
    found = history_of(str(library), last=1)
    assert [each["status"] for each in found["entries"]] == [status] and found["entry_count"] == 2


def test_check_mode_notes_nothing(library: Path) -> None:
    assert end(library, check_mode=True)["history"] is None
    assert history_of(str(library))["entries"] == []


def test_a_mistyped_path_leaves_no_folder(tmp_path: Path) -> None:
    assert end(tmp_path / "typo.json")["history"] is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["link", "garbage", "folder"])
def test_a_history_that_cannot_be_written_or_was_changed_fails_nothing_else(library: Path, damage: str) -> None:
    end(library)
    path = Path(history_path(str(library)))
    if damage == "garbage":
        path.write_bytes(b"\xff\x00 no json\n")
    else:
        path.unlink()
        path.symlink_to("/dev/null") if damage == "link" else path.mkdir()
    done = end(library, {"id": "R2"}, owed=[])
    assert set(done["errors"]) == (set() if damage == "garbage" else {"history"})
    assert Path(done["report"]).exists() and done["state"]["sha256"]
    if damage == "garbage":
        assert not history_of(str(library))["valid"]


def test_the_controller_gives_version_and_settings_to_the_end() -> None:
    begin = {
        **{"event": "begin", "id": "R1", "kind": "deployment", "host": "h", "path": "/l", "started_at": "T"},
        **{"check_mode": False, "settings": {"hash_mode": "fast"}},
    }
    given = arguments(Run.from_entries([begin]), {}, {}, {}, lambda *_unused, **_given: "")
    assert given["run"]["collection"] == VERSION and given["run"]["settings"] == {"hash_mode": "fast"}
    # The journal of a run that another version has begun.
    assert Run.from_entries([{name: begin[name] for name in begin if name != "settings"}]).settings == {}
    json.dumps(given["run"])


@pytest.mark.parametrize(
    "one, other, named",
    [
        ({"confidence_threshold": 0.7}, {"confidence_threshold": "0.70"}, []),
        ({"items": ("a[]",)}, {"items": ["a[]"]}, []),
        ({"max_pixels": "178956970"}, {"max_pixels": 178956970}, []),
        ({"confidence_threshold": 0.7}, {"confidence_threshold": 0.8}, ["confidence_threshold"]),
        ({"hash_mode": "exact", "items": []}, {"hash_mode": "fast", "items": ["x"]}, ["items", "hash_mode"]),
        ({"hash_mode": "exact"}, {}, ["hash_mode"]),
        ({"workers": 4}, {"workers": 8}, []),
    ],
)
def test_settings_are_compared_in_one_spelling(one: Dict[str, Any], other: Dict[str, Any], named: Any) -> None:
    assert differences(settings_of(one), settings_of(other)) == named
