"""Only the migration's members change: with them removed again, every text has its original bytes."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library.compare import unexpected_changes
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
from ansible_collections.mobius.dhash.plugins.module_utils.library.edit import (
    Verdict,
    block_splices,
    item_splices,
    matches,
    text_splices,
    write_spliced,
)
from ansible_collections.mobius.dhash.plugins.module_utils.library.fields import BLOCK, OWNED
from hypothesis import given, settings
from hypothesis import strategies as st

# More of them by make properties.
EXAMPLES = int(os.environ.get("EXAMPLES", "150"))
HASHED = Verdict("0123456789abcdef", 0.953, ())
LOST = Verdict(None, 0.0, ("missing",))


def edited(content: bytes, verdict, block=None, selectors=None) -> bytes:
    """The document with every item with ``verdict`` (or ``verdict(item)``)."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with open_document(file.name) as document:
            splices = []
            for item in document.items(selectors):
                wanted = verdict(item) if callable(verdict) else verdict
                found = item_splices(item.value, item.layout, wanted)
                # Both ways to the edits of an item give the same ones.
                assert not item.text or text_splices(item.text.encode(), item.start, wanted) == found
                splices += found
            splices.sort()
            if block is not None:
                splices = sorted(splices + block_splices(document.root, block))
            stream = io.BytesIO()
            write_spliced(document.descriptor, splices, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'[{"image": "a"}]', b'[{"image": "a", "dhash": "0123456789abcdef", "dhash_confidence": 0.953}]'),
        (b'[{"image":"a"}]', b'[{"image":"a","dhash":"0123456789abcdef","dhash_confidence":0.953}]'),
        (b'[{"a":1,"b":2}]', b'[{"a":1,"b":2,"dhash":"0123456789abcdef","dhash_confidence":0.953}]'),
        (b'[{ "a" : 1 }]', b'[{ "a" : 1, "dhash" : "0123456789abcdef", "dhash_confidence" : 0.953 }]'),
        (
            b'[\r\n\t{\r\n\t\t"a": 1,\r\n\t\t"b": 2\r\n\t}\r\n]\r\n',
            b'[\r\n\t{\r\n\t\t"a": 1,\r\n\t\t"b": 2,\r\n\t\t"dhash": "0123456789abcdef",'
            b'\r\n\t\t"dhash_confidence": 0.953\r\n\t}\r\n]\r\n',
        ),
        (
            b'[\n  {\n    "a": 1\n  }\n]',
            b'[\n  {\n    "a": 1,\n    "dhash": "0123456789abcdef",\n    "dhash_confidence": 0.953\n  }\n]',
        ),
        (
            b'[{ "a": 1\n , "b": "\xc3\xbc" }]',
            b'[{ "a": 1\n , "b": "\xc3\xbc"\n , "dhash": "0123456789abcdef"\n , "dhash_confidence": 0.953 }]',
        ),
        (b"[{}]", b'[{"dhash": "0123456789abcdef", "dhash_confidence": 0.953}]'),
        (b"[{\n}]", b'[{\n  "dhash": "0123456789abcdef",\n  "dhash_confidence": 0.953\n}]'),
        (
            b'[{"dhash": "fedcba9876543210", "a": 1}]',
            b'[{"dhash": "0123456789abcdef", "a": 1, "dhash_confidence": 0.953}]',
        ),
        (
            b'[{"dhash": null, "a": 1}]',
            b'[{"dhash": "0123456789abcdef", "dhash_legacy": null, "a": 1, "dhash_confidence": 0.953}]',
        ),
        (
            b'[{"a":1,"dh\\u0061sh":1e400,"b":2}]',
            b'[{"a":1,"dhash":"0123456789abcdef","dhash_legacy":1e400,"b":2,"dhash_confidence":0.953}]',
        ),
        (
            b'[{"dhash": "made_up", "dhash_legacy": 1, "dhash_confidence": "high", "dhash_reasons": ["flat"], "z": 0}]',
            b'[{"dhash": "0123456789abcdef", "dhash_legacy": 1, "dhash_confidence": 0.953, "z": 0}]',
        ),
        (
            b'[{"dhash_reasons": ["flat"], "dhash": "0123456789abcdef", "dhash_confidence": 0.953}]',
            b'[{ "dhash": "0123456789abcdef", "dhash_confidence": 0.953}]',
        ),
        (b'[{"dhash_reasons": ["flat"]}]', b'[{"dhash": "0123456789abcdef", "dhash_confidence": 0.953}]'),
    ],
)
def test_a_hash_is_written_in_the_style_of_the_item(before, after):
    assert edited(before, HASHED) == after
    assert edited(after, HASHED) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'[{"a": 1}]', b'[{"a": 1, "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}]'),
        (
            b'[{"dhash": [1], "a": 1}]',
            b'[{"dhash_legacy": [1], "a": 1, "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}]',
        ),
        (
            b'[{"dhash": "0123456789abcdef", "dhash_confidence": 1, "a": 1}]',
            b'[{"dhash_legacy": "0123456789abcdef", "dhash_confidence": 0.0, "a": 1, "dhash_reasons": ["missing"]}]',
        ),
        (
            b'[{"dhash_legacy": 0, "a": 1 , "dhash": null}]',
            b'[{"dhash_legacy": 0, "a": 1, "dhash_confidence": 0.0, "dhash_reasons": ["missing"]}]',
        ),
        (
            b'[{ "dhash": null,"dhash_legacy": 0 }]',
            b'[{"dhash_legacy": 0,"dhash_confidence": 0.0,"dhash_reasons": ["missing"] }]',
        ),
    ],
)
def test_an_item_without_picture_gets_a_reason(before, after):
    assert edited(before, LOST) == after
    assert edited(after, LOST) == after


