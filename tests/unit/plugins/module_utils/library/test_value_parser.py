"""The C parser and the patterns give the same result for every document."""

from __future__ import annotations

import json
import os
import random
import re
from functools import partial

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library import window
from ansible_collections.mobius.dhash.plugins.module_utils.library.compare import Check, unexpected_changes
from ansible_collections.mobius.dhash.plugins.module_utils.library.validate import find_problems
from ansible_collections.mobius.dhash.plugins.module_utils.library.value_parser import ValueParser
from ansible_collections.mobius.dhash.tests.unit.plugins.module_utils.library.test_document_fuzz import mutated

# More of them by make properties.
ROUNDS = int(os.environ.get("EXAMPLES", "200")) // 100
ITEMS = [
    b'{"image": "a", "size": {"w": 1.50, "h": [2, {"x": null}]}, "dhash": "0123456789abcdef", "dhash_confidence": 1}',
    b'{"image": "a", "of": {"x": 1, "dhash": "0123456789abcdef"}}',
    b'{"image": "a", "of": {"x": 1, "dhash": "0123456789abcdef"}, "dhash": {"y": 1}}',
    b'{"image": "a", "of": {"x": 1, "dhash": "0"}, "dhash": "0123456789abcdef"}',
    b'{"image": "a", "of": [{"x": 1, "dhash": "0"}, {"x": 1, "dhash_reasons": ["z"]}], "dhash_confidence": 0.5}',
    b'{"image": "{", "of": {"k": "{", ": ": 1}, "dhash": null, "dhash_legacy": "}"}',
    b'{"image": "a", "d\\u0068ash": "0123456789abcdef", "x": {}}',
    b'{"image": "a", "x": {}, "dhash": "0", "dhash": "1"}',
    b'{"dhash": "0123456789abcdef", "image": {"a": 1}}',
    b'{"image": "a", "dhash": {"y": 1}}',
    b'{"image": "a", "dhash_reasons": [' + b"0, " * 150 + b"1]}",
    b"{ }",
    b'{"dhash": "0123456789abcdef"}',
    b'[{"dhash": "0"}]',
    b"[[], {}]",
    '{"ä": 1, "\\u00e4": 2}'.encode(),
    b'{"\\u00e4": 1, "\\u00E4": 2}',
    '{"ä": {"\\u00e4": 2}, "b": "\\n"}'.encode(),
    b'{"x": "\\ud800", "y": ["\\ud83d\\ude00"]}',
    b'{"x": "\\\\ud800"}',
    b'{"x": NaN}',
    b'{"x": [-Infinity]}',
    b'{"x": ' + b"9" * 5000 + b"}",
    b'{"x": 1e999, "y": -0.0, "z": 1E+2}',
    b'{"x": 01}',
    b'{"x": "\xff"}',
    b'{"x": "a\tb"}',
    b'{"x": 1,}',
    b'{"x": [1,]}',
    b'{"x": {"a": 1, "a": 2}}',
    b"[" * 499 + b"]" * 499,
    b"[" * 500 + b"]" * 500,
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 1200 + b"1" + b"}" * 1200,
    b'{"x": "' + b"y" * 70_000 + b'"}',
    b'{"x": [' + b'{"z": 1}, ' * 9000 + b"0]}",
    b'{"x": [' + b'{"z": 1}, ' * 9000 + b"NaN]}",
    b'{"x": 1',
    b'{"x": 1} 2',
]


def both(monkeypatch, call):
    fast = call()
    with monkeypatch.context() as patch:
        patch.setattr(ValueParser, "at", lambda *_unused: None)
        slow = call()
    return fast, slow


def documents(dice):
    for item in ITEMS:
        yield b'{"v": 1, "components": [' + item + b', {"image": "b"} ,' + item + b"]}"
        yield b"[" + b" , ".join([dice.choice(ITEMS[:14]) for _unused in range(5)] + [item]) + b"\n]"
        yield b'{"games": [{"components": [' + item + b']}, {}], "components": []}'


@pytest.mark.parametrize("block", [window.BLOCK, 97])
def test_problems_are_the_same(tmp_path, monkeypatch, block):
    monkeypatch.setattr(window, "BLOCK", block)
    if block < window.LOW:
        monkeypatch.setattr(window, "LOW", 20)
    path = tmp_path / "library.json"
    found = 0
    for data in documents(random.Random(1)):
        path.write_bytes(data)
        fast, slow = both(monkeypatch, lambda: find_problems(str(path)))
        assert fast == slow, data[:300]
        found += bool(slow)
    assert found > 30


