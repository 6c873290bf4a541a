"""The rollback of a run on the host: by hand, after a failure, after a watch, and of a fleet."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import rollback as rollback_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.rollback import nothing_to_roll_back
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    Step,
    begin_run,
    journal_path,
    read_run,
)
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS
from ansible_collections.mobius.dhash.tests.unit.plugins.module_utils.deployment.place import (
    EDIT,
    HAND,
    NEW,
    OLD,
    RUN,
    WATCH,
    Place,
    digest,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_manual_rollback(place: Place) -> None:
    place.deploy()
    done = place.roll_back()
    assert done["changed"] and not done.get("failed") and done["nothing"] is None
    assert place.library.read_bytes() == OLD
    assert Path(done["snapshot"]).read_bytes() == NEW
    assert done["evidence"] == {"folder": None, "files": [], "error": None}
    assert not place.roll_back()["changed"]
    lease = lock.holder(place.path)
    assert lease is not None and lease["id"] == "hand-1"


def test_check_mode_rolls_nothing_back(place: Place) -> None:
    place.deploy()
    before = place.tree()
    done = place.roll_back(check_mode=True, evidence=place.evidence())
    assert done["changed"] and place.tree() == before


def test_a_rollback_that_was_killed_before_its_restart_is_made_up_for(place: Place) -> None:
    place.deploy()
    begin_run(place.path, HAND, digest(NEW))
    Step({**HAND, "step": "rollback", "path": place.path}).begin()
    restore(place.path, place.backups, "deployment")
    done = place.roll_back(run={"id": "hand-2", "kind": "rollback"})
    assert not done["changed"] and done["owed"] == ["restart", "health"]


@pytest.mark.parametrize("error", [MobiusError("No evidence"), OSError(28, "No space left on device")])
def test_evidence_that_cannot_be_kept_does_not_stop_a_restore(place: Place, monkeypatch, error) -> None:
    def fail(*_unused: Any, **_ignored: Any) -> None:
        raise error

    place.deploy()
    monkeypatch.setattr(rollback_module, "keep_evidence", fail)
    done = place.roll_back(evidence=place.evidence())
    assert place.library.read_bytes() == OLD and not done.get("failed")
    assert done["evidence"] == {"folder": None, "files": [], "error": str(error)}


def test_a_journal_that_cannot_be_written_does_not_stop_a_restore(place: Place) -> None:
    place.deploy()
    Path(journal_path(place.path)).mkdir()
    done = place.roll_back()
    assert place.library.read_bytes() == OLD and not done.get("failed")


def test_the_evidence_is_reported_when_the_restore_fails(place: Place, monkeypatch) -> None:
    def fail(*_unused: Any, **_ignored: Any) -> None:
        raise OSError(28, "No space left on device", place.path)

    place.deploy()
    monkeypatch.setattr(rollback_module, "restore", fail)
    done = place.roll_back(evidence=place.evidence())
    assert done["failed"] and "No space left on device" in done["msg"]
    assert "rejected-library.json" in done["evidence"]["files"]
    assert place.library.read_bytes() == NEW


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_backup_that_cannot_be_used_leaves_the_library_as_it_is(place: Place, damage: str) -> None:
    backup = Path(place.deploy())
    backup.unlink() if damage == "gone" else backup.write_bytes(b"x")
    done = place.roll_back()
    assert done["failed"] and done["remedy"]
    assert place.library.read_bytes() == NEW


def test_only_what_the_run_replaced_is_restored(place: Place) -> None:
    place.deploy()
    place.library.write_bytes(EDIT)
    done = place.roll_back(f"sha256:{digest(OLD)}", run=RUN, lock=None, only_replaced=True)
    assert not done["changed"] and not done.get("failed")
    assert place.library.read_bytes() == EDIT
    place.deploy(deployment="run-1")
    done = place.roll_back(f"sha256:{digest(OLD)}", run=RUN, lock=None, only_replaced=True)
    assert done["changed"] and place.library.read_bytes() == EDIT


def test_other_bytes_than_expected_are_left_alone(place: Place) -> None:
    place.deploy()
    place.library.write_bytes(EDIT)
    done = place.roll_back(expected=digest(NEW))
    assert done["failed"] and place.library.read_bytes() == EDIT


WRITER = """
import sys, time; sys.path.insert(0, sys.argv[1])
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
with lock.writing(sys.argv[2], sys.argv[4] or None): print('writing', flush=True); time.sleep(float(sys.argv[3]))
"""


@contextmanager
def writing(place: Place, monkeypatch, lasts: int, holder: str = "") -> Iterator[None]:
    """Another process writes for so many seconds; whoever waits for the kernel's lock looks again after 0.2 s."""
    real = lock.wait_for_lock
    monkeypatch.setattr(lock, "wait_for_lock", lambda take, wait, refusal: real(take, min(wait, 0.2), refusal))
    command = [sys.executable, "-c", WRITER, COLLECTIONS, place.path, str(lasts), holder]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
        yield
        writer.kill()