def test_the_block_takes_the_style_of_the_root():
    block = {"tool": "x", "counts": {"items": 1}}
    assert edited(b'{\n\t"components": [{}]\n}\n', lambda item: HASHED, block).endswith(
        b',\n\t"dhash_migration": {\n\t\t"tool": "x",\n\t\t"counts": {\n\t\t\t"items": 1\n\t\t}\n\t}\n}\n'
    )
    minified = edited(b'{"components":[{}]}', HASHED, block)
    assert minified.endswith(b'],"dhash_migration":{"tool":"x","counts":{"items":1}}}')
    assert edited(minified, HASHED, {"tool": "y"}).endswith(b'],"dhash_migration":{"tool":"y"}}')
    first = b'{"dhash_migration": {}, "components": [{"image": "a"}]}'
    assert edited(first, HASHED, {"n": 1}).startswith(b'{"dhash_migration": {"n": 1}, "components": [{"image": "a", ')


def test_a_game_is_edited_before_and_after_its_components():
    before = b'{"games": [{"dhash": null, "components": [{"image": "a"}, {"image": "b"}], "image": "c"}]}'
    after = json.loads(edited(before, HASHED))
    game = after["games"][0]
    assert [each["dhash"] for each in (*game["components"], game)] == [HASHED.dhash] * 3
    assert list(game) == ["dhash", "dhash_legacy", "components", "image", "dhash_confidence"]


# Documents in any style: white space is drawn for every place where JSON allows it.
SPACE = st.sampled_from(["", " ", "  ", "\n", "\r\n\t", "\n    ", " \n "])
SCALAR = st.sampled_from(
    [
        "1",
        "-0.0",
        "1.00",
        "1e400",
        "12345678901234567890123",
        '""',
        '"ü\U0001f3b2"',
        '"\\ud800"',
        '"\\"}]"',
        "null",
        "true",
    ]
)
NAMES = st.sampled_from(["id", "name", "image", "ä", "dhash\\n", "x y", "a/b", "\\u0062"])
OWNED_TEXT = st.sampled_from(
    [
        ("dhash", "null"),
        ("dhash", '"hash_x_1"'),
        ("dhash", '"0123456789abcdef"'),
        ("dh\\u0061sh", "1e400"),
        ("dhash_confidence", "0.5"),
        ("dhash_confidence", '"x"'),
        ("dhash_reasons", '["flat"]'),
        ("dhash_legacy", '"old"'),
    ]
)


