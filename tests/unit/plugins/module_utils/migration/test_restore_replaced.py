"""A deployment without a result of its migration restores what that replaced, and nothing that it did not reach."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.restore_replaced import restore_replaced
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply, edited
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import ChangedMeanwhile
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import current_path, read_document


@pytest.fixture
def backed_up(site):
    """A library, and ``before``: its bytes as the backup of the deployment ``d`` has them."""
    site.before = site.write({"title": "a", "components": [{"image": image} for image in site.pictures(2)]})
    create_backup(str(site.library))
    return site


def edit(site, old: str = '"a"', new: str = '"b"') -> bytes:
    site.library.write_text(site.library.read_text().replace(old, new))
    return site.library.read_bytes()


def restored(site, **options):
    given = f"sha256:{hashlib.sha256(site.before).hexdigest()}"
    result = restore_replaced(str(site.library), None, given, deployment="d", **options)
    assert result["sha256"] == hashlib.sha256(site.library.read_bytes()).hexdigest() or options
    return result


def test_an_edit_stays_where_nothing_was_replaced(backed_up):
    edit_of_others = edit(backed_up)
    assert not restored(backed_up, check_mode=True)["changed"]
    result = restored(backed_up)
    assert (result["changed"], result["snapshot"]) == (False, None)
    assert backed_up.library.read_bytes() == edit_of_others


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_replaced_comes_back_and_not_what_was_backed_up_earlier(backed_up, monkeypatch, finished):
    edit_of_others = edit(backed_up)
    if not finished:
        monkeypatch.setattr(apply, "commit", lambda _library: None)
    backed_up.migrate(deployment="d")
    assert ("pending" in read_document(str(backed_up.library))) != finished
    assert restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == edit_of_others
    # Twice is once.
    assert not restored(backed_up)["changed"]


def test_an_edit_of_what_was_migrated_is_kept_in_a_snapshot(backed_up):
    backed_up.migrate(deployment="d")
    edit_of_others = edit(backed_up)
    result = restored(backed_up)
    assert backed_up.library.read_bytes() == backed_up.before
    assert Path(result["snapshot"]).read_bytes() == edit_of_others


def test_an_edit_that_stopped_the_migration_stays(backed_up, monkeypatch):
    prove = edited.Edited.prove

    def meanwhile(self, *given):
        prove(self, *given)
        edit(backed_up)

    monkeypatch.setattr(edited.Edited, "prove", meanwhile)
    with pytest.raises(ChangedMeanwhile):
        backed_up.migrate(deployment="d")
    stands = backed_up.library.read_bytes()
    assert not restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == stands != backed_up.before


def test_a_deployment_that_only_adopted_an_edit_replaced_nothing(backed_up):
    backed_up.migrate(deployment="c")
    edit_of_others = edit(backed_up)
    assert not backed_up.migrate(deployment="d")["changed"]
    assert read_document(str(backed_up.library))["deployment"] == "d"
    assert not restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == edit_of_others


def test_what_another_deployment_replaced_is_not_rolled_back(backed_up):
    backed_up.migrate(deployment="c")
    deployed = backed_up.library.read_bytes()
    assert not restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == deployed


def test_a_missing_library_is_restored(backed_up):
    backed_up.library.unlink()
    assert restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == backed_up.before


def test_a_note_that_cannot_be_read_leaves_no_doubt_whose_the_bytes_are(backed_up):
    backed_up.migrate(deployment="d")
    Path(current_path(str(backed_up.library))).write_text("{")
    assert restored(backed_up)["changed"]
    assert backed_up.library.read_bytes() == backed_up.before
