"""What is hashed again, and when: another Pillow, rehash, a picture that was swapped, lost or came back."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply
from ansible_collections.mobius.dhash.tests.support.site import draw


def another_pillow(monkeypatch, version):
    monkeypatch.setattr(apply, "versions", lambda: {"pillow": version, "imagehash": None})


@pytest.mark.parametrize("as_list", [False, True])
def test_another_pillow_is_reported_and_hashes_again(site, monkeypatch, as_list):
    images = site.pictures(2)
    items = [{"image": image} for image in images]
    site.write(items if as_list else {"components": items})
    another_pillow(monkeypatch, "9.5.0")
    assert site.migrate()["warnings"] == []
    before = site.library.read_bytes()
    another_pillow(monkeypatch, "13.0.0")
    result = site.migrate()
    assert (result["hashed"], result["changed"]) == (2, False)
    assert "made with Pillow 9.5.0, and this is 13.0.0" in result["warnings"][0]
    assert site.library.read_bytes() == before


def test_a_mix_of_pillows_is_recorded(site, monkeypatch):
    images = site.pictures(2)
    site.write({"components": [{"image": images[0]}]})
    another_pillow(monkeypatch, "9.5.0")
    site.migrate()
    document = site.read()
    document["components"].append({"image": images[1]})
    site.write(document)
    another_pillow(monkeypatch, "13.0.0")
    assert site.migrate(rehash="missing")["hashed"] == 1
    assert site.read()["dhash_migration"]["also_pillow"] == ["9.5.0"]
    document = site.read()
    document["components"][0]["dhash"] = "0" * 16
    site.write(document)
    site.migrate(rehash="all")
    assert "also_pillow" not in site.read()["dhash_migration"]


def test_rehash_reports_what_changed(site):
    images = site.pictures(3)
    site.write({"components": [{"image": image} for image in images]})
    site.migrate()
    former = [item["dhash"] for item in site.read()["components"]]
    draw(site.home / images[1], 99)
    site.age()
    result = site.migrate()
    assert (result["hashed"], result["unchanged"], result["changed_items"]) == (1, 2, 1)
    now = [item["dhash"] for item in site.read()["components"]]
    assert [a == b for a, b in zip(former, now)] == [True, False, True]
    assert "dhash_legacy" not in site.read()["components"][1]


def test_a_picture_swapped_under_the_same_size_and_mtime_is_seen(site):
    images = site.pictures(2)
    facts = (site.home / images[0]).stat()
    site.write({"components": [{"image": images[0]}]})
    site.migrate()
    data = (site.home / images[1]).read_bytes()
    (site.home / images[0]).write_bytes(data + bytes(max(0, facts.st_size - len(data))))
    os.utime(site.home / images[0], ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert site.migrate()["hashed"] == 1


def test_missing_leaves_items_with_a_dhash_alone(site):
    images = site.pictures(2)
    kept = {"image": "images/gone.png", "dhash": "0123456789abcdef", "dhash_confidence": 0.2}
    site.write({"components": [{"image": images[0]}, kept, {"image": images[1], "dhash": "0123456789abcdef"}]})
    result = site.migrate(rehash="missing", max_failure_rate=0)
    assert (result["hashed"], result["unchanged"], result["failed_items"]) == (1, 2, 0)
    assert (result["low_confidence"], result["with_dhash"]) == (1, 3)
    assert site.read()["components"][1] == kept


def test_a_picture_that_disappears_and_returns(site):
    images = site.pictures(2)
    site.write({"components": [{"image": image} for image in images]})
    site.migrate()
    whole = site.read()["components"]
    (site.home / images[0]).rename(site.home / "aside.png")
    assert site.migrate(max_failure_rate=50)["changed_items"] == 1
    lost = site.read()["components"][0]
    assert lost == {
        "image": images[0],
        "dhash_legacy": whole[0]["dhash"],
        "dhash_confidence": 0,
        "dhash_reasons": ["missing"],
    }
    (site.home / "aside.png").rename(site.home / images[0])
    site.migrate()
    assert site.read()["components"][0] == {**whole[0], "dhash_legacy": whole[0]["dhash"]}