@pytest.mark.parametrize("lasts, fails", [(2, False), (60, True)])
def test_a_writer_that_is_ending_is_waited_for(place: Place, monkeypatch, lasts: int, fails: bool) -> None:
    """A migration whose controller was killed ends by itself; one that does not end is reported."""
    place.deploy()
    monkeypatch.setattr(rollback_module, "WRITER_TIMEOUT", 1.0 if fails else 60.0)
    with writing(place, monkeypatch, lasts):
        done = place.roll_back(run=RUN, lock=None)
    assert bool(done.get("failed")) == fails
    assert place.library.read_bytes() == (NEW if fails else OLD)
    assert not fails or "Another process is writing" in done["msg"]


def test_a_rollback_refused_by_a_living_run_waits_for_nothing(place: Place) -> None:
    place.deploy()
    lock.acquire(place.path, "other")
    done = place.roll_back()
    assert done["failed"] and "locked by other" in done["msg"]
    assert place.library.read_bytes() == NEW
    assert read_run(place.path) is None


def change(place: Place, reason: str) -> Dict[str, Any]:
    """Create this state, and return what was watched."""
    if reason == "not_deployed":
        return {}
    place.deploy()
    watched = {name: place.current().get(name) for name in ("deployment", "sha256", "status")}
    if reason == "superseded":
        place.deploy(EDIT, "d2")
    elif reason == "edited":
        place.library.write_bytes(EDIT)
    elif reason == "unchanged":
        # The last deployment found nothing to do, so its backup holds the same bytes.
        backup = create_backup(place.path, place.backups)["backup"]
        place.write(NEW, "d2", {"path": backup["path"], "sha256": backup["sha256"]}, backup["sha256"])
        watched = {name: place.current().get(name) for name in ("deployment", "sha256", "status")}
    return watched


@pytest.mark.parametrize("reason", ["not_deployed", "superseded", "edited", "unchanged"])
def test_a_watch_that_fails_leaves_alone_what_it_did_not_watch(place: Place, reason: str) -> None:
    watched = change(place, reason)
    before = place.library.read_bytes()
    done = place.roll_back(run=WATCH, watched=watched)
    assert done["nothing"]["reason"] == reason and done["nothing"]["message"]
    assert not done["changed"] and not done.get("failed")
    assert place.library.read_bytes() == before
    assert bool(done["nothing"]["earlier"]) == (reason in ("superseded", "unchanged"))


def test_a_watch_that_fails_rolls_back_what_it_watched(place: Place) -> None:
    place.deploy()
    watched = {name: place.current().get(name) for name in ("deployment", "sha256", "status")}
    done = place.roll_back(run=WATCH, watched=watched, evidence=place.evidence())
    assert done["changed"] and done["nothing"] is None
    assert place.library.read_bytes() == OLD
    assert (Path(done["evidence"]["folder"]) / "rejected-library.json").read_bytes() == NEW


