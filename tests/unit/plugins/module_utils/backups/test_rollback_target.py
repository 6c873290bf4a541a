"""The rollback target of a deployment: the bytes from before it, once, whatever came since."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from ansible_collections.mobius.dhash.tests.support.deployed import A, B, C, current, deploy, snapshots


def test_an_edit_since_the_deployment_is_kept_and_reported(library: Path) -> None:
    deploy(library, B, "1")
    library.write_bytes(C)
    predicted = restore(str(library), backup="deployment", check_mode=True)
    result = restore(str(library), backup="deployment")
    assert predicted["edited"] and result["edited"]
    assert library.read_bytes() == A
    assert Path(result["snapshot"]).read_bytes() == C
    (reported,) = result["warnings"]
    assert (
        f"changed since it was last deployed or rolled back; those bytes are kept in {result['snapshot']}" in reported
    )
    assert not restore(str(library), backup="deployment")["edited"]


def test_only_bytes_that_differ_from_the_state_count_as_an_edit(library: Path) -> None:
    create_backup(str(library))
    library.write_bytes(B)
    assert not restore(str(library))["edited"], "there is no state"
    deploy(library, C, "1")
    result = restore(str(library), backup="deployment")
    assert (result["edited"], result["warnings"]) == (False, [])
    library.unlink()
    assert not restore(str(library), backup="deployment")["edited"]


def test_other_bytes_than_expected_stay(library: Path) -> None:
    deploy(library, B, "1")
    expected = read_version(str(library)).sha256
    library.write_bytes(C)
    for check_mode in (True, False):
        with pytest.raises(MobiusError, match="does not have the expected bytes"):
            restore(str(library), backup="deployment", expected=expected, check_mode=check_mode)
    assert library.read_bytes() == C
    assert snapshots(library) == []
    library.unlink()
    restore(str(library), backup="deployment", expected=expected)
    assert library.read_bytes() == A


def test_two_deployments_and_a_rollback_restore_the_first_bytes(library: Path) -> None:
    deploy(library, B, "1")
    create_backup(str(library))  # a second deployment that changed nothing
    result = restore(str(library), None, "deployment")
    assert library.read_bytes() == A
    assert result["changed"] is True
    assert snapshots(library) == [B]
    assert Path(result["snapshot"]).read_bytes() == B
    assert (current(library)["status"], current(library).get("metrics")) == ("rolled_back", None)


def test_a_second_rollback_changes_nothing(library: Path) -> None:
    deploy(library, B, "1")
    restore(str(library), None, "deployment")
    before = {each: each.stat().st_mtime_ns for each in library.parent.rglob("*")}
    again = restore(str(library), None, "deployment")
    assert (again["changed"], again["snapshot"]) == (False, None)
    assert again["diff"]["before"] == again["diff"]["after"]
    assert {each: each.stat().st_mtime_ns for each in library.parent.rglob("*")} == before


def test_a_rollback_that_was_wrong_is_undone_by_its_snapshot_and_can_be_made_again(library: Path) -> None:
    deploy(library, B, "1")
    result = restore(str(library), None, "deployment")
    restore(str(library), None, result["snapshot"])
    assert library.read_bytes() == B
    assert (current(library)["status"], current(library)["metrics"]) == ("deployed", {"name": "1"})
    restore(str(library), None, "deployment")
    assert library.read_bytes() == A


def test_a_rollback_to_what_was_deployed_before_has_its_metrics_and_stays(library: Path) -> None:
    deploy(library, B, "1")
    deploy(library, C, "2")
    restore(str(library), None, "deployment", deployment=None)
    assert library.read_bytes() == B
    assert (current(library)["status"], current(library)["metrics"]) == ("rolled_back", {"name": "1"})
    assert restore(str(library), None, "deployment")["changed"] is False


def test_a_rolled_back_deployment_does_not_hide_the_earlier_rollback_target(library: Path) -> None:
    deploy(library, B, "1")
    deploy(library, C, "2")
    lock.acquire(str(library), "2")
    restore(str(library), None, "deployment", deployment="2")
    lock.release(str(library), "2")
    assert library.read_bytes() == B
    assert (current(library)["status"], current(library)["deployment"]) == ("deployed", "1")
    restore(str(library), None, "deployment")
    assert library.read_bytes() == A


@pytest.mark.parametrize("came_true", [True, False])
def test_a_deployment_killed_around_its_rename(library: Path, came_true: bool) -> None:
    deploy(library, B, "1")
    made = create_backup(str(library))["backup"]
    library.with_name("next").write_bytes(C)
    note = {"deployment": "2", "status": "deployed", "sha256": read_version(str(library.with_name("next"))).sha256}
    state.begin(str(library), {**note, "backup": {"path": made["path"], "sha256": made["sha256"]}})
    if came_true:
        library.with_name("next").rename(library)
    restore(str(library), None, "deployment")
    assert library.read_bytes() == (B if came_true else A)


def test_a_note_that_never_came_true_ends_with_a_restore_that_has_nothing_to_do(library: Path) -> None:
    deploy(library, B, "1")
    restore(str(library), None, "deployment")
    state.begin(str(library), {"deployment": "2", "status": "deployed", "sha256": "0" * 64})
    assert restore(str(library), None, "deployment")["changed"] is False
    assert "pending" not in (state.read_document(str(library)) or {"pending": 1})


def test_a_copy_by_hand_is_noted_as_the_rollback_that_it_is(library: Path) -> None:
    deploy(library, B, "1")
    library.write_bytes(A)
    assert restore(str(library), None, "deployment")["changed"] is False
    assert current(library)["status"] == "rolled_back"
    assert restore(str(library), None, "deployment")["changed"] is False


def test_a_restore_that_changes_nothing_does_not_move_the_rollback_target(library: Path) -> None:
    deploy(library, B, "1")
    library.write_bytes(C)
    create_backup(str(library))
    assert restore(str(library), None, "latest")["changed"] is False
    restore(str(library), None, "deployment")
    assert library.read_bytes() == A
