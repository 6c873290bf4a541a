from __future__ import annotations

import json
import random

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library import remainder, window
from ansible_collections.mobius.dhash.plugins.module_utils.library.compare import unexpected_changes
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import OWNED, REVIEW


@pytest.fixture
def changes(tmp_path):
    def run(before: bytes, after: bytes, selectors=None, **options):
        (tmp_path / "before").write_bytes(before)
        (tmp_path / "after").write_bytes(after)
        return unexpected_changes(str(tmp_path / "before"), str(tmp_path / "after"), selectors, **options)

    return run


BEFORE = b"""{
  "name": "set",
  "components": [
    { "id": 1, "image": "a.png" },
    {
      "id": 2,
      "image": "b.png"
    },
    {"id":3 , "dhash": null, "image":"c.png" }
  ]
}
"""
AFTER = b"""{
  "name": "set",
  "components": [
    { "id": 1, "image": "a.png", "dhash": "0123456789abcdef", "dhash_confidence": 0.91 },
    {
      "id": 2,
      "image": "b.png",
      "dhash_confidence": 0,
      "dhash_reasons": ["missing"]
    },
    {"id":3 , "dhash_legacy": null, "image":"c.png", "dhash": "0123456789abcdef" , "dhash_confidence": 1 }
  ],
  "dhash_migration": {
    "algorithm": {"name": "dhash"}, "items": 3
  }
}
"""


def test_a_migration_is_no_change(changes):
    assert changes(BEFORE, AFTER) == []


def test_the_same_file_is_no_change(changes):
    assert changes(BEFORE, BEFORE) == []


def test_a_file_without_items_is_compared_whole(changes):
    assert changes(b'{"a": 1}', b'{"a": 1}') == []
    assert len(changes(b'{"a": 1}', b'{"a": 2}')) == 1


def test_a_second_migration_may_change_what_is_owned(changes):
    assert changes(AFTER, AFTER.replace(b"0.91", b"0.5").replace(b'"items": 3', b'"items": 4')) == []


def test_taking_the_members_out_again_is_no_change(changes):
    legacy_kept = AFTER.replace(b"dhash_legacy", b"dhash")
    assert changes(legacy_kept.replace(b', "dhash": "0123456789abcdef" ,', b" ,"), BEFORE) == []


@pytest.mark.parametrize(
    ("old", "new", "pointer", "line"),
    [
        (b'"id": 1', b'"id": 7', "/components/0", 4),
        (b'"id": 1', b'"id":1', "/components/0", 4),
        (b'"id": 1', b'"ID": 1', "/components/0", 4),
        (b"a.png", b"a.PNG", "/components/0", 4),
        (b'      "id": 2,', b'\t"id": 2,', "/components/1", 6),
        (b'"id":3 ,', b'"id": 3 ,', "/components/2", 11),
        (b', "image":"c.png"', b',"image":"c.png"', "/components/2", 11),
        (b'"c.png"', b'"d.png"', "/components/2", 11),
        (b'"name": "set"', b'"name": "get"', None, 2),
        (b'"name": "set"', b'"name": "set", "dhash": "0123456789abcdef"', None, 2),
        (b"  ],", b"   ],", None, 12),
        (b"\n}\n", b"\n}", None, 16),
        (b'"components": [', b'"components":  [', None, 3),
        (b'"id": 2,', b'"id": 2, "new": true,', "/components/1", 6),
        (b'"id": 2,', b'"id": 2, "meta": {"dhash": "0123456789abcdef"},', "/components/1", 6),
        (b'"id": 2,', b"", "/components/1", 6),
    ],
)
def test_anything_else_is_reported_with_its_place(changes, old, new, pointer, line):
    assert old in AFTER
    found = changes(BEFORE, AFTER.replace(old, new))
    assert (found[0]["pointer"], found[0]["line"]) == (pointer, line)
    assert len(found) == 1


def test_two_changes_in_different_items_are_distinguished(changes):
    found = changes(BEFORE, AFTER.replace(b"a.png", b"x.png").replace(b"c.png", b"y.png"))
    assert [change["pointer"] for change in found] == ["/components/0", "/components/2"]


def test_an_item_lost_or_added_or_exchanged(changes):
    first = b'{ "id": 1, "image": "a.png", "dhash": "0123456789abcdef", "dhash_confidence": 0.91 },\n    '
    assert first in AFTER
    assert changes(BEFORE, AFTER.replace(first, b""))
    assert changes(BEFORE, AFTER.replace(first, first + first))
    assert changes(b'{"components":[{"a":1},{"b":2}]}', b'{"components":[{"b":2},{"a":1}]}')


def test_a_lost_former_value_is_reported(changes):
    found = changes(BEFORE, AFTER.replace(b'"dhash_legacy": null', b'"dhash_legacy": 0'))
    assert [change["pointer"] for change in found] == ["/components/2"]
    assert "null" in found[0]["message"]
    before = b'{"components": [{"id": 1, "dhash": "hash_sushi-go_1"}]}'
    assert changes(before, b'{"components": [{"id": 1, "dhash": "0123456789abcdef"}]}')
    assert changes(before, b'{"components": [{"id": 1}]}')
    kept = b'{"components": [{"id": 1, "dhash": "0123456789abcdef", "dhash_legacy": "hash_sushi-go_1"}]}'
    assert changes(before, kept) == []
    assert changes(kept, b'{"components": [{"id": 1, "dhash": "0123456789abcdef"}]}')


