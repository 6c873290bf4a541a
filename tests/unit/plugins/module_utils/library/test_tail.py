"""Owned members at the end of an item, found without a parser: the result has to match the parser's."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import OWNED
from ansible_collections.mobius.dhash.plugins.module_utils.library.tail import Tail

HASH = '"dhash": "0123456789abcdef"'
USUAL = f'{HASH}, "dhash_confidence": 0.5'
FOUND = {
    "two": ('{"a": 1, ' + USUAL + "}", 2),
    "reasons": ('{"a": 1, ' + USUAL + ', "dhash_reasons": ["flat", "near-ties"]}', 3),
    "no dHash": ('{"a": 1, "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}', 2),
    "no reasons listed": ('{"a": 1, "dhash_reasons": [ ]}', 1),
    "lines": ('{\n  "a": 1,\n  ' + USUAL.replace(", ", ",\n  ") + "\n}", 2),
    "minified": ('{"a":1,"dhash":"0123456789abcdef","dhash_confidence":1e-05}', 2),
    "bytes beyond ASCII": ('{"a": "ü", ' + USUAL + "}", 2),
    "an escape before": ('{"a": "\\n", ' + USUAL + "}", 2),
    "an older value": ('{"a": 1, "dhash": "made_up", "dhash_legacy": "x"}', 2),
}
CLOSER_LOOK = {
    "none": '{"a": 1}',
    "only": "{" + USUAL + "}",
    "first": "{" + USUAL + ', "a": 1}',
    "in a string": '{"a": ", \\"dhash\\": 1}"}',
    "as a string": '{"a": "dhash"}',
    "of another object": '{"a": 1, "of": {"b": 1, ' + USUAL + "}}",
    "of another object too": '{"a": 1, "of": {"b": 1, ' + USUAL + "}, " + USUAL + "}",
    "in a list": '{"a": [1, {"b": 2, ' + USUAL + "}]}",
    "apart": "{" + HASH + ', "a": 1, "dhash_confidence": 0.5}',
    "another order": '{"a": 1, "dhash_confidence": 0.5, ' + HASH + "}",
    "twice": '{"a": 1, ' + HASH + ", " + HASH + "}",
    "a longer name": '{"a": 1, "dhash_of": 2, ' + USUAL + "}",
    "a blank before the comma": '{"a": 1 , ' + USUAL + "}",
    "a blank before another comma": '{"a": 1, ' + USUAL.replace(", ", " , ") + "}",
    "an object": '{"a": 1, "dhash": {}}',
    "an escape in a value": '{"a": 1, "dhash": "\\u0061"}',
    "an escaped name": '{"\\u0064hash": 1, ' + USUAL + "}",
    "an escaped name behind": '{"a": 1, ' + HASH + ', "\\u0064hash": 1}',
}


def tail_of(text: str):
    data = b"[" + text.encode() + b"]"
    tail = Tail(OWNED)
    comma = tail.begin(data, 1, len(data) - 1)
    found = tail.members(data, comma) if comma > 0 else None
    return None if found is None or found[2] != len(data) - 1 else (data[1:comma], found[0], data[found[1] : -1])


@pytest.mark.parametrize("name", FOUND)
def test_usual_members_are_found(name):
    text, count = FOUND[name]
    before, owned, after = tail_of(text)
    assert len(owned) == count
    value = json.loads(text)
    assert {name.decode(): json.loads(each) for name, each in owned.items()} == {
        name: value.pop(name) for name in OWNED if name in value
    }
    assert json.loads(before + after) == value


@pytest.mark.parametrize("name", CLOSER_LOOK)
def test_all_else_takes_a_closer_look(name):
    assert tail_of(CLOSER_LOOK[name]) is None


def test_an_item_without_owned_members_ends_where_they_would_begin():
    data = b'{"a": 1}, {"a": 1, "dhash": "x"}, {"a": 1\n}'
    tail = Tail(OWNED)
    assert tail.members(data, 7) == ({}, 7, 8)
    assert tail.members(data, data.rindex(b"\n")) == ({}, len(data) - 2, len(data))
    assert tail.members(data, 8) is None


@pytest.mark.parametrize("seed", range(3))
def test_any_text_gives_the_same_members_as_the_parser(seed):
    dice = random.Random(seed)
    pieces = [*FOUND, *CLOSER_LOOK]
    found = 0
    for _unused in range(3000):
        name = dice.choice(pieces)
        text = FOUND[name][0] if name in FOUND else CLOSER_LOOK[name]
        for _each in range(dice.randint(0, 2)):
            at = dice.randrange(1, len(text))
            piece = dice.choice([*'",:{}[]\\ 0\n', ', "b": 1', USUAL, '"dhash', ""])
            text = text[:at] + piece + text[at + dice.randint(0, 2) :]
        try:
            pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        except ValueError:
            continue
        tail = tail_of(text) if text.startswith("{") else None
        if tail is not None and len(dict(pairs)) == len(pairs):
            before, owned, after = tail
            own = {name: value for name, value in pairs if name in OWNED}
            assert {name.decode(): json.loads(each) for name, each in owned.items()} == own
            rest = json.loads(before + after, object_pairs_hook=lambda pairs: pairs)
            assert rest == [pair for pair in pairs if pair[0] not in OWNED]
            found += 1
    assert found > 300
