from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.review import export as module
from ansible_collections.mobius.dhash.plugins.module_utils.review.export import FORMATS, Request, export
from PIL import Image


@pytest.fixture
def request_for(tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (40, 30), (9, 9, 9)).save(tmp_path / "images" / "a.png")
    Image.new("RGB", (40, 30), (255, 9, 9)).save(tmp_path / "secret.png")
    items = [
        {"name": "flat", "image": "/a.png", "dhash": "0" * 16, "dhash_confidence": 0.1, "dhash_reasons": ["flat"]},
        {"name": "gone", "image": "b.png", "dhash_confidence": 0, "dhash_reasons": ["missing"]},
        {"name": "out", "image": "../secret.png", "dhash_confidence": 0, "dhash_reasons": ["escapes-root"]},
        {"name": "url", "image": "http://host/x.png", "dhash_confidence": 0, "dhash_reasons": ["remote"]},
        {"name": "fine", "image": "a.png", "dhash": "0" * 16, "dhash_confidence": 0.9},
    ]
    (tmp_path / "library.json").write_text(json.dumps({"components": items}))

    def make(**options):
        given = {"path": str(tmp_path / "library.json"), "dest": str(tmp_path / "out" / "review"), **options}
        return Request(**given)

    return make


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_is_written_once_and_then_left_alone(request_for, kind):
    request = request_for(format=kind)
    predicted = export(request, check_mode=True)
    assert predicted["changed"] and not os.path.exists(os.path.dirname(request.dest))
    first = export(request)
    assert first == predicted and (first["item_count"], first["library_items"], first["unmigrated"]) == (4, 5, 0)
    facts = os.stat(request.dest)
    assert stat.S_IMODE(facts.st_mode) == 0o640
    second = export(request)
    assert not second["changed"] and second["sha256"] == first["sha256"]
    assert os.stat(request.dest).st_ino == facts.st_ino and os.stat(request.dest).st_mtime_ns == facts.st_mtime_ns
    assert second["diff"]["before"] == second["diff"]["after"] == first["diff"]["after"] != first["diff"]["before"]


def test_the_result_names_the_lowest_items_and_no_more_than_an_artifact_can_hold(request_for, tmp_path):
    found = export(request_for(format="json"))["lowest"]
    assert [each["name"] for each in found] == ["gone", "out", "url", "flat"]
    assert found[3] == {
        **{"pointer": "/components/0", "name": "flat", "image": "/a.png"},
        **{"confidence": 0.1, "reasons": ["flat"]},
    }
    many = [{"name": f"\u202e{'x' * 9000}", "image": "a" * 9000, "dhash_confidence": 0.2} for _number in range(500)]
    (tmp_path / "library.json").write_text(json.dumps({"components": many}))
    found = export(request_for(format="json"))["lowest"]
    assert len(found) == 20 and len(json.dumps(found)) < 15_000 and "\u202e" not in found[0]["name"]


def test_another_mode_is_a_change(request_for):
    request = request_for(format="csv")
    export(request)
    os.chmod(request.dest, 0o644)
    assert export(request, check_mode=True)["changed"] and export(request)["changed"]
    assert stat.S_IMODE(os.stat(request.dest).st_mode) == 0o640
    assert export(replace(request, mode=0o600))["changed"]
    assert stat.S_IMODE(os.stat(request.dest).st_mode) == 0o600


def test_only_pictures_below_the_image_root_are_shown(request_for, tmp_path):
    request = request_for(include_images=True, image_root=str(tmp_path / "images"))
    assert export(request)["warnings"] == []
    with Path(request.dest).open() as page:
        assert page.read().count("<img ") == 1
    assert not export(request)["changed"]
    os.remove(tmp_path / "images" / "a.png")
    assert export(request)["changed"]


def test_without_pillow_the_page_and_the_result_report_it(request_for, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available", lambda: False)
    request = request_for(include_images=True, image_root=str(tmp_path / "images"))
    (warning,) = export(request)["warnings"]
    assert "pip install Pillow" in warning
    with Path(request.dest).open() as page:
        assert "Pictures are left out" in page.read()


def test_items_that_were_not_migrated_are_counted(request_for, tmp_path):
    (tmp_path / "library.json").write_text('[{"image": "a.png"}, {"image": "b", "dhash_confidence": 1}]')
    result = export(request_for(format="json"))
    assert (result["item_count"], result["unmigrated"]) == (0, 1) and "1 of 2 items" in result["warnings"][0]


def test_the_threshold_the_selectors_and_the_image_key_are_followed(request_for, tmp_path):
    (tmp_path / "library.json").write_text('{"a": {"b": [{"pic": "x.png", "dhash_confidence": 0.8}]}}')
    request = request_for(format="json", items=["a.b[]"], image_key="pic", threshold=0.85)
    export(request)
    with Path(request.dest).open() as file:
        assert json.load(file)["queue"][0]["image"] == "x.png"
    assert export(replace(request, threshold=0.8))["item_count"] == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"format": "pdf"}, "format"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"include_images": True}, "image_root"),
        ({"dest": "library.json"}, "library itself"),
        ({"dest": "link.json"}, "library itself"),
        ({"dest": "library.json.bak.20240924T160000Z"}, "a backup"),
        ({"dest": ".library.json.dhash/current.json"}, "state"),
        ({"dest": "images"}, "folder"),
        ({"path": "nowhere.json"}, "The library does not exist"),
        ({"dest": "fifo"}, "FIFO"),
    ],
)
def test_impossible_settings_are_refused_and_nothing_is_written(request_for, tmp_path, monkeypatch, options, word):
    monkeypatch.chdir(tmp_path)
    os.symlink("library.json", "link.json")
    os.mkfifo("fifo")
    before = (tmp_path / "library.json").read_bytes()
    with pytest.raises(MobiusError) as caught:
        export(request_for(**options))
    assert word in str(caught.value)
    assert (tmp_path / "library.json").read_bytes() == before
    assert sorted(os.listdir()) == ["fifo", "images", "library.json", "link.json", "secret.png"]
