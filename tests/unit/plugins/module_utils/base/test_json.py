"""Whatever is wrong with a document is a ValueError."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.json import (
    MAX_DEPTH,
    MAX_WHOLE,
    is_number,
    is_texts,
    is_whole,
    load_json,
    load_object,
)

NOT_JSON = {
    "nothing": b"",
    "blanks": b" \n",
    "cut off": b'{"a": [1',
    "more than one": b"{} {}",
    "HTML": b"<html></html>",
    "not UTF-8": b'{"a": "\xff"}',
    "half a character of UTF-16": b'\xff\xfe{\x00"',
    "NUL": b"\0",
    "NUL in a string": b'"\0"',
    "an open list a hundred thousand times": b"[" * 100_000,
    "lists, deep": b"[" * 100_000 + b"]" * 100_000,
    "objects, deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deeper than a walk in Python goes": b"[" * 400 + b"]" * 400,
    "one level too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "one level too deep, mixed, behind others": b'{"a": [], "b": {}, "c":%s 1%s}'
    % (b'[{"d":' * (MAX_DEPTH // 2), b"}]" * (MAX_DEPTH // 2)),
    "deep, in UTF-16": ("[" * 300 + "]" * 300).encode("utf-16"),
    "deep, as text": "[" * 300 + "]" * 300,
    "a byte order mark, as text": "\ufeff{}",
}
JSON = {
    "the deepest": "[" * MAX_DEPTH + "]" * MAX_DEPTH,
    "wide, not deep": json.dumps([[{}]] * 1000),
    "brackets in strings": json.dumps("[{" * 1000),
    "UTF-16": '{"a": "ä"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'"\\ud800"',
    "too large for a float": b"1e999",
    "a large number": b"1" + b"0" * 400,
    "text": "[1]",
    "a bytearray": bytearray(b"[1]"),
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
def test_whatever_is_wrong_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError):
        load_json(data)


@pytest.mark.parametrize("data", JSON.values(), ids=JSON)
def test_everything_else_is_what_python_reads(data: Any) -> None:
    assert load_json(data) == load_json(data, strict=True) == json.loads(data)


def test_more_digits_than_python_reads_are_a_value_error_or_a_number() -> None:
    try:
        assert load_json("9" * 5000) > 0
    except ValueError as error:
        assert "digits" in str(error)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a": [NaN]}'])
def test_what_python_writes_and_json_does_not_have_is_refused_only_if_strict(text: str) -> None:
    load_json(text)
    with pytest.raises(ValueError, match="is not JSON"):
        load_json(text, strict=True)


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", "true", "{"])
def test_an_object_is_nothing_else(text: str) -> None:
    assert load_object('{"a": 1}') == {"a": 1}
    with pytest.raises(ValueError):
        load_object(text)


def test_a_document_that_is_accepted_can_be_walked() -> None:
    document = load_json(JSON["the deepest"])
    limit = sys.getrecursionlimit()
    # Two frames a level, as a walk with a comprehension needs, leave as much again for the caller.
    assert limit / 2 > 2 * MAX_DEPTH
    assert json.loads(json.dumps(document)) == document and repr(document)


@pytest.mark.parametrize(
    "value, number, whole",
    [
        *((0, True, True), (1, True, True), (-1, True, False), (1.5, True, False), (1.0, True, False)),
        *((MAX_WHOLE, True, True), (MAX_WHOLE + 1, True, False), (10**308, True, False), (10**309, False, False)),
        *((-(10**400), False, False), (math.inf, False, False), (-math.inf, False, False), (math.nan, False, False)),
        *((True, False, False), (False, False, False), ("1", False, False), (None, False, False), ([], False, False)),
    ],
)
def test_what_counts_as_a_number(value: Any, number: bool, whole: bool) -> None:
    assert (is_number(value), is_whole(value)) == (number, whole)


def test_a_whole_number_within_limits() -> None:
    assert [value for value in range(-3, 9) if is_whole(value, 1, 5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("value, are", [([], True), (["a"], True), (["a", 1], False), ("ab", False), (None, False)])
def test_a_list_of_texts(value: Any, are: bool) -> None:
    assert is_texts(value) is are
