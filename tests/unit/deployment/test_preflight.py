from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import preflight as room
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.preflight import preflight
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.json"
    path.write_text(json.dumps({"components": [{"image": "a.png"}, {"image": "b.png"}]}))
    return path


def check(library, **more):
    given = {"image_root": str(library.parent), "items": [], "backup_dir": str(library.parent / "backups")}
    return preflight(str(library), **{**given, "log_dir": str(library.parent / "logs"), **more})


def refusal(library, **more) -> str:
    with pytest.raises(MobiusError) as caught:
        check(library, **more)
    return str(caught.value)


def test_a_sound_library_passes_and_nothing_is_written(library):
    before = sorted(os.listdir(library.parent))
    found = check(library)
    assert found["items"] == 2
    assert found["size"] == library.stat().st_size
    assert not found["as_deployed"]
    assert sorted(os.listdir(library.parent)) == before


def test_every_problem_is_told_at_once(library, tmp_path):
    library.write_text('{"components": [{"image": "a.png",}]}')
    text = refusal(library, image_root=str(tmp_path / "gone"))
    assert "line 1 column" in text
    assert "gone" in text


def test_missing_and_odd_libraries_are_refused(library, tmp_path):
    library.unlink()
    assert "There is no library" in refusal(library)
    os.mkfifo(library)
    assert "FIFO" in refusal(library)


def test_no_item_says_how_to_name_them(library):
    library.write_text('{"assets": [{"image": "a.png"}]}')
    assert "mobius_items" in refusal(library)
    assert check(library, items=["assets[]"])["items"] == 1


def test_space_and_inodes_are_asked_for(library, monkeypatch):
    class Full:
        f_bavail, f_frsize, f_files, f_favail = 1, 4096, 100, 3

    monkeypatch.setattr(room.os, "statvfs", lambda _folder: Full)
    text = refusal(library)
    assert "4096 bytes free" in text
    assert "3 inodes free" in text


def test_as_deployed_needs_the_bytes_and_a_backup_that_verifies(library):
    made = create_backup(str(library))["backup"]
    library.write_text(json.dumps({"components": [{"image": "a.png", "dhash": "0" * 16}]}))
    sha256 = check(library)["sha256"]
    state.begin(str(library), {"status": "deployed", "sha256": sha256, "backup": made})
    state.commit(str(library))
    assert check(library)["as_deployed"]
    with Path(made["path"]).open("ab") as damaged:
        damaged.write(b" ")
    found = check(library)
    assert not found["as_deployed"]
    assert any("no way back" in warning for warning in found["warnings"])


def test_the_backups_of_a_library_behind_a_link_have_the_name_of_the_link(tmp_path):
    real, link = tmp_path / "data" / "lib-1.json", tmp_path / "library.json"
    real.parent.mkdir()
    real.write_text(json.dumps({"components": [{"image": "a.png"}]}))
    link.symlink_to("data/lib-1.json")
    made = create_backup(str(link))["backup"]
    state.begin(str(link), {"status": "deployed", "sha256": made["sha256"], "backup": made})
    state.commit(str(link))
    found = check(link)
    assert found["as_deployed"]
    assert found["backup"]["path"] == made["path"]


def test_a_foreign_owner_is_refused(library, monkeypatch):
    monkeypatch.setattr(room.os, "geteuid", lambda: 4711)
    assert "owner could not be kept" in refusal(library)


def test_a_damaged_state_does_not_stand_in_the_way(library):
    folder = library.parent / ".library.json.dhash"
    folder.mkdir()
    (folder / "current.json").write_text("{")
    found = check(library)
    assert not found["as_deployed"]
    assert any("damaged" in warning for warning in found["warnings"])


def test_what_later_steps_need_is_looked_for_at_once(library, tmp_path):
    assert "the schema /nowhere/x.json is not there" in refusal(library, schema="/nowhere/x.json")
    assert f"the schema {tmp_path} is no JSON" in refusal(library, schema=str(tmp_path))
    (tmp_path / "schema.json").write_text("{")
    assert "schema.json is no JSON" in refusal(library, schema=str(tmp_path / "schema.json"))
    text = refusal(library, metrics_file="/nowhere/mobius.prom")
    assert "the folder of the metrics file /nowhere/mobius.prom is missing" in text
    (tmp_path / "linked.prom").symlink_to(library)
    text = refusal(library, metrics_file=str(tmp_path / "linked.prom"))
    assert f"the metrics file may not be the library itself: {tmp_path}/linked.prom" in text
    (tmp_path / "schema.json").write_text("{}")
    check(library, schema=str(tmp_path / "schema.json"), metrics_file=str(tmp_path / "mobius.prom"))
    check(library, schema="", metrics_file="")
