from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import preflight as module
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
    assert found["item_count"] == 2
    assert found["size"] == library.stat().st_size
    assert not found["as_deployed"]
    assert sorted(os.listdir(library.parent)) == before


def test_every_problem_is_reported_at_once(library, tmp_path):
    library.write_text('{"components": [{"image": "a.png",}]}')
    text = refusal(library, image_root=str(tmp_path / "gone"))
    assert "line 1 column" in text
    assert "gone" in text


def test_missing_and_odd_libraries_are_refused(library, tmp_path):
    library.unlink()
    assert "The library does not exist" in refusal(library)
    os.mkfifo(library)
    assert "FIFO" in refusal(library)


def test_a_library_without_items_names_the_variable(library):
    library.write_text('{"assets": [{"image": "a.png"}]}')
    assert "mobius_items" in refusal(library)
    assert check(library, items=["assets[]"])["item_count"] == 1


def test_space_and_inodes_are_checked(library, monkeypatch):
    class Full:
        f_bavail, f_frsize, f_files, f_favail, f_flag = 1, 4096, 100, 3, 0

    monkeypatch.setattr(module.os, "statvfs", lambda _folder: Full)
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
    assert any("cannot be restored" in warning for warning in found["warnings"])


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
    monkeypatch.setattr(module.os, "geteuid", lambda: 4711)
    assert "cannot be kept by the user uid 4711" in refusal(library)


def test_a_damaged_state_is_a_warning(library):
    folder = library.parent / ".library.json.dhash"
    folder.mkdir()
    (folder / "current.json").write_text("{")
    found = check(library)
    assert not found["as_deployed"]
    assert any("is damaged" in warning for warning in found["warnings"])


def test_what_later_steps_need_is_looked_for_at_once(library, tmp_path):
    assert "the schema /nowhere/x.json does not exist" in refusal(library, schema="/nowhere/x.json")
    assert f"the schema {tmp_path} cannot be used: It is a folder" in refusal(library, schema=str(tmp_path))
    (tmp_path / "schema.json").write_text("{")
    assert "schema.json cannot be used: It cannot be read as JSON" in refusal(
        library, schema=str(tmp_path / "schema.json")
    )
    text = refusal(library, metrics_file="/nowhere/mobius.prom")
    assert "the folder of the metrics file /nowhere/mobius.prom is missing" in text
    (tmp_path / "linked.prom").symlink_to(library)
    text = refusal(library, metrics_file=str(tmp_path / "linked.prom"))
    assert f"the metrics file may not be the library itself: {tmp_path}/linked.prom" in text
    (tmp_path / "schema.json").write_text("{}")
    check(library, schema=str(tmp_path / "schema.json"), metrics_file=str(tmp_path / "mobius.prom"))
    check(library, schema="", metrics_file="")


def sibling(folder, **schemas) -> str:
    for name, text in schemas.items():
        (folder / f"{name}.json").write_text(text)
    return str(folder / "schema.json")


OF_ITEM = '{"properties": {"components": {"items": {"$ref": "%s"}}}}'


