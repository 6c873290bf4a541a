from __future__ import annotations

import csv
import io
import json

from ansible_collections.mobius.dhash.plugins.module_utils.review.queue import build
from ansible_collections.mobius.dhash.plugins.module_utils.review.table import COLUMNS, as_csv, as_json

HASH = "00183c7e7e3c1800"


def item(**members):
    return {"id": "x", "image": "a.png", **members}


def test_the_least_confident_come_first_and_ties_keep_their_order():
    rows = [("/0", 0.69), ("/1", 0.7), ("/2", 0), ("/3", 0.5), ("/4", 0), ("/5", 1)]
    queue = build(((pointer, item(dhash_confidence=value)) for pointer, value in rows), "image")
    assert [entry.pointer for entry in queue.entries] == ["/2", "/4", "/3", "/0"]
    assert (queue.items, queue.unmigrated) == (6, 0)


def test_what_was_not_measured_is_not_judged():
    odd = [None, "0.1", True, float("nan"), float("inf"), 10**400, -0.1, 1.1, [], {}]
    queue = build([("/0", item()), *(("/1", item(dhash_confidence=value)) for value in odd)], "image")
    assert (queue.entries, queue.items, queue.unmigrated) == ([], 11, 11)


def test_odd_members_do_not_break_an_entry():
    members = {"name": ["x"], "title": 7, "picture": {"a": 1}, "dhash": "placeholder", "dhash_confidence": 0}
    (entry,) = build([("/0", {"id": True, "dhash_reasons": "flat", **members})], "picture").entries
    assert (entry.name, entry.id, entry.image, entry.dhash, entry.reasons) == ("7", "", None, None, ())
    (entry,) = build([("/0", item(dhash_confidence=0, dhash_reasons=[1, None, "x" * 999] * 99))], "image").entries
    assert len(entry.reasons) == 10 and max(map(len, entry.reasons)) == 60


def test_an_empty_library():
    queue = build([], "image")
    assert (queue.entries, queue.items) == ([], 0)


def hostile():
    return build(
        [
            ("/0", item(name='=HYPERLINK("x")', dhash_confidence=0.5, dhash=HASH, dhash_reasons=["flat", "+odd"])),
            ("/1", item(name="\t=1", image="@sum", dhash_confidence=0)),
            ("/2", item(name="-1\r\n+1", image='a,"b"\n\x1b[31m\u202e\ud800.png', dhash_confidence=0)),
            ("/3", item(name="x" * 10_240, image="http://me:secret@host/", dhash_confidence=0)),
        ],
        "image",
    )


def test_csv_has_no_formula_no_control_and_can_be_read_back():
    data = as_csv(hostile())
    text = data.decode("utf-8")
    assert text.count("\r\n") == 5 and text.replace("\r\n", "").isprintable()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(COLUMNS) and {len(row) for row in rows} == {len(COLUMNS)}
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    by_pointer = {row[0]: row for row in rows[1:]}
    assert by_pointer["/0"][2] == '\'=HYPERLINK("x")'
    assert by_pointer["/0"][4:7] == [HASH, "0.500", "flat +odd"]
    assert by_pointer["/1"][2:4] == ["'\\t=1", "'@sum"]
    assert by_pointer["/2"][3] == 'a,"b"\\n\\x1b[31m\\u202e\\ud800.png'
    assert len(by_pointer["/3"][2]) == 10_240
    assert "secret" not in text


def test_json_is_ascii_and_stable_and_has_the_texts_as_they_are():
    data = as_json(hostile(), 0.7)
    assert data == as_json(hostile(), 0.7) and data.isascii()
    document = json.loads(data)
    assert [entry["pointer"] for entry in document["queue"]] == ["/1", "/2", "/3", "/0"]
    assert document["queue"][1]["image"] == 'a,"b"\n\x1b[31m\u202e\ud800.png'
    assert document["queue"][3]["reasons_in_words"] == ["Flat picture", "+odd"]
    assert (document["items"], document["unmigrated"], document["threshold"]) == (4, 0, 0.7)