@st.composite
def objects(draw, extra=(), owned=True):
    members = {draw(NAMES): draw(SCALAR) for _unused in range(draw(st.integers(0, 3)))}
    texts = [(f'"{name}"', value) for name, value in members.items()]
    if owned:
        chosen = {json.loads(f'"{name}"'): (name, value) for name, value in draw(st.lists(OWNED_TEXT, max_size=4))}
        texts += [(f'"{name}"', value) for name, value in chosen.values()]
    texts += list(extra)
    texts = draw(st.permutations(texts))
    inner = ",".join(
        f"{draw(SPACE)}{name}{draw(SPACE)}:{draw(SPACE)}{value}{draw(SPACE)}" for name, value in texts
    ) or draw(SPACE)
    return "{" + inner + "}"


@st.composite
def lists(draw, element):
    values = [draw(st.one_of(element, SCALAR)) for _unused in range(draw(st.integers(0, 3)))]
    return "[" + (",".join(f"{draw(SPACE)}{value}{draw(SPACE)}" for value in values) or draw(SPACE)) + "]"


@st.composite
def documents(draw, owned=True):
    item = objects(owned=owned)
    components = draw(lists(item))
    game = objects(extra=[('"components"', draw(lists(item)))], owned=owned)
    if draw(st.booleans()):
        text = "[" + ",".join([draw(item), *(draw(item) for _unused in range(draw(st.integers(0, 2))))]) + "]"
    else:
        extra = [('"components"', components), ('"games"', draw(lists(game))), ('"images"', "[" + draw(item) + "]")]
        text = draw(objects(extra=extra, owned=False))
    return (draw(st.sampled_from(["", "\ufeff"])) + draw(SPACE) + text + draw(SPACE)).encode()


VERDICTS = st.sampled_from(
    [HASHED, LOST, Verdict("ffffffffffffffff", 0.1, ("flat", "tiny")), Verdict("0123456789abcdef", 0.5, ())]
)


def some_verdicts(data):
    drawn = {}
    return lambda item: drawn.setdefault(item.pointer, data.draw(VERDICTS))


@settings(max_examples=EXAMPLES)
@given(documents(), st.data())
def test_nothing_else_changes_and_twice_is_once(content, data):
    verdict = some_verdicts(data)
    once = edited(content, verdict)
    assert edited(once, verdict) == once
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("before", content), ("after", once)):
            Path(folder, name).write_bytes(text)
        assert unexpected_changes(f"{folder}/before", f"{folder}/after") == []
        with open_document(f"{folder}/after") as document:
            for item in document.items():
                assert matches(item.value, verdict(item))


@settings(max_examples=EXAMPLES)
@given(documents(owned=False), st.data())
def test_taking_the_members_out_again_gives_the_original_bytes(content, data):
    verdict = some_verdicts(data)
    block = {"tool": "x", "counts": {"items": 1}}
    whole = not content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")
    assert taken_out(edited(content, verdict, block if whole else None)) == content


def taken_out(content: bytes) -> bytes:
    """Cut each owned member with the comma, or the brace's text, before it; written only with what JSON allows."""
    text = content.decode()
    spans: list = []
    _value(text, 0, spans)
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return text.encode()


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n\ufeff":
        at += 1
    return at


def _value(text: str, at: int, spans: list) -> int:
    at = _past(text, at)
    if text[at] not in "[{":
        return json.JSONDecoder().raw_decode(text, at)[1]
    whole, before, at = text[at] == "{", at + 1, _past(text, at + 1)
    while text[at] not in "]}":
        name = ""
        if whole:
            name, at = json.JSONDecoder().raw_decode(text, at)
            at = _past(text, at) + 1
        end = _value(text, at, spans)
        if name in (*OWNED, BLOCK):
            spans.append((before, end))
        before, at = end, _past(text, end)
        at = _past(text, at + 1) if text[at] == "," else at
    return at + 1