def test_a_former_dhash_may_be_replaced(changes):
    before = b'{"components": [{"id": 1, "dhash": "0123456789abcdef"}]}'
    assert changes(before, before.replace(b"0123", b"ffff")) == []


@pytest.mark.parametrize(
    "after",
    [
        b'{"components": [{"id": 1, "dhash": "0123456789abcdef", "dhash": "0123456789abcdef"}]}',
        b'{"components": [{"id": 1 "dhash": "0123456789abcdef"}]}',
        b'{"components": [{"id": 1, "dhash": 0123456789abcdef}]}',
        b'{"components": [{"id": 1, "dhash_reasons": [1,]}]}',
        b'{"components": [{"id": 1, "dhash_reasons": {"a" 1}}]}',
        b'{"components": [{"id": 1, "dhash": "0123456789abcdef",}]}',
        b'{"components": [{"id": 1}',
        b'{"components": [{"id": 1, "dhash": "01',
        b'{"components": [{"id": 1}]} {}',
        b"",
    ],
)
def test_a_text_that_is_not_json_proves_nothing(changes, after):
    assert changes(b'{"components": [{"id": 1}]}', after)


def test_an_escaped_name_is_the_same_name(changes):
    before = b'{"components": [{"id": 1, "\\u0064hash": null}]}'
    assert changes(before, b'{"components": [{"id": 1, "dhash_legacy": null}]}') == []
    assert changes(before, b'{"components": [{"id": 1}]}')


def test_text_that_looks_like_a_member_is_kept(changes):
    before = rb'{"components": [{"id": "x, \"dhash\": 1", "b": ",\"dhash\":\"y\"", "c": "dhash"}]}'
    assert changes(before, before.replace(rb"\"dhash\": 1", rb"\"dhash\": 2"))
    assert changes(before, before.replace(rb"\"y\"", rb"\"z\""))
    assert changes(before, before.replace(b'"c": "dhash"', b'"c": "dhash", "dhash": "x"')) == []


def test_only_owned_members_leave_an_empty_object(changes):
    assert changes(b'{"components": [{ }]}', b'{"components": [{\n  "dhash_confidence": 0\n}]}') == []


@pytest.mark.parametrize("last", [b"2", b"{}", b'"' + b"x" * 200_000 + b'"'])
@pytest.mark.parametrize("reasons", [b"[]", b'[{"a": 1}]'])
def test_an_owned_member_that_stands_first_goes_with_its_own_white_space_alone(changes, reasons, last):
    before = b'{"components": [{ "dhash_reasons": %s , "dhash": null,\n\n"id": %s }]}' % (reasons, last)
    assert changes(before, b'{"components": [{ "dhash_legacy": null ,\n\n"id": %s }]}' % last) == []
    without = b'{"components": [{ "dhash_reasons": %s ,\n"id": %s }]}' % (reasons, last)
    assert changes(without, b'{"components": [{\n"id": %s }]}' % last) == []
    assert changes(without, b'{"components": [{"id": %s }]}' % last)
    assert changes(without, b'{"components": [{\n"id": %s}]}' % last)


def test_a_list_at_the_root_and_games_with_components(changes):
    assert changes(b'[{"id": 1}, "text"]', b'[{"id": 1, "dhash": "a"}, "text"]') == []
    before = b'{"games": [{"id": 1, "image": "g", "components": [{"image": "a"}]}]}'
    after = b'{"games": [{"id": 1, "image": "g", "components": [{"image": "a", "dhash": "x"}], "dhash": "y"}]}'
    assert changes(before, after) == []
    found = changes(before, after, ["games[].components[]"])
    assert len(found) == 1
    found = changes(before, after.replace(b'"a"', b'"b"'))
    assert [change["pointer"] for change in found] == ["/games/0/components/0"]


def test_what_stands_between_the_elements_of_a_root_list_is_compared(changes):
    before = b'[ {"id": 1} ,{"id": 2}, "text" ]'
    for after in (b'[ {"id": 1},{"id": 2}, "text" ]', b'[ {"id": 1} }{"id": 2}, "text" ]', before.replace(b" ]", b"]")):
        assert changes(before, after)


def test_an_object_that_only_holds_items_is_not_the_migrations(changes):
    before = b'{"games": [{"id": 1, "dhash": "x", "components": [{"image": "a"}]}]}'
    after = b'{"games": [{"id": 1, "dhash": "x", "components": [{"image": "a", "dhash": "y"}]}]}'
    assert changes(before, after) == []
    assert [change["pointer"] for change in changes(before, after.replace(b'"x"', b'"z"'))] == ["/games/0"]
    own = before.replace(b'"id": 1', b'"id": 1, "picture": "g"')
    assert changes(own, own.replace(b'"x"', b'"y", "dhash_legacy": "x"'), image_key="picture") == []


