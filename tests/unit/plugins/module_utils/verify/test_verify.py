"""Verification of a library as it stands: its form, its members, its block, its schema."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import begin, commit
from ansible_collections.mobius.dhash.plugins.module_utils.verify import verify as module
from ansible_collections.mobius.dhash.plugins.module_utils.verify.findings import MOST
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, summary, verify
from ansible_collections.mobius.dhash.tests.support.placed import FAILED, HASH, migrated


def test_a_migrated_library_is_valid(place):
    block = {"items": 2, "with_dhash": 1, "pillow": "12.0"}
    place.write({"components": [migrated(), FAILED], "dhash_migration": block})
    result = place.verify()
    expected = {
        "valid": True,
        "item_count": 2,
        "with_dhash": 1,
        "unmigrated": 0,
        "problems": [],
        "errors": 0,
        "sampled": 0,
    }
    assert {name: result[name] for name in expected} == expected
    assert result["second_opinion"] is None and result["against"] is None


def test_a_library_that_was_never_migrated_is_valid(place):
    place.write([{"image": "a.png", "dhash": None}, {"image": "b.png", "dhash": "hash_sushi-go_1758752108"}])
    result = place.verify()
    assert result["valid"] and (result["item_count"], result["with_dhash"], result["unmigrated"]) == (2, 0, 2)


def test_a_library_that_was_never_migrated_is_reported_if_a_migrated_one_is_required(place):
    place.write({"components": [{"image": "a.png", "dhash": HASH}, {"image": "b.png"}]})
    (problem, _foreign) = place.verify(complete="always")["problems"]
    assert problem["kind"] == "never-migrated" and "none of its 2 items" in problem["message"]


def bare(place, block, **options):
    place.write({"components": [migrated(), {"image": "b.png"}, {"image": "c.png", "dhash": None}], **block})
    return place.kinds(**options)


BLOCK = {"dhash_migration": {"items": 3, "with_dhash": 3}}
LOST = [("unmigrated", "error"), ("unmigrated", "error"), ("block", "warning")]


def test_a_lost_dhash_is_an_error_if_the_block_counts_it(place):
    assert bare(place, BLOCK) == LOST
    assert bare(place, BLOCK, complete="always") == LOST
    assert bare(place, BLOCK, complete="never") == [("block", "warning")]
    assert bare(place, {}) == []
    assert bare(place, {}, complete="always") == LOST[:2]


def deployed(place, status="deployed", **state):
    place.write([{"image": "a.png"}])
    before = create_backup(str(place.path), None, check_mode=False)["backup"]
    begin(str(place.path), {"deployment": "d", "status": status, "sha256": "0" * 64, "backup": before, **state})
    commit(str(place.path))


def test_the_state_stands_in_for_the_block_that_a_list_cannot_have(place):
    deployed(place)
    # The bytes of before, put back by hand.
    assert place.kinds() == []
    place.write([{"image": "a.png", "name": "edited"}])
    assert place.kinds() == [("unmigrated", "error")]
    assert place.kinds(complete="never") == []
    deployed(place, "rolled_back")
    place.write([{"image": "a.png", "name": "edited"}])
    assert place.kinds() == []


def test_a_damaged_state_is_a_warning_only(place):
    deployed(place)
    (place.folder / ".library.json.dhash" / "current.json").write_text("{")
    place.write([{"image": "a.png", "name": "edited"}])
    result = place.verify()
    assert result["valid"] and "state of the deployment is damaged" in result["warnings"][0]


def test_every_item_that_lost_its_dhash_counts(place):
    place.write({"components": [migrated()] + [{"image": "b.png"}] * 80, **BLOCK})
    result = place.verify()
    assert (result["errors"], len(result["problems"])) == (80, MOST)
    assert "80 problems" in summary(result)
    assert result["lines"][-1].endswith("80 errors in all") and len(result["lines"]) == 13


def test_reported_lines_contain_no_control_sequences(place):
    place.write({"\x1b[31m": [migrated(), {"image": "b.png"}], **BLOCK})
    reported = place.verify(items=['"\\u001b[31m"[]'])["lines"]
    assert reported[1] == "items     2: 1 with a dHash, 1 not migrated"
    assert reported[2].startswith("error     /") and all(line.isprintable() for line in reported)


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
        (migrated(dhash_confidence=10**400), ["confidence"]),
        (migrated(dhash_confidence=None), ["confidence"]),
        (migrated(dhash_reasons=[]), ["reasons"]),
        (migrated(dhash_reasons="flat"), ["reasons"]),
        (migrated(dhash_reasons=[1]), ["reasons"]),
        ({**FAILED, "dhash_confidence": 0.5}, ["confidence"]),
        ({"image": "b", "dhash_confidence": 0}, ["reasons"]),
        ({"image": "b", "dhash_confidence": 1}, ["confidence", "reasons"]),
    ],
)
def test_what_the_migration_never_writes_is_reported(place, item, kinds):
    place.write({"components": [migrated(), item]})
    result = place.verify()
    assert [problem["kind"] for problem in result["problems"]] == kinds and not result["valid"]
    assert {problem["pointer"] for problem in result["problems"]} == {"/components/1"}


def test_numbers_beyond_what_json_readers_hold_are_no_confidence(place):
    place.write(b'[{"image": "a", "dhash": "%s", "dhash_confidence": 1e400}]' % HASH.encode())
    assert place.kinds() == [("confidence", "error")]


def test_invalid_json_is_reported_with_its_place_and_ends_the_check(place):
    place.write(b'{"components": [\n {"id": 1, "id": 2, "dhash_confidence": NaN},\n]}')
    result = place.verify()
    assert [(problem["kind"], problem["line"], problem["column"]) for problem in result["problems"]] == [
        ("duplicate-key", 2, 12),
        ("not-a-number", 2, 41),
        ("trailing-comma", 3, 1),
    ]
    assert result["item_count"] is None and not result["valid"]
    assert "line 2 column 12" in summary(result) and "3 problems" in summary(result)


def test_a_byte_order_mark_is_a_warning_and_valid(place):
    place.write(b"\xef\xbb\xbf" + json.dumps([migrated()]).encode())
    result = place.verify()
    assert result["valid"] and [problem["kind"] for problem in result["problems"]] == ["byte-order-mark"]


def test_a_library_without_items_is_reported(place):
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


def test_the_reported_problems_are_bounded_and_errors_come_first(place):
    items = [{"image": "a", "dhash": HASH} for _unused in range(100)] + [{"image": "b", "dhash_confidence": 0}] * 80
    place.write({"components": items})
    result = place.verify()
    assert len(result["problems"]) == MOST and result["errors"] == 80
    assert {problem["severity"] for problem in result["problems"]} == {"error"}
    assert "and 77 more" in summary(result)


def test_a_change_during_the_verification_is_reported(place, monkeypatch):
    place.write([migrated()])
    check = module.find_problems

    def meddling(path, limit):
        found = check(path, limit)
        place.path.write_bytes(b'[{"image": "other"}]')
        return found

    monkeypatch.setattr(module, "find_problems", meddling)
    result = verify(Request(path=str(place.path)))
    assert "changed-meanwhile" in [problem["kind"] for problem in result["problems"]] and not result["valid"]


# A schema.


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "properties": {"components": {"items": {"properties": {"id": {"type": "integer"}}, "required": ["id"]}}},
}


def test_violations_of_the_schema_are_reported(place):
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
def test_an_invalid_or_remote_schema_is_refused(place, text):
    (place.folder / "schema.json").write_text(text)
    place.write([migrated()])
    with pytest.raises(MobiusError) as caught:
        place.verify(schema=str(place.folder / "schema.json"))
    assert caught.value.where == str(place.folder / "schema.json")


def test_without_jsonschema_the_command_is_named(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    (place.folder / "schema.json").write_text("{}")
    place.write([migrated()])
    with pytest.raises(MobiusError, match="pip install jsonschema"):
        place.verify(schema=str(place.folder / "schema.json"))
