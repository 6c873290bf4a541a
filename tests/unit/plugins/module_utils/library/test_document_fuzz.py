"""Mutated documents: read if and only if the strict reader finds no fault, and then as the json module reads them."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library import text_reader as text_module
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import LibraryError, open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.validate import find_problems

DOCUMENT = {
    "v": 1.5,
    "games": [{"name": "ä", "components": [{"image": "1", "d": {"e": [[], {}]}}], "image": "x"}],
    "components": [{"image": 'ö"\\', "n": -1200.0, "t": True, "z": None}, {}, 5, "s"],
    "dhash_migration": {"a": 1},
}
SEEDS = [
    json.dumps(DOCUMENT, ensure_ascii=False).encode(),
    json.dumps(DOCUMENT, indent=1).encode(),
    b'[{"image":"a"},{"image":"b","dhash":"\\u0041"}]',
]
FRAGMENTS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"NaN", b"0", b"-", b"\0", b"\xff", b" ", b"1e", b"."]
FRAGMENTS += [b"\xef\xbb\xbf", b'"image":1,', b"e", b"true", b"\n", b"\xed\xa0\x80", b"[" * 3000]


def mutated(dice: random.Random) -> bytes:
    data = bytearray(dice.choice(SEEDS))
    for _unused in range(dice.choice([1, 1, 1, 2, 3])):
        at, to = sorted(dice.randrange(len(data) + 1) for _unused in range(2))
        change = dice.randrange(4)
        if change < 3:
            data[at : at + (change != 1)] = b"" if change == 0 else dice.choice(FRAGMENTS)
        else:
            data[at:to] = b"" if dice.random() < 0.5 else data[at:to] * 2
    return bytes(data)


def part(value, pointer):
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@pytest.mark.parametrize("seed", range(4))
def test_mutated_documents(tmp_path, monkeypatch, seed):
    dice = random.Random(seed)
    path = tmp_path / "library.json"
    read = refused = 0
    for _unused in range(500):
        data = mutated(dice)
        path.write_bytes(data)
        monkeypatch.setattr(text_module, "CHUNK", dice.choice([1 << 20, 5, 17]))
        faults = [fault for fault in find_problems(str(path)) if fault["severity"] == "error"]
        try:
            with open_document(str(path)) as document:
                items = list(document.items())
        except LibraryError as error:
            refused += 1
            assert (error.line is not None) == bool(faults), (data, str(error))
            assert faults or "no item" in str(error), data
            continue
        read += 1
        assert not faults, data
        value = json.loads(data.decode("utf-8-sig"))
        for item in items:
            whole = part(value, item.pointer)
            assert {name: whole[name] for name in item.value} == item.value, data
    assert min(read, refused) > 50
