from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import begin, commit
from ansible_collections.mobius.dhash.plugins.module_utils.verify import schema as schema_module
from ansible_collections.mobius.dhash.plugins.module_utils.verify import second_opinion
from ansible_collections.mobius.dhash.plugins.module_utils.verify import verify as module
from ansible_collections.mobius.dhash.plugins.module_utils.verify.findings import MOST
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, summary, verify
from PIL import Image, __version__

HASH = "0123456789abcdef"


class Place:
    """A library in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / "library.json"

    def write(self, document) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.path.write_bytes(data)

    def verify(self, **options):
        before = self.path.read_bytes()
        result = verify(Request(path=str(self.path), **options))
        assert self.path.read_bytes() == before and result["changed"] is False
        assert result["sha256"] == hashlib.sha256(before).hexdigest()
        return result

    def kinds(self, **options):
        return [(problem["kind"], problem["severity"]) for problem in self.verify(**options)["problems"]]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def migrated(**members):
    return {"image": "a.png", "dhash": HASH, "dhash_confidence": 0.9, **members}


FAILED = {"image": "b.png", "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}


def test_a_migrated_library_is_valid(place):
    block = {"items": 2, "with_dhash": 1, "pillow": "12.0"}
    place.write({"components": [migrated(), FAILED], "dhash_migration": block})
    result = place.verify()
    expected = {"valid": True, "items": 2, "with_dhash": 1, "unmigrated": 0, "problems": [], "errors": 0, "sampled": 0}
    assert {name: result[name] for name in expected} == expected
    assert result["second_opinion"] is None and result["against"] is None


def test_a_library_that_was_never_migrated_is_valid(place):
    place.write([{"image": "a.png", "dhash": None}, {"image": "b.png", "dhash": "hash_sushi-go_1758752108"}])
    result = place.verify()
    assert result["valid"] and (result["items"], result["with_dhash"], result["unmigrated"]) == (2, 0, 2)


def test_a_library_that_was_never_migrated_is_told_to_who_wants_a_migrated_one(place):
    place.write({"components": [{"image": "a.png", "dhash": HASH}, {"image": "b.png"}]})
    (problem, _foreign) = place.verify(complete="always")["problems"]
    assert problem["kind"] == "never-migrated" and "none of its 2 items" in problem["message"]


def bare(place, block, **options):
    place.write({"components": [migrated(), {"image": "b.png"}, {"image": "c.png", "dhash": None}], **block})
    return place.kinds(**options)


BLOCK = {"dhash_migration": {"items": 3, "with_dhash": 3}}
LOST = [("unmigrated", "error"), ("unmigrated", "error"), ("block", "warning")]


def test_an_item_that_lost_its_dhash_is_an_error_where_the_block_says_that_it_had_one(place):
    assert bare(place, BLOCK) == LOST
    assert bare(place, BLOCK, complete="always") == LOST
    assert bare(place, BLOCK, complete="never") == [("block", "warning")]
    assert bare(place, {}) == []
    assert bare(place, {}, complete="always") == LOST[:2]


def recorded(place, status="deployed", **state):
    place.write([{"image": "a.png"}])
    before = create_backup(str(place.path), None, check_mode=False)["backup"]
    begin(str(place.path), {"deployment": "d", "status": status, "sha256": "0" * 64, "backup": before, **state})
    commit(str(place.path))


def test_a_list_has_no_block_and_the_record_says_the_same(place):
    recorded(place)
    # The bytes of before, put back by hand.
    assert place.kinds() == []
    place.write([{"image": "a.png", "name": "edited"}])
    assert place.kinds() == [("unmigrated", "error")]
    assert place.kinds(complete="never") == []
    recorded(place, "rolled_back")
    place.write([{"image": "a.png", "name": "edited"}])
    assert place.kinds() == []


def test_a_damaged_record_says_nothing_of_a_migration(place):
    recorded(place)
    (place.folder / ".library.json.dhash" / "current.json").write_text("{")
    place.write([{"image": "a.png", "name": "edited"}])
    result = place.verify()
    assert result["valid"] and "record" in result["warnings"][0]


def test_every_item_that_lost_its_dhash_counts(place):
    place.write({"components": [migrated()] + [{"image": "b.png"}] * 80, **BLOCK})
    result = place.verify()
    assert (result["errors"], len(result["problems"])) == (80, MOST)
    assert "80 problems" in summary(result)
    assert result["lines"][-1].endswith("80 errors in all") and len(result["lines"]) == 13


def test_what_was_found_is_told_in_lines_that_obey_no_terminal(place):
    place.write({"\x1b[31m": [migrated(), {"image": "b.png"}], **BLOCK})
    told = place.verify(items=['"\\u001b[31m"[]'])["lines"]
    assert told[1] == "items     2: 1 with a dHash, 1 not migrated"
    assert told[2].startswith("error     /") and all(line.isprintable() for line in told)


@pytest.mark.parametrize(
    ("item", "kinds"),
    [
        (migrated(dhash="0123456789ABCDEF"), ["dhash"]),
        (migrated(dhash=None), ["dhash"]),
        (migrated(dhash=HASH[1:]), ["dhash"]),
        (migrated(dhash_confidence="0.9"), ["confidence"]),
        (migrated(dhash_confidence=True), ["confidence"]),
        (migrated(dhash_confidence=1.01), ["confidence"]),
        (migrated(dhash_confidence=-1), ["confidence"]),
        (migrated(dhash_confidence=None), ["confidence"]),
        (migrated(dhash_reasons=[]), ["reasons"]),
        (migrated(dhash_reasons="flat"), ["reasons"]),
        (migrated(dhash_reasons=[1]), ["reasons"]),
        ({**FAILED, "dhash_confidence": 0.5}, ["confidence"]),
        ({"image": "b", "dhash_confidence": 0}, ["reasons"]),
        ({"image": "b", "dhash_confidence": 1}, ["confidence", "reasons"]),
    ],
)
def test_what_the_migration_never_writes_is_told(place, item, kinds):
    place.write({"components": [migrated(), item]})
    result = place.verify()
    assert [problem["kind"] for problem in result["problems"]] == kinds and not result["valid"]
    assert {problem["pointer"] for problem in result["problems"]} == {"/components/1"}


def test_numbers_beyond_what_json_readers_hold_are_no_confidence(place):
    place.write(b'[{"image": "a", "dhash": "%s", "dhash_confidence": 1e400}]' % HASH.encode())
    assert place.kinds() == [("confidence", "error")]


def test_no_json_is_told_with_its_place_and_checked_no_further(place):
    place.write(b'{"components": [\n {"id": 1, "id": 2, "dhash_confidence": NaN},\n]}')
    result = place.verify()
    assert [(problem["kind"], problem["line"], problem["column"]) for problem in result["problems"]] == [
        ("duplicate-key", 2, 12),
        ("not-a-number", 2, 41),
        ("trailing-comma", 3, 1),
    ]
    assert result["items"] is None and not result["valid"]
    assert "line 2 column 12" in summary(result) and "3 problems" in summary(result)


def test_a_byte_order_mark_is_a_warning_and_valid(place):
    place.write(b"\xef\xbb\xbf" + json.dumps([migrated()]).encode())
    result = place.verify()
    assert result["valid"] and [problem["kind"] for problem in result["problems"]] == ["byte-order-mark"]


def test_a_library_without_items_is_told(place):
    place.write({"rows": [{"image": "a"}]})
    assert place.kinds() == [("items", "error")]
    assert place.verify(items=["rows[]"])["valid"]


def test_counts_of_the_block_are_a_warning_later_and_an_error_after_a_migration(place):
    block = {"items": 3, "with_dhash": 1}
    place.write({"components": [{"image": "a.png"}]})
    earlier = create_backup(str(place.path), None, check_mode=False)["backup"]["path"]
    place.write({"components": [migrated()], "dhash_migration": block})
    assert place.kinds() == [("block", "warning")]
    assert place.kinds(against=earlier) == [("block", "error")]
    assert place.kinds(against=earlier, complete="never") == [("block", "warning")]


def test_the_number_of_problems_told_is_bounded_and_errors_come_first(place):
    items = [{"image": "a", "dhash": HASH} for _unused in range(100)] + [{"image": "b", "dhash_confidence": 0}] * 80
    place.write({"components": items})
    result = place.verify()
    assert len(result["problems"]) == MOST and result["errors"] == 80
    assert {problem["severity"] for problem in result["problems"]} == {"error"}
    assert "and 77 more" in summary(result)


# Against what was before.


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


def test_any_other_change_is_told(place):
    backed_up(place)
    place.write({"components": [migrated(image="x.png"), FAILED]})
    (problem,) = place.verify(against="latest")["problems"]
    assert (problem["kind"], problem["pointer"], problem["line"]) == ("changed", "/components/0", 1)


def test_an_item_left_out_by_the_migration_is_told(place):
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
        with pytest.raises(MobiusError, match="verif"):
            place.verify(against=against)
    with pytest.raises(MobiusError):
        place.verify(against="nothing.json")


def test_a_file_without_a_checksum_is_taken_as_it_is(place):
    place.write({"components": [migrated(), FAILED]})
    (place.folder / "before.json").write_text('{"components": [{"image": "a.png"}, {"image": "b.png"}]}')
    result = place.verify(against="before.json")
    assert result["valid"] and "no checksum" in result["warnings"][0]


def test_a_change_during_the_verification_is_told(place, monkeypatch):
    place.write([migrated()])
    check = module.problems

    def meddling(path, limit):
        found = check(path, limit)
        place.path.write_bytes(b'[{"image": "other"}]')
        return found

    monkeypatch.setattr(module, "problems", meddling)
    result = verify(Request(path=str(place.path)))
    assert "changed-meanwhile" in [problem["kind"] for problem in result["problems"]] and not result["valid"]


# A second opinion.


def drawn(folder, name, turn=1):
    image = Image.new("L", (64, 64))
    image.putdata([(turn * (x * 5 + y * 3)) % 256 for y in range(64) for x in range(64)])
    (folder / "images").mkdir(exist_ok=True)
    image.save(folder / "images" / name)


def reference(folder, name):
    import imagehash

    with Image.open(folder / "images" / name) as image:
        return str(imagehash.dhash(image))


@pytest.fixture
def pictured(place):
    items = []
    for number in range(10):
        name = f"{number}.png"
        drawn(place.folder, name, number + 1)
        items.append(migrated(image=f"/{name}", dhash=reference(place.folder, name)))
    place.write({"components": items})
    place.items = items
    place.options = {"image_root": str(place.folder / "images")}
    return place


@pytest.mark.parametrize(("size", "sampled"), [(1, 1), (4, 4), (10, 10), (99, 10)])
def test_a_sample_is_hashed_again_by_imagehash(pictured, size, sampled):
    result = pictured.verify(sample=size, **pictured.options)
    assert (result["valid"], result["sampled"]) == (True, sampled)
    assert result["second_opinion"].startswith("ImageHash 4.")


def test_a_wrong_dhash_is_found_out(pictured):
    wrong = f"{int(pictured.items[7]['dhash'], 16) ^ 5:016x}"
    pictured.items[7]["dhash"] = wrong
    pictured.write({"components": pictured.items})
    (problem,) = pictured.verify(sample=10, **pictured.options)["problems"]
    assert (problem["kind"], problem["severity"], problem["pointer"]) == ("second-opinion", "error", "/components/7")
    assert wrong in problem["message"] and "2 bits apart" in problem["message"]


def test_another_pillow_may_differ_by_a_few_bits(pictured):
    pictured.items[1]["dhash"] = f"{int(pictured.items[1]['dhash'], 16) ^ 5:016x}"
    pictured.items[2]["dhash"] = f"{int(pictured.items[2]['dhash'], 16) ^ 0xFFFFFF:016x}"
    block = {"items": 10, "with_dhash": 10, "pillow": "9.5.0"}
    pictured.write({"components": pictured.items, "dhash_migration": block})
    found = pictured.verify(sample=10, **pictured.options)["problems"]
    assert [(problem["pointer"][-1], problem["severity"]) for problem in found] == [("2", "error"), ("1", "warning")]
    assert "9.5.0" in found[0]["message"] and __version__ in found[0]["message"]


def test_a_picture_that_is_gone_broken_or_outside_cannot_be_hashed_again(pictured):
    images = pictured.folder / "images"
    (images / "0.png").unlink()
    (images / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pictured.items[2]["image"] = "../2.png"
    pictured.items[3]["image"] = None
    pictured.write({"components": pictured.items})
    result = pictured.verify(sample=10, **pictured.options)
    assert [(problem["kind"], problem["pointer"]) for problem in result["problems"]] == [
        ("picture", f"/components/{number}") for number in range(4)
    ]


def test_without_imagehash_the_result_says_that_the_second_opinion_fell_away(pictured, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagehash", None)
    pictured.items[7]["dhash"] = HASH
    pictured.write({"components": pictured.items})
    result = pictured.verify(sample=10, **pictured.options)
    assert result["second_opinion"] == second_opinion.LEAN and result["sampled"] == 10
    assert [problem["pointer"] for problem in result["problems"]] == ["/components/7"]


def test_without_pillow_a_sample_names_the_command(pictured, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MobiusError, match="pip install"):
        pictured.verify(sample=1, **pictured.options)
    assert pictured.verify()["valid"]


def test_a_sample_needs_an_image_root_and_is_not_negative(place):
    place.write([migrated()])
    for options in ({"sample": 1}, {"sample": -1, "image_root": "/"}):
        with pytest.raises(MobiusError):
            place.verify(**options)


# A schema.


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "properties": {"components": {"items": {"properties": {"id": {"type": "integer"}}, "required": ["id"]}}},
}


def test_violations_of_the_schema_are_told(place):
    (place.folder / "schema.json").write_text(json.dumps(SCHEMA))
    place.write({"components": [migrated(id=1), migrated(id="\x1b[31m" + "x" * 999), migrated()]})
    result = place.verify(schema=str(place.folder / "schema.json"))
    assert [problem["pointer"] for problem in result["problems"]] == ["/components/1/id", "/components/2"]
    assert all(problem["message"].isprintable() and len(problem["message"]) < 260 for problem in result["problems"])


@pytest.mark.parametrize(
    "text",
    [
        '{"type": 7}',
        '{"$ref": "#/nowhere"}',
        '{"$ref": "http://127.0.0.1:9/schema.json"}',
        '{"$ref": "file:///etc/hostname"}',
        "{",
    ],
)
def test_a_schema_that_is_none_or_would_be_fetched_is_refused(place, text):
    (place.folder / "schema.json").write_text(text)
    place.write([migrated()])
    with pytest.raises(MobiusError) as caught:
        place.verify(schema=str(place.folder / "schema.json"))
    assert caught.value.where == str(place.folder / "schema.json")


def test_without_jsonschema_the_command_is_named(place, monkeypatch):
    monkeypatch.setattr(schema_module, "jsonschema", None)
    (place.folder / "schema.json").write_text("{}")
    place.write([migrated()])
    with pytest.raises(MobiusError, match="pip install jsonschema"):
        place.verify(schema=str(place.folder / "schema.json"))
