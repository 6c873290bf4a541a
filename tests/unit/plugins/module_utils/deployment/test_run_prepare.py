"""The first call of a run on the host: preflight, lock and backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import validity
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import preflight as preflight_module
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import prepare as prepare_module
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import (
    Step,
    read_run,
)
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import state_dir
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


def test_a_first_run_reads_the_library_strictly_only_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(_path: str) -> str:
        raise AssertionError("read strictly once more")

    monkeypatch.setattr(validity, "problem_of", twice)
    done = place.prepare()
    assert not done.get("failed") and done["backup"]["backup"]["valid"] is True


def test_a_library_that_is_replaced_during_the_preflight_is_not_noted_as_valid(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = preflight_module._counted

    def replaced(library: str, items: Any) -> Any:
        found = counted(library, items)
        Path(library).with_name("new").write_bytes(b'{"components": [')
        Path(library).with_name("new").replace(library)
        return found

    Path(state_dir(place.path)).mkdir()
    monkeypatch.setattr(preflight_module, "_counted", replaced)
    done = place.prepare()
    assert done["backup"]["backup"]["valid"] is False


@pytest.mark.parametrize(
    "change, expected",
    [
        ({}, True),
        ({"rehash": "missing"}, False),
        ({"rehash": "all"}, False),
        ({"as_deployed": False}, False),
        ({"lock": None}, False),
        ({"dry_run": {"failed": True, "msg": "no"}}, False),
        ({"to_hash": 1}, False),
        ({"would_change": 1}, False),
        ({"would_fail": True}, False),
    ],
)
def test_when_a_deployment_has_nothing_to_change(change: Any, expected: bool) -> None:
    predicted = {"to_hash": 0, "would_change": 0, "would_fail": False}
    prepared: Any = {"as_deployed": True, "lock": {}, "dry_run": predicted, "rehash": "changed"}
    for name, value in change.items():
        (predicted if name in predicted else prepared)[name] = value
    prepared = {name: value for name, value in prepared.items() if value is not None}
    assert prepare_module.has_nothing_to_change(prepared, prepared.pop("rehash")) is expected


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
    # Again, after the confirmation.
    assert place.prepare(run=again)["owed"] == ["verify", "restart", "health"]


# Roll back