REVIEWED = b'{"components": [{"image": "a", "dhash": "0123456789abcdef", "dhash_review": {"decision": "keep"}}]}'


@pytest.mark.parametrize("review", [b', "dhash_review": {"decision": "drop", "at": [1, {"x": "}"}]}', b""])
def test_a_review_may_change_its_own_member_and_nothing_else(changes, review):
    after = REVIEWED.replace(b', "dhash_review": {"decision": "keep"}', review)
    assert changes(REVIEWED, after, owned=(REVIEW,), block=False) == []
    assert changes(REVIEWED, after, owned=OWNED) == []
    # To a migration it is like any other member.
    assert [each["pointer"] for each in changes(REVIEWED, after)] == ["/components/0"]
    for text in (after.replace(b"0123", b"ffff"), after.replace(b"]}", b'], "dhash_migration": {}}')):
        assert changes(REVIEWED, text, owned=(REVIEW,), block=False)


def test_messages_are_safe_to_print(changes):
    found = changes(b'{"a": "x"}', '{"a": "\x1b[31m\u202e"}'.encode())
    assert found[0]["message"].isprintable()


def owned_members(rng):
    pool = [
        b'"dhash": "%016x"' % rng.getrandbits(64),
        b'"dhash_confidence": 0.%d' % rng.randrange(1000),
        b'"dhash_reasons": ["flat", {"a": [1, "]"]}]',
    ]
    return rng.sample(pool, rng.randint(0, 3))


def random_value(rng, depth):
    if depth == 0 or rng.random() < 0.6:
        return rng.choice([1, -2.5e10, None, True, "dhash", ', "dhash": 1', 'é\n\\"', "z" * 50, {}, []])
    if rng.random() < 0.5:
        return [random_value(rng, depth - 1) for _unused in range(rng.randint(0, 3))]
    return {rng.choice("abcd") * n: random_value(rng, depth - 1) for n in range(1, rng.randint(1, 4))}


def random_item(rng):
    if rng.random() < 0.2:
        return random_value(rng, 2)
    return {f"k{n}": random_value(rng, 2) for n in range(rng.randint(1, 4))}


BLOCK = b', "dhash_migration": {"n": [{}]}'
ROOTS = [
    (b'{ "dhash": [1], "components": [', b"\n}\n", BLOCK),
    (b" [", b" \n", b""),
    (b'{"games": [{"image": 1, "components": [', b' } ] , "x": {"dhash": 1} }', b', "dhash": "%016x"' % 7),
    (b'{"a": 1, "games": [ {"components": [', b" }, {}]}", b""),
]


def random_pair(rng):
    """A library before and after, with the index of each byte of ``after`` that the migration did not add."""
    items = [random_item(rng) for _unused in range(rng.randint(0, 6))]
    indent = rng.choice([None, 2])
    texts = [json.dumps(item, indent=indent, ensure_ascii=rng.random() < 0.5).encode() for item in items]
    opening, closing, block = rng.choice(ROOTS)
    after, foreign = b"", []
    pieces = [(opening, True)]
    for n, (item, text) in enumerate(zip(items, texts)):
        pieces.append((b" , " if n else b" ", True))
        members = owned_members(rng) if isinstance(item, dict) and item else []
        body = text[:-1].rstrip()
        pieces.append((body, True))
        pieces += [(rng.choice([b",", b" ,\n  ", b", "]) + member, False) for member in members]
        pieces.append((text[len(body) :], True))
    pieces += [(b" ]", True), (block, False), (closing, True)]
    for text, kept in pieces:
        foreign += range(len(after), len(after) + len(text)) if kept else []
        after += text
    return b"".join(text for text, kept in pieces if kept), after, foreign


@pytest.mark.parametrize("block", [16, 1 << 20])
def test_added_members_are_accepted_and_any_other_byte_is_found(changes, monkeypatch, block):
    monkeypatch.setattr(window, "BLOCK", block)
    monkeypatch.setattr(window, "LOW", min(block, window.LOW))
    rng = random.Random(block)
    for _unused in range(300):
        before, after, foreign = random_pair(rng)
        assert changes(before, after) == []
        place = rng.choice(foreign)
        changed = bytearray(after)
        changed[place] = rng.choice([byte for byte in b' \n,:"{}[]ax0\\\xc3' if byte != after[place]])
        assert changes(before, bytes(changed)), (before, bytes(changed))
        assert changes(before, after[:place] + after[place + 1 :]), (before, after, place)


def test_text_of_many_pieces_without_items(changes):
    text = b'{"other": [' + b'"x", {"y": 1}, ' * 50_000 + b'0], "components": []}'
    assert changes(text, text) == []
    found = changes(text, text[:400_000].replace(b"x", b"x", 1) + text[400_000:].replace(b"1", b"2", 1))
    assert len(found) == 1
    assert len(text) > 10 * remainder.PIECE


def test_the_number_of_changes_reported_is_bounded(changes):
    items = b",".join(b'{"id": %d}' % n for n in range(500))
    assert len(changes(b'{"components":[%s]}' % items, b'{"components":[%s]}' % items.replace(b"id", b"ID"))) == 100