def test_problems_of_mutated_documents_are_the_same(tmp_path, monkeypatch):
    dice = random.Random(5)
    path = tmp_path / "library.json"
    for _unused in range(1500):
        path.write_bytes(b'{"components": [' + mutated(dice) + b", " + dice.choice(ITEMS[:30]) + b"]}")
        fast, slow = both(monkeypatch, lambda: find_problems(str(path)))
        assert fast == slow, path.read_bytes()


class Noted(Check):
    """Keeps what it is called with, whichever way the texts are read."""

    def __init__(self):
        self.seen = []

    def identical(self):
        self.seen.append(None)

    def edited(self, before, after):
        self.seen.append((before, after))
        return super().edited(before, after)


def compared(checks, before, after):
    checks.append(Noted())
    return unexpected_changes(before, after, check=checks[-1])


@pytest.mark.parametrize("block", [window.BLOCK, 97])
def test_texts_compare_the_same_item_by_item_and_record_by_record(tmp_path, monkeypatch, block):
    monkeypatch.setattr(window, "BLOCK", block)
    if block < window.LOW:
        monkeypatch.setattr(window, "LOW", 400)
    dice = random.Random(2)
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    equal = different = 0
    pairs = list(documents(dice))
    pairs = [(each, each) for each in pairs] + [(each, altered(dice, each)) for each in pairs * ROUNDS]
    for before, after in pairs:
        paths[0].write_bytes(before)
        paths[1].write_bytes(after)
        # What is not strict JSON is not compared: one way may read what the other refuses.
        if any(problem["severity"] == "error" for path in paths for problem in find_problems(str(path))):
            continue
        checks = []
        fast, slow = both(monkeypatch, partial(compared, checks, *map(str, paths)))
        assert fast == slow, (before[:300], after[:300])
        # After a difference the two look for the next item in their own ways.
        assert slow or checks[0].seen == checks[1].seen, (before[:300], after[:300])
        equal += not slow
        different += bool(slow)
    assert min(equal, different) > 40


def altered(dice, data):
    """The document with one owned member or other text put in, taken out or changed."""
    changes = [
        lambda: re.sub(rb', "dhash[a-z_]*": (?:"[^"]*"|[0-9.]+|null)', b"", data, count=1),
        lambda: data.replace(b'"image": "a"', b'"image": "a", "dhash": "%016x"' % dice.getrandbits(64), 1),
        lambda: data.replace(b'"image": "b"', b'"image": "b" ,\n"dhash_confidence":1', 1),
        lambda: data.replace(b'"image"', b'"dhash_reasons": ["x"], "image"', dice.randint(1, 3)),
        lambda: data.replace(b"0123", b"0124", 1),
        lambda: data.replace(b'"a"', b'"c"', 1),
        lambda: data.replace(b", ", b",", 1),
    ]
    return dice.choice(changes)()


@pytest.mark.parametrize("name", ["dhash", "dhash_confidence", "dhash_reasons", "dhash_legacy"])
@pytest.mark.parametrize("own", [b"", b', "dhash": "0123456789abcdef"', b', "dhash": {"z": 1}'])
def test_an_owned_name_inside_an_items_object_is_not_the_migrations(tmp_path, name, own):
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, value in zip(paths, (b'"0123456789abcdef"', b'"f123456789abcdef"')):
        inside = b'{"x": 1, "' + name.encode() + b'": ' + value + b"}"
        path.write_bytes(b'{"components": [{"image": "a", "of": ' + inside + own + b"}]}")
    assert len(unexpected_changes(*map(str, paths))) == 1


def test_nesting_beyond_the_parser_is_not_tried_again_at_each_level(tmp_path, monkeypatch):
    path = tmp_path / "library.json"
    path.write_bytes(b"[" * 100_000 + b"]" * 100_000)
    tried = []
    at = ValueParser.at

    def counted(self, begin):
        before = self._from
        found = at(self, begin)
        tried.append(self._from != before)
        return found

    monkeypatch.setattr(ValueParser, "at", counted)
    assert {problem["kind"] for problem in find_problems(str(path))} == {"deep"}
    assert 0 < sum(tried) < 1000


def test_values_are_those_of_the_library(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(json.dumps([{"a": [1, "b"]}]).encode())
    with path.open("rb") as file:
        parsed = ValueParser(window.Window(file))
        assert parsed.at(1) == ({"a": [1, "b"]}, 16)
        assert parsed.at(0) == ([{"a": [1, "b"]}], 17)
