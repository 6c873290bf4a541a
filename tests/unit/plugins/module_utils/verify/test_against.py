"""A library against what it was before."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import begin, commit
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify
from ansible_collections.mobius.dhash.tests.support.placed import FAILED, HASH, migrated


def backed_up(place, document=None):
    place.write(document or {"components": [{"image": "a.png"}, {"image": "b.png"}]})
    return create_backup(str(place.path), None, check_mode=False)["backup"]


def test_beside_a_library_behind_a_link_is_beside_the_link(place, tmp_path):
    place.write([{"image": "a.png"}])
    link = tmp_path / "elsewhere" / "current.json"
    link.parent.mkdir()
    link.symlink_to(place.path)
    earlier = link.with_name("before.json")
    earlier.write_bytes(place.path.read_bytes())
    assert verify(Request(path=str(link), against="before.json"))["against"] == str(earlier)


def test_a_migration_is_proven_against_its_backup(place):
    backup = backed_up(place)
    place.write({"components": [migrated(), FAILED]})
    for against in (backup["path"], "latest", Path(backup["path"]).name, f"backups/{Path(backup['path']).name}"):
        result = place.verify(against=against)
        assert result["valid"] and result["against"] == backup["path"], against


def test_the_backup_of_the_deployment_is_found(place):
    backup = backed_up(place)
    place.write({"components": [migrated(), FAILED]})
    sha256 = hashlib.sha256(place.path.read_bytes()).hexdigest()
    begin(
        str(place.path), {"deployment": "d", "status": "deployed", "sha256": sha256, "backup": backup, "previous": None}
    )
    commit(str(place.path))
    create_backup(str(place.path), None, check_mode=False)
    assert place.verify(against="deployment")["against"] == backup["path"]
    assert place.verify(against="latest")["against"] != backup["path"]


def test_any_other_change_is_reported(place):
    backed_up(place)
    place.write({"components": [migrated(image="x.png"), FAILED]})
    (problem,) = place.verify(against="latest")["problems"]
    assert (problem["kind"], problem["pointer"], problem["line"]) == ("changed", "/components/0", 1)


def test_an_item_left_out_by_the_migration_is_reported(place):
    backed_up(place)
    place.write({"components": [migrated(), {"image": "b.png"}]})
    assert place.kinds(against="latest") == [("unmigrated", "error")]
    assert place.kinds() == []


def test_a_dhash_that_the_migration_left_as_it_was_is_no_item_left_out(place):
    foreign = {"image": "b.png", "dhash": HASH}
    backed_up(place, {"components": [{"image": "a.png"}, foreign]})
    place.write({"components": [migrated(), foreign]})
    assert place.kinds(against="latest") == [("unmigrated", "warning")]
    assert place.kinds(complete="always") == [("unmigrated", "warning")]


def test_the_bytes_of_the_backup_itself_are_valid(place):
    backed_up(place)
    assert place.verify(against="latest")["valid"]


def test_a_damaged_backup_proves_nothing(place):
    backup = backed_up(place)
    path = Path(backup["path"])
    path.write_bytes(path.read_bytes().replace(b"a.png", b"b.png"))
    for against in (backup["path"], "latest"):
        with pytest.raises(MobiusError, match="does not verify|no backup that verifies"):
            place.verify(against=against)
    with pytest.raises(MobiusError):
        place.verify(against="nothing.json")


def test_a_file_without_a_checksum_is_taken_as_it_is(place):
    place.write({"components": [migrated(), FAILED]})
    (place.folder / "before.json").write_text('{"components": [{"image": "a.png"}, {"image": "b.png"}]}')
    result = place.verify(against="before.json")
    assert result["valid"] and "no checksum" in result["warnings"][0]
