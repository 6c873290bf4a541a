"""Items of a document: found by selectors, whatever its style, size and depth; invalid JSON is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library import text_reader as text_module
from ansible_collections.mobius.dhash.plugins.module_utils.library import walk as walk_module
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import LibraryError, open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import OWNED
from ansible_collections.mobius.dhash.plugins.module_utils.library.layout import layout_of
from ansible_collections.mobius.dhash.plugins.module_utils.library.selectors import parse_selector, parse_selectors


def library(tmp_path: Path, content) -> str:
    path = tmp_path / "library.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def found(path: str, selectors=None):
    with open_document(path) as document:
        return [(item.pointer, item.value) for item in document.items(selectors)]


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ('[{"image": "a"}, {"image": "b"}]', ["/0", "/1"]),
        ('{"components": [{"image": "a"}]}', ["/components/0"]),
        ('{"images": ["a.png", "b.png"], "components": [{"image": "a"}]}', ["/components/0"]),
        ('{"games": [{"image": "a"}, {"name": "b"}]}', ["/games/0", "/games/1"]),
        (
            '{"games": [{"components": [{"image": "a"}]}, {"image": "b", "components": [{"image": "c"}]}]}',
            ["/games/0/components/0", "/games/1/components/0", "/games/1"],
        ),
        ('{"games": [{"name": "none yet", "components": []}, {"image": "b"}]}', ["/games/1"]),
        ('{"components": [1, null, "x", [], [{"image": "a"}], {"image": "b"}]}', ["/components/5"]),
        ('{"a/b~c": [], "components": [{}]}', ["/components/0"]),
    ],
)
def test_default_shapes(tmp_path, content, pointers):
    assert [pointer for pointer, _unused in found(library(tmp_path, content))] == pointers


@pytest.mark.parametrize(
    ("selector", "content", "pointers"),
    [
        ("assets[].pictures[]", '{"assets": [{"pictures": [{"n": 1}]}, {"pictures": [{"n": 2}]}]}', 2),
        ("[].a[]", '[{"a": [{}]}, {"a": {}}, {"b": [{}]}]', 1),
        ("[][]", "[[{}, {}], {}, [{}]]", 3),
        ('"odd.name"[]', '{"odd.name": [{}]}', 1),
        ('"\\u00e4\\"b"[]', '{"ä\\"b": [{}]}', 1),
        ("cover", '{"cover": {"image": "x"}, "components": [{}]}', 1),
        ("a.b[]", '{"a": {"b": [{}]}, "b": [{}]}', 1),
    ],
)
def test_selectors(tmp_path, selector, content, pointers):
    assert len(found(library(tmp_path, content), [selector])) == pointers


@pytest.mark.parametrize(
    "selector", ["", ".", "a..b", "a[0]", "a[]b", "a.[]", '"a', '"a"b', "a[", "a.", "x" + "[]" * 99]
)
def test_an_invalid_selector_is_refused(selector):
    with pytest.raises(MobiusError, match="Invalid selector"):
        parse_selector(selector)


def test_selectors_given_twice_count_once():
    assert parse_selectors(["a[]", " a [] "]) == [("a", None)]


def test_a_library_without_items_suggests_selectors(tmp_path):
    with pytest.raises(LibraryError, match=r"assets\[\]\.pictures\[\]"):
        found(library(tmp_path, '{"things": [{"image": "a"}]}'))
    with pytest.raises(LibraryError, match=r"no item at things\[\]"):
        found(library(tmp_path, '{"things": []}'), ["things[]"])


BROKEN = [
    ('{"components": [{"image": "a"},]}', 1, 32),
    ('{"components": [{"image": "a"}]', 1, 32),
    ('{"components": [{"image": "a"}]} x', 1, 34),
    ('{"components": [{"image": NaN}]}', 1, 27),
    ('{"components": [{"image": -Infinity}]}', 1, 27),
    ('{"components": [{"image": "a", "image": "b"}]}', 1, 32),
    ('{"components": [{"m": {"a": 1, "\\u0061": 2}}]}', 1, 32),
    ('{"components": [{}],\n "components": [{}]}', 2, 2),
    ('{"games": [{"components": [{}],\n "components": []}]}', 2, 2),
    ('{"components": [{"n": 01}]}', 1, 23),
    ('{"components": [{"n": "\t"}]}', 1, 24),
    ("{\"components\": [{'n': 1}]}", 1, 18),
    ('{"components": [{"image": "a"', 1, 30),
    ('{"components": [{"image": "a\\', 1, 30),
    ("", 1, 1),
    (b'{"components": [{"image": "\xff"}]}', 1, 28),
    (b'{"components": [{"image": "\xed\xa0\x80"}]}', 1, 28),
]


@pytest.mark.parametrize(("content", "line", "column"), BROKEN)
def test_invalid_json_is_refused_with_its_place(tmp_path, content, line, column):
    with pytest.raises(LibraryError) as caught:
        found(library(tmp_path, content))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_other_encodings_are_refused_with_the_command_that_converts(tmp_path, encoding):
    with pytest.raises(LibraryError, match="iconv -f UTF-(16|32) -t UTF-8"):
        found(library(tmp_path, '{"components": [{"image": "ä"}]}'.encode(encoding)))


def test_odd_but_valid_values(tmp_path):
    # Deeper than any Python parses: 3.14 goes as deep as its stack allows.
    deep = "[" * 150_000 + "]" * 150_000
    digits = "9" * 5000
    content = (
        f'\ufeff{{"components": [{{"image": "a", "deep": {deep}, "big": {digits}, "tiny": 1e400, "half": "\\ud800", '
        f'"ok": 1.00}}, {{"image": "ü\U0001f3b2", "dhash": {deep}}}]}}'
    )
    items = found(library(tmp_path, content))
    assert items[0][1]["image"] == "a"
    assert items[0][1]["half"] == "\ud800"
    assert items[0][1]["ok"] == 1
    assert items[1][1] == {"image": "ü\U0001f3b2", "dhash": None}


def test_deep_nesting_above_and_between_items(tmp_path):
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    lists = "[" * 9000 + "]" * 9000
    content = f'{{"x": {deep}, "components": [{deep}, {{"image": "a"}}, {lists}], "y": {deep}}}'
    assert [pointer for pointer, _unused in found(library(tmp_path, content))] == ["/components/0", "/components/1"]


def test_a_fault_in_what_is_passed_over_is_found(tmp_path):
    deep = "[" * 5000 + "1," + "]" * 5000
    with pytest.raises(LibraryError, match="line 1 column"):
        found(library(tmp_path, f'{{"x": {deep}, "components": [{{"image": "a"}}]}}'))


def test_warnings_before_it_do_not_hide_a_fault(tmp_path):
    halves = '"' + "\\ud800" * 300 + '"'
    deep = "[" * 5000 + "1," + "]" * 5000
    with pytest.raises(LibraryError, match="line 2 column"):
        found(library(tmp_path, f'{{"w": {halves},\n "x": {deep}, "components": [{{"image": "a"}}]}}'))


@pytest.mark.parametrize("stretch", [1, 2, 3, 7, 64])
def test_any_cut_between_two_stretches_gives_the_same(tmp_path, monkeypatch, stretch):
    value = {
        "v": [1, -2.5e-3, True, None, '\\" ü\U0001f3b2 [{'],
        "games": [{"name": "ä", "components": [{"image": "1", "d": {"e": [[], {}]}}], "image": "x"}],
        "images": [],
        "components": [{"image": "ö", "n": 123456789}, {}, 12345, "abc"],
        "n": 1.5,
    }
    path = library(tmp_path, json.dumps(value, indent=1, ensure_ascii=False))
    whole = found(path)
    with open_document(path) as document:
        shapes = [item.layout for item in document.items()]
        root = document.root
    monkeypatch.setattr(text_module, "CHUNK", stretch)
    assert found(path) == whole
    monkeypatch.setattr(walk_module, "LONGEST", 8)
    assert [pointer for pointer, _unused in found(path)] == [pointer for pointer, _unused in whole]
    with open_document(path) as document:
        assert [item.layout for item in document.items()] == shapes
        assert document.root == root


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        "{}",
        "{ \n }",
        '{"dhash": null}',
        '{ "a" : "ä", "dh\\u0061sh":[1, {"x": 2}] ,\n"b":2 , "dhash_reasons": [] }',
        '{"a":{"dhash":1},"b":"\\"dhash\\""}',
        '{"id":1,"image":"x", "deep": {"dhash": 2}}',
    ],
)
def test_both_ways_to_measure_a_shape_agree(tmp_path, monkeypatch, text):
    path = library(tmp_path, f'{{"components": [{text}]}}')
    with open_document(path) as document:
        direct = [item.layout for item in document.items()]
    monkeypatch.setattr(walk_module.Walk, "_leaf", lambda *_: None)
    with open_document(path) as document:
        walked = [item.layout for item in document.items()]
    if "dhash" not in text and direct[0].count == 2:
        direct[0].count = walked[0].count
    assert direct == walked
    assert layout_of(text, 0, OWNED).open == 1


def test_the_block_is_known_with_and_without_reading_items(tmp_path):
    path = library(tmp_path, '{"components": [{}], "dhash_migration": {"tool": 1}}')
    with open_document(path) as document:
        assert document.block == {"tool": 1}
    with open_document(path) as document:
        list(document.items())
        assert document.block == {"tool": 1}
        assert list(document.root.marked) == ["dhash_migration"]
    with open_document(library(tmp_path, '[{"dhash_migration": {}}]')) as document:
        assert document.block is None
        assert document.root is None


def test_the_reading_position_is_known_item_by_item(tmp_path):
    games = [
        {"image": "cover", "components": [{"image": str(number)} for number in range(4)]} for _unused in range(100)
    ]
    with open_document(library(tmp_path, json.dumps({"games": games}))) as document:
        places = [document.read for _unused in document.items()]
        assert places == sorted(places)
        assert 0.45 < places[250] / document.size < 0.55
        assert document.read == document.size
