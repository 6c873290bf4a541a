"""A migration: what each item has afterwards, what stays, what it refuses, and that a second one changes nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import imagehash
import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library.compare import unexpected_changes
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import LibraryError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply, block, edited, hashing, positions
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import Locked, acquire
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import ChangedMeanwhile
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_current
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from ansible_collections.mobius.dhash.tests.support.site import draw
from PIL import Image

REASONS = {
    "flat": ["flat"],
    "torn": ["truncated"],
    "text": ["not-a-picture"],
    "empty file": ["empty"],
    "folder": ["not-a-file"],
    "gone": ["missing"],
    "up": ["escapes-root"],
    "link": ["escapes-root"],
    "remote": ["remote"],
    "none": ["no-image"],
    "null": ["no-image"],
    "blank": ["no-image"],
    "number": ["not-a-path"],
    "surrogate": ["not-a-path"],
    "nul": ["nul"],
}


def test_every_item_has_the_outcome_of_its_picture(varied):
    before = varied.library.read_bytes()
    Path(varied.home, "before.json").write_bytes(before)
    result = varied.migrate()
    items = {item["id"]: item for item in varied.read()["components"]}
    for name, item in items.items():
        if "dhash" in item:
            with Image.open(varied.home / item["image"].lstrip("/")) as image:
                assert item["dhash"] == str(imagehash.dhash(image))
        assert item.get("dhash_reasons") == REASONS.get(name), name
        if name != "flat" and name in REASONS:
            assert "dhash" not in item
            assert item["dhash_confidence"] == 0
    assert items["flat"]["dhash_legacy"] is None
    assert items["torn"]["dhash_legacy"] == "hash_torn_1758752108"
    assert items["gone"]["dhash_legacy"] == "0123456789abcdef"
    assert items["absolute"]["dhash"] == items[0]["dhash"]
    assert (result["item_count"], result["hashed"], result["unchanged"]) == (20, 6, 0)
    assert (result["failed_items"], result["without_picture"], result["with_dhash"]) == (10, 4, 6)
    assert result["low_confidence"] == 15
    assert result["metrics"]["extraction_failures_rate"] == 62.5
    assert 0 < result["metrics"]["avg_hash_time"] <= result["metrics"]["p95_hash_time"]
    assert unexpected_changes(str(varied.home / "before.json"), str(varied.library)) == []
    assert "secret" not in json.dumps(result)


def test_twice_is_once(varied):
    varied.migrate()
    once = varied.tree()
    result = varied.migrate()
    assert result["changed"] is False
    assert (result["hashed"], result["unchanged"], result["log"]) == (0, 6, None)
    assert result["diff"]["before"] == result["diff"]["after"]
    assert result["metrics"]["avg_hash_time"] > 0
    for rehash in ("all", "missing", "changed"):
        assert varied.migrate(rehash=rehash)["changed"] is False
    again = varied.tree()
    # Written by rehash=all.
    for name in ("pictures.sqlite", "last-run"):
        once.pop(f".library.json.dhash/{name}"), again.pop(f".library.json.dhash/{name}")
    assert again == once


def test_check_mode_predicts_and_writes_nothing(varied):
    before = varied.tree()
    check = varied.migrate(check_mode=True)
    assert varied.tree() == before
    real = varied.migrate()
    for name in ("changed", "item_count", "hashed", "failed_items", "with_dhash", "low_confidence", "failures", "diff"):
        assert check[name] == real[name], name
    assert check["sha256_after"] is None
    done = varied.tree()
    again = varied.migrate(check_mode=True)
    assert (again["changed"], again["sha256_after"]) == (False, real["sha256_after"])
    assert again["unchanged"] == 6
    assert varied.tree() == done


def test_backup_state_and_log(varied):
    before = varied.library.read_bytes()
    result = varied.migrate(deployment="d-1")
    assert Path(result["backup"]["path"]).read_bytes() == before
    current = read_current(str(varied.library))
    assert current["deployment"] == "d-1"
    assert current["sha256"] == result["sha256_after"]
    assert current["backup"]["sha256"] == result["sha256_before"]
    assert current["metrics"] == result["metrics"]
    log = Path(result["log"])
    assert log.stat().st_mode & 0o777 == 0o640
    lines = log.read_text().splitlines()
    assert sum(line.startswith("failed ") for line in lines) == 10
    assert "failed /components/10 images/gone.png: missing: no such file" in lines
    assert "secret" not in log.read_text()
    assert not (varied.state / "progress.json").exists()


def test_the_block(site):
    image, *_unused = site.pictures(1)
    site.write({"components": [{"image": image}]})
    versions = site.migrate()["versions"]
    found = site.read()["dhash_migration"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("migrated_at"))
    assert found == {
        "algorithm": "dhash",
        "hash_size": 8,
        "tool": f"mobius.dhash {block.VERSION}",
        "pillow": versions["pillow"],
        "imagehash": versions["imagehash"],
        **{name: versions[name] for name in ("pillow_heif",) if name in versions},
        "mode": "exact",
        "items": 1,
        "with_dhash": 1,
        "failed": 0,
        "without_picture": 0,
    }


def test_the_version_is_that_of_the_collection():
    galaxy = ROOT / "galaxy.yml"
    assert f"version: {block.VERSION}\n" in galaxy.read_text()


@pytest.mark.parametrize("foreign", ['{"mine": 1}', "[]", "null", '{"tool": "mobius.dhash"}'])
def test_a_foreign_member_of_the_blocks_name_is_refused(site, foreign):
    image, *_unused = site.pictures(1)
    before = site.write(f'{{"dhash_migration": {foreign}, "components": [{{"image": "{image}"}}]}}')
    with pytest.raises(MobiusError, match="did not write"):
        site.migrate()
    assert site.library.read_bytes() == before
    assert not (site.home / "backups").exists()


def test_a_list_as_root_gets_no_block(site):
    images = site.pictures(2)
    site.write([{"image": image} for image in images], indent=None)
    site.migrate()
    assert [list(item) for item in site.read()] == [["image", "dhash", "dhash_confidence"]] * 2
    assert read_current(str(site.library))["versions"]["pillow"]


def test_too_many_failures_stop_before_any_byte(varied):
    before = varied.library.read_bytes()
    with pytest.raises(MobiusError, match="10 of 16 pictures could not be hashed, 62.50 %, and the limit is 62.4 %"):
        varied.migrate(max_failure_rate=62.4)
    assert varied.library.read_bytes() == before
    assert not (varied.home / "backups").exists()
    (log,) = (varied.home / "logs").iterdir()
    assert "stopped" in log.read_text()
    assert read_current(str(varied.library)) is None
    assert varied.migrate(max_failure_rate=62.5)["changed"]


def test_nothing_to_measure_is_no_success(site):
    site.write({"components": [{"picture": "a.png"}, {"image": "http://example.org/a.png"}]})
    with pytest.raises(MobiusError, match='names a picture under "image"'):
        site.migrate()
    site.pictures(1)
    site.write({"components": [{"picture": "images/0.png"}]})
    assert site.migrate(image_key="picture")["hashed"] == 1


def test_a_broken_library_is_refused_untouched(site):
    before = site.write('{"components": [{"image": "images/0.png"},]}')
    with pytest.raises(LibraryError, match="line 1 column"):
        site.migrate()
    assert site.library.read_bytes() == before
    assert not (site.home / "backups").exists()


def test_output_leaves_the_library_and_is_idempotent(site, monkeypatch):
    images = site.pictures(2)
    before = site.write({"components": [{"image": image} for image in images]})
    output = site.home / "out/new.json"
    assert site.migrate(output=output, check_mode=True)["changed"]
    assert not output.exists()
    first = site.migrate(output=output)
    written = output.read_bytes()
    assert first["changed"]
    assert json.loads(written)["components"][0]["dhash"]
    assert site.library.read_bytes() == before
    assert not (site.home / "backups").exists()
    assert read_current(str(site.library)) is None
    monkeypatch.setattr(block, "timestamp", lambda: "2030-01-01T00:00:00Z")
    second = site.migrate(output=output)
    assert (second["changed"], second["sha256_after"]) == (False, first["sha256_after"])
    assert output.read_bytes() == written
    draw(site.home / images[0], 77)
    assert site.migrate(output=output)["changed"]
    with pytest.raises(MobiusError, match="the library itself"):
        site.migrate(output=site.library)


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_output_never_overwrites_a_backup(site, check_mode):
    site.write({"components": [{"image": site.pictures(1)[0]}]})
    backup = Path(site.migrate()["backup"]["path"])
    before = site.tree()
    for output in (backup, f"{backup}.sha256", site.state / "current.json"):
        with pytest.raises(MobiusError, match="The output may not be"):
            site.migrate(check_mode=check_mode, output=output)
    assert site.tree() == before


def test_output_of_a_library_that_has_its_hashes_is_a_copy(site):
    images = site.pictures(1)
    site.write({"components": [{"image": images[0]}]})
    site.migrate()
    output = site.home / "copy.json"
    assert site.migrate(output=output)["changed"]
    assert output.read_bytes() == site.library.read_bytes()
    assert not site.migrate(output=output)["changed"]


def test_a_shared_picture_is_hashed_once(site, monkeypatch):
    images = site.pictures(1)
    site.write({"components": [{"image": images[0], "n": n} for n in range(50)]})
    hashed = []
    real = apply.Survey._tasks
    monkeypatch.setattr(apply.Survey, "_tasks", lambda self: (hashed.append(task) or task for task in real(self)))
    assert site.migrate()["hashed"] == 50
    assert len(hashed) == 1


def test_games_with_and_without_a_picture_of_their_own(site):
    images = site.pictures(3)
    before = site.write(
        {
            "games": [
                {
                    "dhash": "x",
                    "name": "ü",
                    "components": [{"image": images[0]}, {"image": images[1]}],
                    "image": images[2],
                },
                {"name": "no picture", "components": [{"image": images[0]}]},
            ]
        },
        ensure_ascii=False,
        indent="\t",
    )
    Path(site.home, "before.json").write_bytes(before)
    assert site.migrate()["item_count"] == 4
    first, second = site.read()["games"]
    assert first["dhash_legacy"] == "x"
    assert len(first["dhash"]) == 16
    assert "dhash_confidence" not in second
    assert second["components"][0]["dhash"] == first["components"][0]["dhash"]
    assert unexpected_changes(str(site.home / "before.json"), str(site.library)) == []


def test_an_edit_by_another_program_during_the_migration_is_kept(site, monkeypatch):
    images = site.pictures(1)
    site.write({"components": [{"image": images[0]}]})
    real = edited.Edited.prove

    def prove(self, *given):
        real(self, *given)
        site.library.write_text('{"components": []}')

    monkeypatch.setattr(edited.Edited, "prove", prove)
    with pytest.raises(ChangedMeanwhile):
        site.migrate()
    assert site.library.read_text() == '{"components": []}'
    assert read_current(str(site.library)) is None


@pytest.mark.parametrize("new", ['{"components": [{"image": "%s", "x": 2}]}', '{"components": [%s]}', "%s", "{}"])
def test_an_edit_in_place_while_pictures_are_hashed_is_kept(site, monkeypatch, new):
    images = site.pictures(1)
    site.write({"components": [{"image": images[0], "x": 1}]}, indent=None)
    real = apply.Survey.run
    with_image = new % images[0] if "%" in new else new

    def run(self):
        real(self)
        with site.library.open("r+") as stream:
            stream.write(with_image)
            stream.truncate()

    monkeypatch.setattr(apply.Survey, "run", run)
    with pytest.raises(ChangedMeanwhile):
        site.migrate()
    assert site.library.read_text() == with_image


def test_a_wrong_edit_is_never_put_in_place(site, monkeypatch):
    images = site.pictures(1)
    before = site.write({"components": [{"image": images[0]}]})
    real = positions.text_splices
    monkeypatch.setattr(positions, "text_splices", lambda *given: [s._replace(start=s.start - 1) for s in real(*given)])
    with pytest.raises(MobiusError, match="failed its proof"):
        site.migrate()
    assert site.library.read_bytes() == before
    monkeypatch.setattr(positions, "text_splices", lambda *given: [])
    with pytest.raises(MobiusError, match="does not have its result"):
        site.migrate()
    assert site.library.read_bytes() == before


def test_a_held_library_is_refused(site):
    images = site.pictures(1)
    before = site.write({"components": [{"image": images[0]}]})
    acquire(str(site.library), "other")
    for check_mode in (True, False):
        with pytest.raises(Locked, match="is locked by other "):
            site.migrate(check_mode=check_mode)
    assert site.library.read_bytes() == before
    assert site.migrate(deployment="other")["changed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": -1},
        {"image_timeout": 0},
        {"image_timeout": float("nan")},
        {"max_pixels": 10**400},
        {"max_pixels": 0},
        {"max_failure_rate": 101},
        {"confidence_threshold": -0.1},
        {"rehash": "some"},
        {"image_root": "/nowhere/at/all"},
        {"items": ["a[0]"]},
        {"image_key": ""},
        {"max_memory": 0},
    ],
)
def test_invalid_options_are_refused(site, wrong):
    images = site.pictures(1)
    before = site.write({"components": [{"image": images[0]}]})
    with pytest.raises(MobiusError):
        site.migrate(**wrong)
    assert site.library.read_bytes() == before


def test_odd_names_are_shown_as_text(site):
    name = "images/\x1b[31mred\u202e\n=cmd|.png"
    site.write({"components": [{"image": name, "id": 1}]})
    result = site.migrate()
    shown = result["failures"][0]["image"]
    assert shown == "images/\\x1b[31mred\\u202e\\n=cmd|.png"
    log = Path(result["log"]).read_text()
    assert [line.split(":")[0] for line in log.splitlines()].count(f"failed /components/0 {shown}") == 1
    assert log.replace("\n", "").isprintable()
    assert json.loads(json.dumps(result))


@pytest.mark.parametrize("rehash", ["changed", "all"])
def test_items_that_share_a_picture_cost_one(site, monkeypatch, rehash):
    images = site.pictures(2)
    site.write({"components": [{"image": image} for image in images * 100]})
    tasks = []
    pool = hashing.hash_all

    def counted(source, **limits):
        for task in source:
            tasks.append(task)
            # One at a time: the first is settled before its twins are met.
            yield from pool(iter([task]), **limits)

    monkeypatch.setattr(hashing, "hash_all", counted)
    result = site.migrate(rehash=rehash)
    assert (len(tasks), result["hashed"]) == (2, 200)
