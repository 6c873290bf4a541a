"""Strip is the inverse of a migration, and touches nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library import fields
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.edit import (
    Verdict,
    block_splices,
    in_order,
    item_splices,
    write_spliced,
)
from ansible_collections.mobius.dhash.plugins.module_utils.migration import strip as module
from ansible_collections.mobius.dhash.plugins.module_utils.migration.strip import strip
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import Locked, acquire
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import read_current
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

BLOCK = {"tool": "mobius.dhash 1.0.0", "algorithm": "dhash", "hash_size": 8, "items": 3, "migrated_at": "2024"}
VERDICTS = [
    Verdict("0123456789abcdef", 0.93, ()),
    Verdict("fedcba9876543210", 0.31, ("flat", "small")),
    Verdict(None, 0.0, ("missing",)),
]


def migrate(path: Path, choose: Callable[[int], Verdict]) -> None:
    """The edits of a migration with verdicts of our own, without pictures."""
    with open_document(str(path)) as document:
        edits = [
            (item.outermost, item_splices(item.value, item.layout, choose(number)))
            for number, item in enumerate(document.items())
        ]
        block = block_splices(document.root, BLOCK) if document.root is not None else []
        splices = sorted([*in_order(edits), *block])
        with path.with_name("next").open("wb") as stream:
            write_spliced(document.descriptor, splices, stream)
    path.with_name("next").rename(path)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library.json"


TEXTS = [
    b'{"components": [{"image": "a.png"}]}',
    b'{"components":[{"image":"a.png"},{"image":"b.png","x":1}]}\n',
    b'[\n  {\n    "image": "a.png"\n  },\n  {\n    "image": "b.png",\n    "name": "M\xc3\xbcller"\n  }\n]\n',
    b'{\r\n\t"components": [\r\n\t\t{ "image" : "a.png" , "n" : 1e5 }\r\n\t]\r\n}\r\n',
    b'\xef\xbb\xbf{"components": [{"image": "a.png"}], "version": 1.50}',
    b'{"games": [{"name": "x", "image": "g.png", "components": [{"image": "a.png"}, {"image": "b.png"}]}]}',
    b'{"components": [{"image": "a.png", "dhash": "old"}]}',
    b'{"components": [{"dhash": "old", "image": "a.png"}, {"image": "b.png"}]}',
    b'{"components": [{"image": "a.png", "dhash": {"deep": [1, 2]}, "z": null}]}',
    b'{"components": [{ "dhash" :  7 ,  "image" :  "a.png" }]}',
    b'{"components": [{"image": "a.png",\n "dhash": "",\n "z": "dhash_confidence"}]}',
    b'{"components": [{}, { }, {"image": "a.png"}]}',
    b'{"components": [{"image": "a.png", "a": 1.0, "a2": 1.00, "big": 123456789012345678901234567890}]}',
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("shift", range(3))
def test_the_bytes_from_before_are_restored(library: Path, text: bytes, shift: int) -> None:
    library.write_bytes(text)
    migrate(library, lambda number: VERDICTS[(number + shift) % 3])
    migrated = library.read_bytes()
    assert migrated != text
    predicted = strip(str(library), check_mode=True)
    assert library.read_bytes() == migrated
    assert list_backups(str(library)) == []
    result = strip(str(library))
    assert library.read_bytes() == text
    assert result["changed"] is True
    assert {**predicted, "backup": result["backup"]} == result
    assert result["backup"]["verified"] is True
    again = strip(str(library))
    assert (again["changed"], again["stripped_items"], again["block_removed"]) == (False, 0, False)
    assert again["sha256_before"] == again["sha256_after"] == result["sha256_after"]


_names = some.text(max_size=6).filter(lambda name: name != "image" and not name.startswith("dhash"))
_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(_names, inner, max_size=2),
    max_leaves=4,
)
_former = some.sampled_from([{}, {"dhash": "not one"}, {"dhash": None}, {"dhash": [1]}])
_items = some.builds(
    lambda before, former, after: {**before, **former, "image": "a.png", **after},
    some.dictionaries(_names, _values, max_size=2),
    _former,
    some.dictionaries(_names, _values, max_size=2),
)
_styles = some.sampled_from(
    [
        {"indent": 2},
        {"indent": "\t"},
        {"indent": None},
        {"separators": (",", ":")},
        {"indent": 4, "separators": (" ,", " : ")},
        {"indent": 0, "ensure_ascii": False},
    ]
)


@settings(max_examples=int(os.environ.get("EXAMPLES", "60")), suppress_health_check=list(HealthCheck))
@given(some.lists(_items, min_size=1, max_size=5), _styles, some.lists(some.integers(0, 2), min_size=5, max_size=5))
def test_for_any_library(tmp_path_factory: Any, items: list, style: dict, verdicts: list[int]) -> None:
    library = tmp_path_factory.mktemp("any") / "library.json"
    root: Any = items if verdicts[0] else {"components": items, "more": [1]}
    library.write_bytes(json.dumps(root, **style).encode("utf-8", "replace"))
    before = library.read_bytes()
    migrate(library, lambda number: VERDICTS[verdicts[number]])
    strip(str(library))
    assert library.read_bytes() == before


def test_an_edit_by_a_colleague_stays(library: Path) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png"}, {"image": "b.png"}]}')
    migrate(library, lambda _number: VERDICTS[0])
    edited = library.read_bytes().replace(b'"b.png"', b'"new.png", "note":  "mine"').replace(b"]", b', {"image": 1}]')
    library.write_bytes(edited)
    strip(str(library))
    assert library.read_bytes() == (
        b'{"components": [{"image": "a.png"}, {"image": "new.png", "note":  "mine"}, {"image": 1}]}'
    )


def test_reviews_stay_unless_their_removal_is_requested(library: Path) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png"}]}')
    migrate(library, lambda _number: VERDICTS[0])
    library.write_bytes(library.read_bytes().replace(b'"a.png",', b'"a.png", "dhash_review": {"by": "x"},'))
    strip(str(library))
    assert library.read_bytes() == b'{"components": [{"image": "a.png", "dhash_review": {"by": "x"}}]}'
    assert strip(str(library), reviews=True)["changed"]
    assert library.read_bytes() == b'{"components": [{"image": "a.png"}]}'
    assert fields.REVIEW == "dhash_review"


@pytest.mark.parametrize("dhash", ['"0123456789abcdef"', '"old"', "null"])
def test_a_dhash_of_another_program_stays(library: Path, dhash: str) -> None:
    text = f'{{"components": [{{"image": "a.png", "dhash": {dhash}}}]}}'
    library.write_text(text)
    assert strip(str(library))["changed"] is False
    assert library.read_text() == text


def test_a_rollback_undoes_it(library: Path) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png"}]}')
    migrate(library, lambda _number: VERDICTS[0])
    migrated = library.read_bytes()
    strip(str(library), deployment="S")
    current = read_current(str(library))
    assert (current["status"], current["deployment"]) == ("stripped", "S")
    restore(str(library), None, "deployment")
    assert library.read_bytes() == migrated


def test_a_library_that_was_never_migrated_is_left_alone(library: Path) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png"}]}')
    facts = library.stat()
    assert strip(str(library))["changed"] is False
    assert (library.stat().st_mtime_ns, library.stat().st_ino) == (facts.st_mtime_ns, facts.st_ino)
    assert list_backups(str(library)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not strict JSON"),
        (b'{"components": [{"image": "a.png", "dhash": ', "not strict JSON"),
        (b'{"assets": [{"image": "a.png"}]}', "has no item"),
        (b'{"components": [{"image": "a.png"}], "dhash_migration": 3}', "did not write"),
        (b'{"components": [{"image": "a.png"}], "dhash_migration": {"tool": "other"}}', "did not write"),
    ],
)
def test_what_is_refused_stays_as_it_is(library: Path, text: bytes, words: str) -> None:
    library.write_bytes(text)
    for check_mode in (True, False):
        with pytest.raises(MobiusError, match=words):
            strip(str(library), check_mode=check_mode)
    assert library.read_bytes() == text
    assert list_backups(str(library)) == []


H = '"dhash": "0123456789abcdef"'
# Edited by hand since: before, and after.
EDITED = {
    "an escaped name": (r'{"image": "a", "d\u0068ash": "0123456789abcdef", "dhash_confidence": 1}', '{"image": "a"}'),
    "another order": ('{"dhash_confidence": 1, %s, "image": "a"}', '{ "image": "a"}'),
    "in the middle": ('{"image": "a", %s, "x": 1, "dhash_confidence": 1, "y": 2}', '{"image": "a", "x": 1, "y": 2}'),
    "other values": ('{"image": "a", %s, "dhash_confidence": "high", "dhash_reasons": {"by": 1}}', '{"image": "a"}'),
    "null": ('{"image": "a", "dhash": null, "dhash_confidence": 0}', '{"image": "a"}'),
    "reasons alone": ('{"image": "a", "dhash_reasons": []}', '{"image": "a"}'),
    "the former value alone": ('{"image": "a", "dhash_legacy": "old"}', '{"image": "a", "dhash": "old"}'),
    "the former value first": (
        '{"dhash_legacy": "o", "x": 1, "image": "a", %s}',
        '{"dhash": "o", "x": 1, "image": "a"}',
    ),
    "the former value apart": (
        '{"image": "a", %s, "x": 1, "dhash_legacy": "o"}',
        '{"image": "a", "x": 1, "dhash": "o"}',
    ),
    "the former value before": ('{"image": "a", "dhash_legacy": "old", %s}', '{"image": "a", "dhash": "old"}'),
    "in an object of theirs": ('{"image": "a", "of": {%s}, %s, "dhash_confidence": 1}', '{"image": "a", "of": {%s}}'),
    "a block in an item": (
        '{"image": "a", %s, "dhash_confidence": 1, "dhash_migration": 3}',
        '{"image": "a", "dhash_migration": 3}',
    ),
    "names that are not ours": (
        '{"image": "a", %s, "dhash_confidence": 1, "dhash_note": 1, "dhash2": 2, "dHash": 3}',
        '{"image": "a", "dhash_note": 1, "dhash2": 2, "dHash": 3}',
    ),
    "a review": (
        '{"image": "a", %s, "dhash_confidence": 1, "dhash_review": {"dhash": 1}}',
        '{"image": "a", "dhash_review": {"dhash": 1}}',
    ),
    "no image any more": ('{%s, "dhash_confidence": 1}', "{}"),
    "tabs and CRLF": ('{\t"image"\t:\t"a"\t,\r\n\t%s\t,\r\n\t"dhash_confidence"\t:\t1\t}', '{\t"image"\t:\t"a"\t}'),
}


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize(
    "around", ['{"components": [{"image": "z"}, @]}', "[@, {}]", '{"games": [{"image": "g", "components": [@]}]}']
)
def test_items_that_were_edited_manually(library: Path, name: str, around: str) -> None:
    before, after = (around.replace("@", text.replace("%s", H)).encode() for text in EDITED[name])
    library.write_bytes(before)
    assert strip(str(library))["changed"] is True
    assert library.read_bytes() == after
    assert strip(str(library))["changed"] is False


@pytest.mark.parametrize("member", ["dhash", "dhash_confidence", "dhash_legacy", "image", "x"])
def test_a_key_twice_is_refused_with_its_place(library: Path, member: str) -> None:
    text = b'{"components": [{"image": "a", "%s": 1, %s, "y": 1, "%s": 2}]}' % (
        member.encode(),
        H.encode(),
        member.encode(),
    )
    library.write_bytes(text)
    with pytest.raises(MobiusError, match="line 1 column .* duplicate key"):
        strip(str(library))
    assert library.read_bytes() == text


def test_the_lock_of_another_run_is_respected(library: Path) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png"}]}')
    migrate(library, lambda _number: VERDICTS[0])
    migrated = library.read_bytes()
    acquire(str(library), "R")
    for check_mode in (True, False):
        with pytest.raises(Locked):
            strip(str(library), deployment="S", check_mode=check_mode)
    assert library.read_bytes() == migrated


@pytest.mark.parametrize("wrong", ["leaves one", "cuts more"])
def test_a_faulty_edit_is_caught_by_the_proof(library: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    library.write_bytes(b'{"components": [{"image": "a.png", "x": 1}]}')
    migrate(library, lambda _number: VERDICTS[1])
    migrated = library.read_bytes()
    real = module._cuts

    def faulty(layout: Any, names: Any) -> list:
        cuts = real(layout, names)
        if wrong == "leaves one" or not cuts:
            return cuts[1:]
        return [cuts[0]._replace(start=cuts[0].start - 1), *cuts[1:]]

    monkeypatch.setattr(module, "_cuts", faulty)
    with pytest.raises(MobiusError, match="failed its proof"):
        strip(str(library))
    assert library.read_bytes() == migrated