def test_a_deployed_library_that_is_missing_is_restored(place: Place) -> None:
    place.deploy()
    watched = {name: place.current().get(name) for name in ("deployment", "sha256", "status")}
    place.library.unlink()
    assert nothing_to_roll_back(place.path, watched, deployed(place.path, place.backups, "deployment")) is None


FLEET = "20240924T160000Z-9f8e7d"


def fleet_state(place: Place, case: str) -> None:
    """Bring the host into the state of ``case``."""
    if case == "not deployed":
        return
    place.deploy(**({} if case == "no fleet" else {"fleet": "F2" if case == "another fleet" else FLEET}))
    if case == "superseded":
        place.deploy(EDIT, "d2", fleet="F2")
    elif case == "rolled back":
        restore(place.path, place.backups, "deployment", deployment="back")
    elif case == "edited":
        place.library.write_bytes(EDIT)
    elif case == "reviewed":
        backup = create_backup(place.path, place.backups)["backup"]
        reviewed = {**place.current(), "reviewed": {"decisions": 1}, "sha256": digest(EDIT)}
        reviewed.pop("previous")
        state.begin(place.path, {**reviewed, "backup": {"path": backup["path"], "sha256": backup["sha256"]}})
        place.library.write_bytes(EDIT)
        state.commit(place.path)


@pytest.mark.parametrize(
    "case, reason, message",
    [
        ("not deployed", "other_fleet", "no deployment of this library is known"),
        ("no fleet", "other_fleet", "it holds deployment d1, which belongs to no fleet run"),
        ("another fleet", "other_fleet", "it holds deployment d1 of fleet run F2"),
        ("superseded", "other_fleet", "it holds deployment d2 of fleet run F2"),
        ("rolled back", "rolled_back", f"what fleet run {FLEET} deployed was rolled back at "),
        ("deployed", None, None),
        ("edited", None, None),
        ("reviewed", None, None),
    ],
)
def test_a_fleet_run_rolls_back_only_what_it_deployed(place: Place, case: str, reason: Any, message: Any) -> None:
    fleet_state(place, case)
    before = place.tree()
    done = place.roll_back(fleet=FLEET)
    assert not done.get("failed")
    if reason is None:
        assert done["nothing"] is None and done["changed"]
        assert place.library.read_bytes() == OLD
        assert place.roll_back(fleet=FLEET)["nothing"]["reason"] == "rolled_back"
    else:
        assert done["nothing"]["reason"] == reason and message in done["nothing"]["message"]
        assert not done["changed"] and place.tree() == before


@pytest.mark.parametrize(
    "holder, fleet, taken_over",
    [("d1", FLEET, True), ("d2", FLEET, False), ("d1", None, False), ("another rollback", FLEET, False)],
)
def test_the_rollback_of_a_fleet_run_takes_over_the_lock_of_a_host_that_was_lost(
    place: Place, holder: str, fleet: Any, taken_over: bool
) -> None:
    place.deploy(fleet=FLEET)
    lock.acquire(place.path, holder)
    done = place.roll_back(fleet=fleet)
    assert place.library.read_bytes() == (OLD if taken_over else NEW)
    if taken_over:
        assert done["changed"] and f"which fleet run {FLEET} has not released" in done["warnings"][0]
        # Alive after all, it replaces nothing.
        with pytest.raises(lock.LockLost), lock.writing(place.path, holder):
            place.library.write_bytes(EDIT)
    else:
        assert f"locked by {holder}" in done["msg"]
    assert place.library.read_bytes() != EDIT


def test_a_deployment_of_the_fleet_run_that_still_writes_keeps_its_lock(place: Place, monkeypatch) -> None:
    place.deploy(fleet=FLEET)
    lock.acquire(place.path, "d1")
    with writing(place, monkeypatch, 60, "d1"):
        done = place.roll_back(fleet=FLEET)
    held = lock.holder(place.path)
    assert done["failed"] and held is not None and held["id"] == "d1"
    assert place.library.read_bytes() == NEW
