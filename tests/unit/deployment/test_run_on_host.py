"""The three calls that a run makes on a host: prepare, roll back, finish."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import finish as finish_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import prepare as prepare_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import rollback as rollback_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.finish import finish_run
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prepare import prepare
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.rollback import nothing_to_roll_back, roll_back
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.flag import read_flag, set_flag
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    Step,
    begin_run,
    end_run,
    journal_path,
    read_run,
)
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version, replace_whole

COLLECTIONS = str(Path(__file__).resolve().parents[3] / "playbooks" / "collections")
RUN = {"id": "run-1", "kind": "deployment"}
HAND = {"id": "hand-1", "kind": "rollback"}
WATCH = {"id": "watch-1", "kind": "monitoring"}
LOCK: Dict[str, Any] = {"ttl": 900, "force": False, "pid": None}
OLD = b'{"components": [{"image": "a.png"}]}\n'
NEW = b'{"components": [{"image": "a.png"}], "dhash_migration": {}}\n'
EDIT = b'{"components": [{"image": "a.png"}], "note": "by hand"}\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library.json"
        self.backups = str(folder / "backups")
        self.logs = str(folder / "logs")
        self.library.write_bytes(OLD)

    @property
    def path(self) -> str:
        return str(self.library)

    def deploy(self, data: bytes = NEW, deployment: str = "d1", **more: str) -> str:
        """Replace the library as a migration does; the path of the backup."""
        backup = create_backup(self.path, self.backups)["backup"]
        self.write(data, deployment, {"path": backup["path"], "sha256": backup["sha256"]}, backup["sha256"], **more)
        return str(backup["path"])

    def write(self, data: bytes, deployment: str, backup: Dict[str, str], replaced: str, **more: str) -> None:
        known = {**more, "deployment": deployment, "status": "deployed", "sha256": digest(data), "backup": backup}
        state.begin(self.path, {**known, "replaced": replaced})
        replace_whole(self.path, lambda stream: stream.write(data), expected=read_version(self.path))
        state.commit(self.path)

    def current(self) -> Dict[str, Any]:
        return dict(deployed(self.path)["current"])

    def tree(self) -> Dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def evidence(self, **more: Any) -> Dict[str, Any]:
        known = {"failure": {"message": "no"}, "timeline": [{"at": "x", "event": "start"}], "samples": []}
        return {"log_dir": self.logs, **known, **more}

    def prepare(self, *steps: str, run: Any = RUN, check_mode: bool = False, **check: Any) -> Dict[str, Any]:
        checked = {
            "image_root": str(self.folder),
            "items": [],
            "log_dir": self.logs,
            "schema": None,
            "metrics_file": None,
        }
        wanted = steps or prepare_module.STEPS
        return prepare(
            self.path,
            **{"run": run, "steps": wanted, "check": {**checked, **check}, "lock": LOCK, "backup_dir": self.backups},
            check_mode=check_mode,
        )

    def roll_back(self, backup: str = "deployment", run: Any = HAND, **more: Any) -> Dict[str, Any]:
        return roll_back(self.path, self.backups, backup, **{"run": run, "lock": LOCK, "evidence": None, **more})

    def finish(self, run: Any = RUN, **more: Any) -> Dict[str, Any]:
        given = {"run": {"status": "deployed", **run}, "report": {"kind": "deployment"}, "log_dir": self.logs}
        return finish_run(
            self.path, **{**given, "backup_dir": self.backups, "backup": "deployment", "owed": [], **more}
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# Prepare


def test_preflight_lock_and_backup_in_one_call(place: Place) -> None:
    done = place.prepare()
    assert not done.get("failed") and done["changed"] and not done["as_deployed"]
    assert done["sha256"] == digest(OLD) == done["backup"]["backup"]["sha256"]
    assert Path(done["backup"]["backup"]["path"]).read_bytes() == OLD
    lease = lock.holder(place.path)
    assert lease is not None and lease["id"] == "run-1"
    run = read_run(place.path)
    assert run is not None and (run["id"], run["sha256"], run["owed"]) == ("run-1", digest(OLD), [])


def test_a_library_that_is_as_deployed_is_not_backed_up_again(place: Place) -> None:
    backup = place.deploy()
    done = place.prepare()
    assert done["as_deployed"] and done["backup"]["skipped"] and not done["changed"]
    assert done["backup"]["backup"]["path"] == backup
    assert len(list(Path(place.backups).glob("*Z"))) == 1


def test_check_mode_prepares_nothing(place: Place) -> None:
    before = place.tree()
    assert not place.prepare(check_mode=True).get("failed")
    assert place.tree() == before


def test_steps_are_taken_in_their_order_and_only_those_that_are_wanted(place: Place) -> None:
    done = place.prepare("backup", "preflight")
    assert [name for name in done if name in prepare_module.STEPS] == ["preflight", "backup"]
    assert lock.holder(place.path) is None


@pytest.mark.parametrize("step", prepare_module.STEPS)
@pytest.mark.parametrize(
    "error", [MobiusError("No", "/where", "do this"), OSError(28, "No space left on device", "/x")]
)
def test_the_step_that_refuses_is_named_and_the_earlier_ones_are_reported(
    place: Place, monkeypatch, step, error
) -> None:
    def fail(*_unused: Any, **_ignored: Any) -> None:
        raise error

    name = {"preflight": "preflight", "lock": "acquire", "backup": "create_backup"}[step]
    monkeypatch.setattr(prepare_module, name, fail)
    done = place.prepare()
    assert done["failed"] and done["step"] == step and done["remedy"]
    assert str(done["msg"]).startswith("No")
    assert done["where"] == (error.where if isinstance(error, MobiusError) else "/x")
    reached = prepare_module.STEPS[: prepare_module.STEPS.index(step)]
    assert [each for each in prepare_module.STEPS if each in done] == list(reached)
    assert place.library.read_bytes() == OLD


def test_the_lock_of_another_run_is_refused_and_its_journal_stays(place: Place) -> None:
    place.prepare()
    done = place.prepare(run={"id": "run-2", "kind": "deployment"})
    assert (done["failed"], done["step"]) == (True, "lock")
    assert "locked by run-1" in done["msg"]
    run = read_run(place.path)
    assert run is not None and run["id"] == "run-1"
    # The same run may prepare again.
    assert not place.prepare().get("failed")


def test_what_a_killed_run_owes_is_known_to_the_next(place: Place) -> None:
    place.prepare("lock")
    Step({**RUN, "step": "migrate", "path": place.path}).begin()
    place.library.write_bytes(NEW)
    lock.release(place.path, "run-1")
    again = {"id": "run-2", "kind": "deployment"}
    assert place.prepare(run=again)["owed"] == ["verify", "restart", "health"]
    # Asked again, after consent.
    assert place.prepare(run=again)["owed"] == ["verify", "restart", "health"]


# Roll back


def test_a_rollback_by_hand(place: Place) -> None:
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
def test_evidence_that_cannot_be_kept_stops_no_restore(place: Place, monkeypatch, error) -> None:
    def fail(*_unused: Any, **_ignored: Any) -> None:
        raise error

    place.deploy()
    monkeypatch.setattr(rollback_module, "keep_evidence", fail)
    done = place.roll_back(evidence=place.evidence())
    assert place.library.read_bytes() == OLD and not done.get("failed")
    assert done["evidence"] == {"folder": None, "files": [], "error": str(error)}


def test_a_journal_that_cannot_be_written_stops_no_restore(place: Place) -> None:
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


@pytest.mark.parametrize("lasts, fails", [(2, False), (60, True)])
def test_a_writer_that_is_ending_is_waited_for(place: Place, monkeypatch, lasts: int, fails: bool) -> None:
    """A migration whose controller was killed ends by itself; one that does not end is reported."""
    place.deploy()
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock\n"
        "with lock.writing(sys.argv[2]): print('writing', flush=True); time.sleep(float(sys.argv[3]))\n"
    )
    monkeypatch.setattr(rollback_module, "WRITER_TIMEOUT", 1.0 if fails else 60.0)
    real = lock.wait_for_lock
    monkeypatch.setattr(lock, "wait_for_lock", lambda take, wait, refusal: real(take, min(wait, 0.2), refusal))
    command = [sys.executable, "-c", program, COLLECTIONS, place.path, str(lasts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
        done = place.roll_back(run=RUN, lock=None)
        writer.kill()
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
    """Make it true, and give what was watched."""
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


# Finish


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
