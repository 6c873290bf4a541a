"""Fast mode: its results are marked, and never mixed with those of the exact mode without a notice."""

from __future__ import annotations

import random

import imagehash
import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import hash_picture
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration.dry_run import dry_run
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.verify import second_opinion
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify
from PIL import Image

COUNT = 6


def texture(path, seed):
    dice = random.Random(seed)
    small = Image.frombytes("RGB", (40, 30), bytes(dice.randrange(256) for _unused in range(3600)))
    small.resize((1001, 747), Image.BICUBIC).save(path, quality=60)


@pytest.fixture
def photos(site):
    (site.home / "images").mkdir()
    for number in range(COUNT):
        texture(site.home / f"images/{number}.jpg", number)
    site.age()
    site.write({"components": [{"image": f"images/{number}.jpg"} for number in range(COUNT)]})
    return site


def hashes(site, mode):
    return [hash_picture(str(site.home / f"images/{number}.jpg"), mode=mode).dhash for number in range(COUNT)]


def found(site):
    document = site.read()
    return [item["dhash"] for item in (document if isinstance(document, list) else document["components"])]


def sampled(site):
    return verify(Request(str(site.library), image_root=str(site.home), sample=COUNT))


def test_the_modes_differ_and_the_document_names_the_one_used(photos):
    exact, fast = hashes(photos, "exact"), hashes(photos, "fast")
    assert exact != fast
    assert all(bin(int(one, 16) ^ int(other, 16)).count("1") <= 10 for one, other in zip(exact, fast))
    assert photos.migrate(mode="fast")["versions"]["mode"] == "fast"
    assert found(photos) == fast
    assert photos.read()["dhash_migration"]["mode"] == "fast"
    again = photos.migrate(mode="fast")
    assert (again["changed"], again["hashed"], again["warnings"]) == (False, 0, [])


def test_in_the_other_mode_every_picture_counts_as_changed(photos):
    photos.migrate(mode="fast")
    result = photos.migrate()
    assert (result["hashed"], result["changed"]) == (COUNT, True)
    assert "made in mode fast, and this run's is exact" in result["warnings"][0]
    assert found(photos) == hashes(photos, "exact")
    assert photos.read()["dhash_migration"]["mode"] == "exact"
    assert photos.migrate()["warnings"] == []


def test_a_library_without_a_mode_counts_as_exact(photos):
    photos.migrate()
    document = photos.read()
    del document["dhash_migration"]["mode"]
    photos.write(document)
    assert photos.migrate()["warnings"] == []
    assert "made in mode exact" in photos.migrate(mode="fast")["warnings"][0]


def test_a_mix_of_modes_is_recorded(photos):
    photos.migrate(mode="fast")
    document = photos.read()
    del document["components"][0]["dhash"]
    photos.write(document)
    photos.migrate(rehash="missing")
    block = photos.read()["dhash_migration"]
    assert (block["mode"], block["also_mode"]) == ("exact", ["fast"])
    photos.migrate()
    assert "also_mode" not in photos.read()["dhash_migration"]


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_the_second_opinion_is_of_the_same_mode(photos, as_list, mode):
    if as_list:
        photos.write(photos.read()["components"])
    photos.migrate(mode=mode)
    result = sampled(photos)
    assert (result["problems"], result["sampled"]) == ([], COUNT)
    reported = f"ImageHash {imagehash.__version__}" if mode == "exact" else second_opinion.FASTER
    assert result["second_opinion"] == reported


def test_a_wrong_hash_of_fast_mode_is_found(photos):
    photos.migrate(mode="fast")
    document = photos.read()
    document["components"][2]["dhash"] = f"{int(document['components'][2]['dhash'], 16) ^ 1:016x}"
    photos.write(document)
    (problem,) = sampled(photos)["problems"]
    assert (problem["kind"], problem["pointer"], problem["severity"]) == ("second-opinion", "/components/2", "error")


def test_a_dry_run_knows_what_was_hashed_in_this_mode(photos):
    photos.migrate(mode="fast")
    options = {"workers": 1, "max_failure_rate": 100}
    assert dry_run(Options(str(photos.library), mode="fast", **options))["to_hash"] == 0
    report = dry_run(Options(str(photos.library), **options))
    assert (report["to_hash"], report["mode"]) == (COUNT, "exact")


def test_another_word_is_refused(photos):
    with pytest.raises(MobiusError, match="exact, fast"):
        photos.migrate(mode="faster")
