"""A run that finds nothing to edit still leaves a correct state."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules, prune
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_document


@pytest.fixture
def migrated(site):
    items = [{"id": number, "title": "a", "image": image} for number, image in enumerate(site.pictures(3))]
    site.write({"components": items})
    site.migrate()
    return site


def digest(site) -> str:
    return hashlib.sha256(site.library.read_bytes()).hexdigest()


def edit(site) -> None:
    site.library.write_text(site.library.read_text().replace('"title": "a"', '"title": "b"'))


def test_a_manual_edit_is_adopted_and_is_its_own_rollback_target(migrated):
    former = read_document(str(migrated.library))
    edit(migrated)
    edited = migrated.library.read_bytes()
    assert migrated.migrate(check_mode=True)["adopted"]
    result = migrated.migrate()
    assert (result["changed"], result["adopted"], result["sha256_after"]) == (False, True, digest(migrated))
    assert Path(result["backup"]["path"]).read_bytes() == edited
    current = read_document(str(migrated.library))
    assert current["sha256"] == current["backup"]["sha256"] == digest(migrated)
    assert current["backup"]["path"] == result["backup"]["path"]
    assert current["metrics"].keys() == former["metrics"].keys()
    assert current["metrics"]["p95_hash_time"] > 0
    assert not restore(str(migrated.library), None, "deployment")["changed"]
    assert migrated.library.read_bytes() == edited
    again = migrated.tree()
    assert not migrated.migrate()["adopted"]
    assert {name: now for name, now in migrated.tree().items() if name.startswith("backups")} == {
        name: then for name, then in again.items() if name.startswith("backups")
    }


def test_the_rollback_target_from_before_the_edit_stays_and_can_be_named(migrated):
    former = read_document(str(migrated.library))
    before = Path(former["backup"]["path"]).read_bytes()
    edit(migrated)
    migrated.migrate()
    assert read_document(str(migrated.library))["previous"]["sha256"] == former["sha256"]
    prune(str(migrated.library), rules=Rules(days=0, last=0))
    restore(str(migrated.library), None, former["backup"]["path"])
    assert migrated.library.read_bytes() == before


def test_an_adopted_edit_does_not_make_the_deployment_of_before_a_rejected_one(migrated):
    deployed = digest(migrated)
    snapshot = restore(str(migrated.library), None, "deployment")["snapshot"]
    restore(str(migrated.library), None, snapshot)
    assert digest(migrated) == deployed
    edit(migrated)
    assert migrated.migrate()["adopted"]
    assert deployed not in read_document(str(migrated.library)).get("rejected", [])


def test_an_edit_that_cannot_be_backed_up_is_not_adopted(migrated, monkeypatch):
    former = read_document(str(migrated.library))
    edit(migrated)

    def full(*_arguments, **_options):
        raise MobiusError("No space left on device", "backups")

    monkeypatch.setattr(apply, "ensure_backup", full)
    with pytest.raises(MobiusError, match="No space"):
        migrated.migrate()
    assert read_document(str(migrated.library)) == former


def test_a_migrated_library_without_a_state_gets_one(migrated):
    shutil.rmtree(migrated.state)
    shutil.rmtree(migrated.home / "backups")
    before = migrated.library.read_bytes()
    assert not migrated.migrate()["changed"]
    current = read_document(str(migrated.library))
    assert current["sha256"] == current["backup"]["sha256"] == digest(migrated)
    assert current["with_dhash"] == 3
    assert migrated.library.read_bytes() == before


def test_check_mode_adopts_nothing(migrated):
    migrated.library.write_text(migrated.library.read_text() + "\n")
    before = migrated.tree()
    migrated.migrate(check_mode=True)
    assert migrated.tree() == before


def test_a_correct_state_is_left_alone(migrated):
    before = migrated.tree()
    migrated.migrate()
    after = migrated.tree()
    name = ".library.json.dhash/current.json"
    assert after[name] == before[name]
