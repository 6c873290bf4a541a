from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.review.decisions import first_of_each, item_key, parse
from ansible_collections.mobius.dhash.plugins.module_utils.review.queue import build
from ansible_collections.mobius.dhash.plugins.module_utils.review.table import as_csv, as_json
from ansible_collections.mobius.dhash.tests.support.places import ROOT

SCHEMA = json.loads((ROOT / "docs" / "review-decisions.schema.json").read_text())
HASH = "0f1e2d3c4b5a6978"
ROW = {"pointer": "/components/0", "dhash": HASH, "image": "a.png", "decision": "accept"}


def document(*rows, **members):
    return {"format": "mobius.dhash/review-decisions", "version": 1, "decisions": list(rows), **members}


def read(value):
    return parse(value if isinstance(value, bytes) else json.dumps(value).encode(), "file")


def test_a_file_of_the_page_is_read():
    full = {**ROW, "by": " Ann ", "at": "2026-01-02T03:04:05.678+02:00", "comment": "fine\x1b"}
    found = read(document(full, {**ROW, "dhash": None}, library={"sha256": "a" * 64}))
    assert found.sha256 == "a" * 64
    assert found.rows[0][1:] == (
        *("/components/0", "", HASH, "a.png", "accept", "Ann", "2026-01-02T01:04:05Z", "fine\\x1b"),
    )
    assert (found.rows[1].dhash, found.rows[1].by, found.rows[1].at) == (None, "", "")


WRONG = [
    [],
    {},
    document(version=2),
    document(version="1"),
    document(version=True),
    document(version=[1]),
    document({**ROW, "decision": ["accept"]}),
    document({**ROW, "decision": {}}),
    document(format="x"),
    {**document(), "decisions": {}},
    document("x"),
    document({**ROW, "decision": "Accept"}),
    document({**ROW, "decision": None}),
    document({**ROW, "dhash": "x"}),
    document({**ROW, "dhash": HASH.upper()}),
    document({name: ROW[name] for name in ROW if name != "dhash"}),
    document({**ROW, "pointer": 7}),
    document({**ROW, "image": ["a"]}),
    document({**ROW, "by": "x" * 101}),
    document({**ROW, "comment": "x" * 1001}),
    document({**ROW, "comment": None}),
    document(library={"sha256": "abc"}),
]


@pytest.mark.parametrize("value", WRONG)
def test_what_breaks_the_schema_is_refused_as_a_whole_and_by_jsonschema_too(value):
    jsonschema = pytest.importorskip("jsonschema")
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    with pytest.raises(MobiusError):
        read(value)


@pytest.mark.parametrize(
    "value", [document(), document(ROW), document({**ROW, "dhash": None, "image": None, "by": ""})]
)
def test_what_follows_the_schema_is_read(value):
    jsonschema = pytest.importorskip("jsonschema")
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(value)
    read(value)


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01T00:00:00Z", 7, None])
def test_an_invalid_time_is_refused(at):
    with pytest.raises(MobiusError, match="ISO 8601"):
        read(document({**ROW, "at": at}))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"",
        b"{",
        b'{"a": NaN}',
        b"[" * 100_000,
        b"[" * 400 + b"]" * 400,
        b"a,b\n1,2\n",
        b"pointer;decision\n/0;accept\n",
        b"\x00",
    ],
)
def test_a_file_that_is_not_of_decisions_is_refused(data):
    with pytest.raises(MobiusError):
        read(data)


def queue():
    items = [
        ("/0", {"image": "a.png", "dhash": HASH, "dhash_confidence": 0.1, "name": "=1+1"}),
        ("/1", {"image": "b.png", "dhash": "1234567890123456", "dhash_confidence": 0.2}),
        ("/2\n\ud800", {"image": None, "dhash_confidence": 0, "dhash_reasons": ["no-image"]}),
    ]
    return build(items, "image")


def spreadsheet(delimiter=",", bom=False):
    """The CSV export with a decision in each row, as a spreadsheet saves it: other quotes, a number made of a dHash."""
    lines = as_csv(queue()).decode().split("\r\n")
    rows = [lines[0], *(line.replace(",,,,k", ",Wrong picture,'=no,Ann,k") for line in lines[1:] if line)]
    text = "\n".join(rows).replace("1234567890123456", "1.23457E+15").replace(",", delimiter)
    return (b"\xef\xbb\xbf" if bom else b"") + text.encode()


@pytest.mark.parametrize(("delimiter", "bom"), [(",", False), (";", True), ("\t", True)])
def test_a_spreadsheet_can_be_read_however_it_was_saved(delimiter, bom):
    rows = read(spreadsheet(delimiter, bom)).rows
    keys = {item_key(entry.pointer, entry.dhash, entry.image) for entry in queue().entries}
    assert {row.key for row in rows} == keys
    assert {(row.decision, row.by, row.comment) for row in rows} == {("wrong_picture", "Ann", "=no")}


def test_rows_without_a_decision_are_passed_over():
    assert read(as_csv(queue())).rows == []
    assert read(as_json(queue(), 0.7)).rows == []


def test_the_json_export_can_be_read_back():
    exported = json.loads(as_json(queue(), 0.7, "b" * 64))
    exported["queue"][1].update(decision="accept", by="Ann")
    found = read(exported)
    assert found.sha256 == "b" * 64
    assert [(row.pointer, row.dhash, row.decision) for row in found.rows] == [("/0", HASH, "accept")]


def test_the_first_decision_on_an_item_counts():
    rows = read(document(ROW, {**ROW, "decision": "leave_out"}, {**ROW, "pointer": "/x"})).rows
    first, again = first_of_each(rows)
    assert [row.decision for row in first] == ["accept", "accept"] and [row.decision for row in again] == ["leave_out"]
