"""Single edits of a migrated text, one byte or a few: each of them is refused.

All are: the bytes that are proven have to be those that were written. And without looking at that, the comparison with
the text of before refuses all but those that spell an owned member's value, or the white space beside it, in another
way. MUTATIONS=100000 makes as many; the usual run makes fewer.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.edit import Verdict, matches
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import OWNED
from ansible_collections.mobius.dhash.plugins.module_utils.migration.edited import Edited
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from ansible_collections.mobius.dhash.plugins.module_utils.migration.positions import Positions
from ansible_collections.mobius.dhash.plugins.module_utils.migration.tally import Tally

MUTATIONS = int(os.environ.get("MUTATIONS", "2000"))
BLOCK = {"algorithm": "dhash", "tool": "mobius.dhash 1.0.0", "items": 8, "also_pillow": ["9.5.0"], "failed": 0}
ITEMS: List[Dict[str, Any]] = [
    {"id": 1, "image": "a.png", "price": 1.50, "tags": ["x", "y"]},
    {"id": 2, "image": "ü.png", "of": {"dhash": "0123456789abcdef", "deep": [{"dhash_confidence": 1}]}},
    {"id": 3, "image": "c.png", "dhash": "made_up", "big": 18446744073709551616},
    {"id": 4, "image": "d.png", "dhash": "fedcba9876543210", "dhash_confidence": 0.5, "dhash_reasons": ["flat"]},
    {"id": 5, "image": "e.png", "text": ', "dhash": "0123456789abcdef"', "half": "\ud800"},
    {"id": 6, "image": "f.png", "dhash_review": {"decision": "keep"}},
    {"image": "g.png"},
    {"dhash": "0123456789abcdef", "dhash_confidence": 0.75, "id": 7, "image": "h.png"},
    {"id": 8, "image": "kept.png", "dhash": "00000000ffffffff", "dhash_confidence": 1.0},
]
SHAPES = {
    "lines": lambda: json.dumps({"name": "x", "components": ITEMS, "after": [1, {"dhash": 2}]}, indent=2),
    "minified": lambda: json.dumps({"components": ITEMS, "z": {}}, separators=(",", ":")),
    "one line": lambda: json.dumps({"v": 1.00, "components": ITEMS}, ensure_ascii=False).replace("\ud800", "\\ud800"),
    "games": lambda: json.dumps(
        {"games": [{"image": "i.png", "components": ITEMS[:4], "x": 1}, {"components": ITEMS[4:]}]}
    ),
    "a list": lambda: json.dumps(ITEMS, indent="\t").replace("\n", "\r\n"),
}  # fmt: skip
KEPT = {"kept.png"}
BYTES = [bytes([byte]) for byte in b' \t\n\r,:"{}[]\\0123456789abcdefnrtu.-+eE/_dhsozZ\x00\x7f\x80\xc3\xff']
PIECES = [*BYTES, b', "dhash": "0123456789abcdef"', b'"dhash_confidence": 0.5, ', b"{}", b"[]", b"null", b'""', b"  "]


def verdict_of(item: Any, dice: random.Random) -> Verdict:
    if item.value.get("image") in KEPT:
        return Verdict("00000000ffffffff", 1.0, ())
    if dice.random() < 0.25:
        return Verdict(None, 0.0, ("missing",))
    reasons = () if dice.random() < 0.5 else ("flat", "near-ties")
    return Verdict(f"{dice.getrandbits(64):016x}", round(dice.random(), 3), reasons)


class Migrated:
    """A document and its migrated text, with what the migration knows of both."""

    def __init__(self, folder: Any, before: bytes, dice: random.Random) -> None:
        self.path = folder / "library.json"
        self.path.write_bytes(before)
        self.after = folder / "after.json"
        self.tally, self.positions = Tally(0.7), Positions()
        with open_document(str(self.path)) as document:
            for item in document.items():
                self.positions.add([item])
                number, verdict = self.tally.admit(1), verdict_of(item, dice)
                self.tally.put(number, verdict)
                if not matches(item.value, verdict):
                    self.tally.edit(number)
            with self.after.open("wb") as stream:
                self._edited(document).write(stream)
        self.text = self.after.read_bytes()

    def _edited(self, document: Any) -> Edited:
        return Edited(document, Options(str(self.path)), self.tally, self.positions, BLOCK)

    def accepts(self, text: bytes, *, by_comparison: bool = False) -> bool:
        sha256 = None if by_comparison else hashlib.sha256(self.text).hexdigest()
        self.after.write_bytes(text)
        with open_document(str(self.path)) as document:
            for _unused in document.items():
                pass
            try:
                self._edited(document).prove(str(self.after), sha256)
            except MobiusError:
                return False
        return True


def mutated(text: bytes, dice: random.Random) -> Tuple[str, bytes]:
    """One edit: what kind it is, and the text with it."""
    at = dice.randrange(len(text))
    kind = dice.choice(["replace", "delete", "insert", "flip", "cut", "repeat", "swap"])
    if kind == "replace":
        return kind, text[:at] + dice.choice(PIECES) + text[at + 1 :]
    if kind == "delete":
        return kind, text[:at] + text[at + 1 :]
    if kind == "insert":
        return kind, text[:at] + dice.choice(PIECES) + text[at:]
    if kind == "flip":
        return kind, text[:at] + bytes([text[at] ^ (1 << dice.randrange(8))]) + text[at + 1 :]
    to = min(len(text), at + dice.choice([2, 5, 20, 60, 300]))
    if kind == "cut":
        return kind, text[:at] + text[to:]
    if kind == "repeat":
        return kind, text[:to] + text[at:to] + text[to:]
    far = min(len(text), to + (to - at))
    return kind, text[:at] + text[to:far] + text[at:to] + text[far:]


def documents(folder: Any, dice: random.Random) -> Iterator[Tuple[str, Migrated]]:
    for name, make in SHAPES.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        yield name, Migrated(place, make().encode("utf-8"), dice)


@pytest.mark.parametrize("seed", range(4))
def test_no_single_edit_of_the_new_text_is_accepted(tmp_path, seed):
    dice = random.Random(seed)
    made: Counter[str] = Counter()
    respelled = 0
    for name, migrated in documents(tmp_path, dice):
        assert migrated.accepts(migrated.text), name
        for _unused in range(MUTATIONS // 20):
            kind, text = mutated(migrated.text, dice)
            if text == migrated.text:
                continue
            made[kind] += 1
            assert not migrated.accepts(text), (name, kind, difference(migrated.text, text))
            if migrated.accepts(text, by_comparison=True):
                respelled += 1
                assert is_respelled(migrated.text, text), (name, kind, difference(migrated.text, text))
    assert len(made) == 7
    assert respelled < sum(made.values()) / 20


def is_respelled(text: bytes, other: bytes) -> bool:
    """Whether two texts are the same JSON, and without white space outside of strings the same but for numbers."""
    return json.loads(text) == json.loads(other) and pairs(text) == pairs(other)


def pairs(text: bytes) -> List[Any]:
    """The members of all objects as they are spelled, but for the values of owned ones."""
    found: List[Any] = []

    def note(members: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found.append(
            sorted((name, value if isinstance(value, str) and name not in OWNED else "") for name, value in members)
        )
        return dict(members)

    json.loads(text, object_pairs_hook=note, parse_float=str, parse_int=str)
    return found


def difference(before: bytes, after: bytes) -> Tuple[bytes, bytes]:
    at = next(n for n in range(len(before) + 1) if before[n : n + 1] != after[n : n + 1])
    return before[max(0, at - 60) : at + 60], after[max(0, at - 60) : at + 60]


@pytest.mark.parametrize("seed", range(3))
def test_no_edit_of_an_item_in_any_style_is_refused(tmp_path, seed):
    dice = random.Random(seed)
    space = ["", "", " ", "  ", "\n", "\r\n\t", "\n    ", " \n "]
    members = ['"a": 1', '"b":"x"', '"c" : {"dhash": 1}', '"dhash":"fedcba9876543210"', '"dhash": null', '"image": "k"']
    members += ['"dhash_confidence" : 0.5', '"dhash_reasons":["flat","near-ties"]', '"dhash_reasons": [ ]', '"e":[{}]']
    members += ['"dhash_legacy":1', '"d\\u0068ash": "0123456789abcdef"', '"dhash_review":{"x":1}', f'"w":{" " * 300}1']
    texts = []
    for _unused in range(MUTATIONS // 8):
        chosen: Dict[str, str] = {}
        for each in dice.sample(members, dice.randint(0, 6)):
            name, _colon, value = each.partition(":")
            chosen.setdefault(json.loads(name.strip()), f"{dice.choice(space)}{name}:{value}{dice.choice(space)}")
        texts.append("{" + (",".join(chosen.values()) or dice.choice(space)) + "}")
    text = f'{{{dice.choice(space)}"components":[{dice.choice(space)}' + ",\n".join(texts) + "]}"
    migrated = Migrated(tmp_path, text.encode(), dice)
    assert migrated.accepts(migrated.text)
