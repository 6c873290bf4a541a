"""A run that finds nothing to edit still leaves a true record of what is deployed."""

from __future__ import annotations

import hashlib
import shutil

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_document


@pytest.fixture
def migrated(site):
    items = [{"id": number, "title": "a", "image": image} for number, image in enumerate(site.pictures(3))]
    site.write({"components": items})
    site.migrate()
    return site


def digest(site) -> str:
    return hashlib.sha256(site.library.read_bytes()).hexdigest()


def test_an_edit_by_hand_is_adopted_and_keeps_the_way_back(migrated):
    former = read_document(str(migrated.library))
    migrated.library.write_text(migrated.library.read_text().replace('"title": "a"', '"title": "b"'))
    assert not migrated.migrate()["changed"]
    current = read_document(str(migrated.library))
    assert current["sha256"] == digest(migrated)
    assert current["backup"] == former["backup"]
    assert current["metrics"].keys() == former["metrics"].keys()
    assert current["metrics"]["p95_hash_time"] > 0
    assert restore(str(migrated.library), None, "deployment")["sha256"] == former["backup"]["sha256"]


def test_a_library_that_came_without_a_record_gets_one(migrated):
    shutil.rmtree(migrated.state)
    shutil.rmtree(migrated.home / "backups")
    before = migrated.library.read_bytes()
    assert not migrated.migrate()["changed"]
    current = read_document(str(migrated.library))
    assert current["sha256"] == digest(migrated)
    assert current["with_dhash"] == 3
    assert migrated.library.read_bytes() == before


def test_check_mode_adopts_nothing(migrated):
    migrated.library.write_text(migrated.library.read_text() + "\n")
    before = migrated.tree()
    migrated.migrate(check_mode=True)
    assert migrated.tree() == before


def test_a_record_that_is_true_is_left_alone(migrated):
    before = migrated.tree()
    migrated.migrate()
    after = migrated.tree()
    name = ".library.json.dhash/current.json"
    assert after[name] == before[name]
