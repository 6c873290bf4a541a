"""A deployment that was rolled back is never restored by accident."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import names, store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from ansible_collections.mobius.dhash.tests.support.planted import plant

OLD, NEW, NEWER = b'{"v": 1}\n', b'{"v": 2}\n', b'{"v": 3}\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.json"
    path.write_bytes(OLD)
    return path


def deploy(library, data: bytes, deployment: str) -> None:
    backup = create_backup(str(library))["backup"]
    version = read_version(str(library))
    library.write_bytes(data)
    state.begin(
        str(library),
        {
            "deployment": deployment,
            "status": "deployed",
            "sha256": read_version(str(library)).sha256,
            "backup": {"path": backup["path"], "sha256": backup["sha256"]},
        },
        actual_sha256=version.sha256,
    )
    state.commit(str(library))


def test_latest_passes_over_a_backup_of_what_was_rolled_back(library):
    deploy(library, NEW, "one")
    create_backup(str(library))
    restore(str(library), None, "deployment")
    assert library.read_bytes() == OLD
    result = restore(str(library), None, "latest")
    assert (library.read_bytes(), result["changed"]) == (OLD, False)
    assert any("was rolled back" in warning for warning in result["warnings"])


def test_a_damaged_backup_below_it_is_not_passed_over(library):
    deploy(library, NEW, "one")
    plant(library, b"older", days=1)
    create_backup(str(library))
    restore(str(library), None, "deployment")
    (damaged,) = (each.path for each in store.list_backups(str(library)) if each.sha256 == digest(OLD))
    (library.parent / damaged).write_bytes(b"rotten")
    with pytest.raises(MobiusError, match="newest backup does not verify"):
        restore(str(library), None, "latest")
    assert library.read_bytes() == OLD


def test_a_deployment_that_rolled_itself_back_is_skipped_too(library):
    deploy(library, NEW, "one")
    deploy(library, NEWER, "two")
    create_backup(str(library))
    restore(str(library), None, f"sha256:{digest(NEW)}", deployment="two")
    assert state.read_current(str(library))["deployment"] == "one"
    restore(str(library), None, "latest")
    assert library.read_bytes() == NEW


def test_naming_it_restores_it_and_takes_the_mark_away(library):
    deploy(library, NEW, "one")
    chosen = create_backup(str(library))["backup"]["path"]
    restore(str(library), None, "deployment")
    restore(str(library), None, chosen)
    assert library.read_bytes() == NEW
    assert "rejected" not in state.read_current(str(library))


def test_deploying_the_same_bytes_again_takes_the_mark_away(library):
    deploy(library, NEW, "one")
    restore(str(library), None, "deployment")
    assert state.read_current(str(library))["rejected"]
    deploy(library, NEW, "two")
    assert "rejected" not in state.read_current(str(library))


def test_a_mark_outlives_later_deployments(library):
    deploy(library, NEW, "one")
    create_backup(str(library))
    restore(str(library), None, "deployment")
    deploy(library, NEWER, "two")
    assert digest(NEW) in state.read_current(str(library))["rejected"]
    restore(str(library), None, "latest")
    assert library.read_bytes() == OLD


def test_a_restore_killed_before_its_commit_leaves_the_mark(library, monkeypatch):
    deploy(library, NEW, "one")
    create_backup(str(library))
    monkeypatch.setattr(state, "commit", lambda path: None)
    restore(str(library), None, "deployment")
    monkeypatch.undo()
    restore(str(library), None, "latest")
    assert library.read_bytes() == OLD


def test_nothing_else_left_is_refused_with_the_reason(library):
    deploy(library, NEW, "one")
    create_backup(str(library))
    restore(str(library), None, "deployment")
    for each in store.list_backups(str(library)):
        if each.kind == names.BACKUP and each.sha256 != digest(NEW):
            (library.parent / each.path).unlink()
    with pytest.raises(MobiusError, match="holds a deployment that was rolled back"):
        restore(str(library), None, "latest")
    assert library.read_bytes() == OLD