@pytest.mark.parametrize(
    ("schemas", "words"),
    [
        ({"schema": '{"type": "objekt"}'}, "'objekt' at / is not a type"),
        ({"schema": '{"type": ["object", "int"]}'}, "'int' at / is not a type"),
        ({"schema": '{"properties": {"a": {"pattern": "("}}}'}, "the pattern '(' at /properties/a is not a regular"),
        ({"schema": '{"patternProperties": {"[": {}}}'}, "the pattern '[' at /"),
        ({"schema": '{"properties": {"a": {"pattern": "\\\\p{L}"}}}'}, "is not a regular expression"),
        ({"schema": '{"$ref": "http://127.0.0.1:9/x.json"}'}, "nothing is fetched from the network"),
        ({"schema": '{"items": {"$ref": "https://example.org/x.json#/a"}}'}, "nothing is fetched from the network"),
        ({"schema": '{"$ref": "gone.json"}'}, "gone.json, which cannot be read: No such file"),
        ({"schema": '{"$ref": "#/$defs/gone"}'}, "its $ref '#/$defs/gone' at / does not exist"),
        ({"schema": OF_ITEM % "item.json#/no", "item": "{}"}, "does not exist"),
        ({"schema": OF_ITEM % "item.json", "item": "{"}, "It cannot be read as JSON"),
        ({"schema": OF_ITEM % "item.json", "item": '{"type": "bad"}'}, "'bad' at / is not a type"),
        ({"schema": OF_ITEM % "item.json", "item": '{"$ref": "http://x.example/"}'}, "nothing is fetched"),
        ({"schema": '{"$ref": "http://["}'}, "'http://[' at / is not a URI reference"),
        ({"schema": '{"items": {"$ref": "//[/x"}}'}, "at /items is not a URI reference"),
        ({"schema": '{"$ref": "%00.json"}'}, "Invalid path"),
        ({"schema": '{"$defs": {"a": [1]}, "$ref": "#/$defs/a/\u00b2"}'}, "does not exist"),
        ({"schema": '{"$defs": {"a": [1]}, "$ref": "#/$defs/a/%s"}' % ("9" * 5000)}, "does not exist"),
        ({"schema": '{"pattern": "a{99999999999999999999}"}'}, "is not a regular expression"),
        ({"schema": json.dumps({"pattern": "(" * 5000 + ")" * 5000})}, "is not a regular expression"),
        ({"schema": "[" * 100_000}, "It cannot be read as JSON: nested deeper"),
        ({"schema": '{"not": ' * 400 + "{}" + "}" * 400}, "It cannot be read as JSON: nested deeper"),
        ({"schema": "[]"}, "not a JSON Schema"),
        ({"schema": "3"}, "not a JSON Schema"),
        ({"schema": '{"required": 3}'}, "not a JSON Schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(library, tmp_path, schemas, words):
    assert words in refusal(library, schema=sibling(tmp_path, **schemas))


@pytest.mark.parametrize(
    "schemas",
    [
        {"schema": "{}"},
        {"schema": "true"},
        {"schema": "\ufeff{}"},
        {"schema": OF_ITEM % "item.json", "item": '{"type": "object", "required": ["image"]}'},
        {"schema": OF_ITEM % "./item.json#/$defs/x", "item": '{"$defs": {"x": {"$ref": "schema.json"}}}'},
        {"schema": '{"$id": "https://example.org/s/schema.json", "items": {"$ref": "item.json"}}', "item": "{}"},
        {
            "schema": '{"$defs": {"a": {"$id": "https://x.org/a", "type": "null"}}, "items": {"$ref": "https://x.org/a"}}'
        },
        {"schema": '{"properties": {"type": {"type": "string"}, "pattern": {"const": {"type": "odd"}}}}'},
        {"schema": '{"$ref": "#"}'},
        {"schema": '{"$id": "http://[", "items": {"$id": "//["}}'},
    ],
)
def test_a_schema_that_can_be_used(library, tmp_path, schemas):
    check(library, schema=sibling(tmp_path, **schemas))


def test_a_broken_or_missing_library_names_the_backup_at_hand(library):
    good = create_backup(str(library))["backup"]
    for content in (b"", b'{"components": [', None):
        library.unlink()
        if content is not None:
            library.write_bytes(content)
        with pytest.raises(MobiusError) as caught:
            check(library)
        assert caught.value.details["rollback"]["backup"] == good["path"]
        assert f"playbooks/rollback.yml -e mobius_backup={good['path']}" in str(caught.value)
        if content is None:
            library.write_bytes(b"")
    Path(good["path"]).write_bytes(b"rotten")
    with pytest.raises(MobiusError) as caught:
        check(library)
    assert caught.value.details == {}


def test_names_that_are_too_long_for_a_backup(tmp_path):
    library = tmp_path / ("n" * 225 + ".json")
    library.write_text(json.dumps({"components": [{"image": "a.png"}]}))
    assert "is too long for" in refusal(library)


def test_check_mode_looks_only(library, monkeypatch):
    monkeypatch.setattr(module, "folder_faults", lambda _folder, *, write: [] if not write else ["wrote"])
    check(library, check_mode=True)
    assert "wrote" in refusal(library)


def test_a_link_that_moved_is_refused(library, tmp_path):
    link = tmp_path / "current.json"
    link.symlink_to(library)
    real = check(link)["real_path"]
    assert real == str(library)
    check(link, expected_real_path=real)
    other = tmp_path / "other.json"
    other.write_bytes(library.read_bytes())
    link.unlink()
    link.symlink_to(other)
    assert "The library has moved since this run began" in refusal(link, expected_real_path=real)


def test_further_files_are_rehearsed_too(library, tmp_path):
    check(library, replaces=[str(tmp_path / "migrate-dryrun.json")])
    folder = tmp_path / "report"
    folder.mkdir()
    assert "is too long" in refusal(library, replaces=[str(folder / ("n" * 250))])


@pytest.mark.parametrize(
    "images, root, refused",
    [
        (["a.png"], "empty", True),
        (["a.png"], "missing", True),
        (["a.png", "https://example.org/b.png"], "lost+found", True),
        (["https://example.org/a.png", "", None], "empty", False),
        ([], "empty", False),
        # Which ones are missing is for the dry run to count.
        (["a.png"], "other files", False),
    ],
)
def test_an_image_root_that_holds_nothing_is_a_mount_that_is_gone(library, tmp_path, images, root, refused):
    library.write_text(json.dumps({"components": [{"image": image} for image in images] or [{"name": "none"}]}))
    folder = tmp_path / "images"
    if root != "missing":
        folder.mkdir()
        names = {"lost+found": ["lost+found", ".Trash-0"], "other files": ["b.png"]}.get(root, [])
        for name in names:
            (folder / name).touch()
    more = {"image_root": str(folder), "items": ["components[]"]}
    if refused:
        text = refusal(library, **more)
        assert "All 1 pictures are missing" in text and "its file system may " in text and "findmnt" in text
    else:
        check(library, **more)


def test_images_under_another_key_are_counted(library, tmp_path):
    library.write_text(json.dumps({"components": [{"picture": "a.png"}, {"picture": "b.png"}]}))
    folder = tmp_path / "images"
    folder.mkdir()
    more = {"image_root": str(folder), "items": ["components[]"]}
    check(library, **more)
    assert "All 2 pictures are missing" in refusal(library, image_key="picture", **more)
