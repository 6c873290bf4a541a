from __future__ import annotations

import json
import random

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.library import window
from ansible_collections.mobius.dhash.plugins.module_utils.library.validate import MAX_DEPTH, find_problems


@pytest.fixture
def check(tmp_path):
    def run(data: bytes, **options):
        (tmp_path / "x.json").write_bytes(data)
        return find_problems(str(tmp_path / "x.json"), **options)

    return run


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b" [ ] \r\n\t",
        b'{"a": {}, "b": [], "c": [[], {}, [1]]}',
        b"null",
        b'"text"',
        b"-0",
        b"[1.00, 1e400, -0.0e-7, 1E+2]",
        b"[" + b"9" * 10_000 + b"]",
        rb'["\u0000 \ud83c\udfb2 \/ \b\f\n\r\t \" \\"]',
        '["é", "\U0001f3b2", "\u2028", "\x7f"]'.encode(),
        b'{"": 1, " ": 2, "a": {"a": {"a": 1}}}',
        b'["' + b"x" * 3_000_000 + b'", "' + rb"\n" * 200_000 + b'"]',
        b'{"list": [' + b'{"id": 1, "tags": ["a", "b"]}, ' * 50_000 + b"{}]}",
    ],
)
def test_strict_json_has_no_problem(check, data):
    json.loads(data.replace(b"9" * 10_000, b"9"))
    assert check(data) == []


@pytest.mark.parametrize(
    ("data", "kind", "line", "column"),
    [
        (b'{"a": 1,\n "b": 2, "a": 3}', "duplicate-key", 2, 10),
        (b'[{"id": 1}, {"id": 2,\n  "id": 3}]', "duplicate-key", 2, 3),
        (b'{"a": [], "a": {}}', "duplicate-key", 1, 11),
        (rb'{"a": 1, "\u0061": 2}', "duplicate-key", 1, 10),
        (rb'[{"a": 1, "\u0061": 2}]', "duplicate-key", 1, 11),
        (b"[1, NaN]", "not-a-number", 1, 5),
        (b'{"a": Infinity}', "not-a-number", 1, 7),
        (b"-Infinity", "not-a-number", 1, 1),
        (b"{} x", "trailing-garbage", 1, 4),
        (b"{}\n{}", "trailing-garbage", 2, 1),
        (b"1 2", "trailing-garbage", 1, 3),
        (b"{}\x00", "trailing-garbage", 1, 3),
        (b"[1,\n]", "trailing-comma", 2, 1),
        (b"[1, 2, ]", "trailing-comma", 1, 8),
        (b'[{"a": 1, }]', "trailing-comma", 1, 11),
        (b'["a\tb"]', "control-character", 1, 4),
        (b'["a\nb"]', "control-character", 1, 4),
        (b'{"a\x00": 1}', "control-character", 1, 4),
        (rb'["\x"]', "escape", 1, 3),
        (rb'["\u12"]', "escape", 1, 3),
        (b"[01]", "number", 1, 2),
        (b"[+1]", "number", 1, 2),
        (b"[.5]", "number", 1, 2),
        (b"[1.]", "number", 1, 2),
        (b"[0x10]", "number", 1, 2),
        (b"[-]", "number", 1, 2),
        (b"[1 2]", "syntax", 1, 4),
        (b"{'a': 1}", "syntax", 1, 2),
        (b"{a: 1}", "syntax", 1, 2),
        (b'{"a" 1}', "syntax", 1, 6),
        (b'{"a": tru}', "syntax", 1, 7),
        (b"[1}", "syntax", 1, 3),
        (b"[,1]", "syntax", 1, 2),
        (b'{"a": }', "syntax", 1, 7),
        (b"// x\n{}", "syntax", 1, 1),
        (b'{"a": 1', "truncated", 1, 8),
        (b'{"a": "x', "truncated", 1, 9),
        (b'["\\', "truncated", 1, 4),
        (b"[1,\n", "truncated", 2, 1),
        (b"[" * 100_000, "truncated", 1, 100_001),
        (b"", "empty", 1, 1),
        (b" \n ", "empty", 2, 2),
        (b"\xef\xbb\xbf", "empty", 1, 1),
        ('{"ü": "€"} x'.encode(), "trailing-garbage", 1, 12),
        ('{"\U0001f3b2":\n "\U0001f3b2", a'.encode(), "syntax", 2, 7),
        (b'["a", "\xff"]', "encoding", 1, 8),
        (b'["\xc3\xa9",\n"\xc3"]', "encoding", 2, 2),
        (b'["\xed\xa0\x80"]', "encoding", 1, 3),
        (b'["\xc0\xaf"]', "encoding", 1, 3),
        ("[1]".encode("utf-16"), "encoding", 1, 1),
        ("[1]".encode("utf-16-le"), "encoding", 1, 1),
        ("[1]".encode("utf-16-be"), "encoding", 1, 1),
        ("[1]".encode("utf-32"), "encoding", 1, 1),
        ("[1]".encode("utf-32-le"), "encoding", 1, 1),
        ("[1]".encode("utf-32-be"), "encoding", 1, 1),
        (b"\x00" * 1000, "encoding", 1, 1),
    ],
)
def test_each_kind_of_problem_with_its_place(check, data, kind, line, column):
    found = [problem for problem in check(data) if problem["severity"] == "error"]
    assert [found[0][name] for name in ("kind", "line", "column")] == [kind, line, column]
    assert all(problem["message"].isprintable() for problem in found)


def test_reading_continues_where_the_rest_is_clear(check):
    found = check(b'{"a": NaN, "a": [1,], "b": "\x01",\n"c": 01, "d": "\\q", "\xff": 1}\n!')
    assert [problem["kind"] for problem in found] == [
        "not-a-number",
        "duplicate-key",
        "trailing-comma",
        "control-character",
        "number",
        "escape",
        "encoding",
        "trailing-garbage",
    ]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\xef\xbb\xbf{}", "byte-order-mark"), (rb'["\ud800"]', "lone-surrogate"), (b"[" * 501 + b"]" * 501, "deep")],
)
def test_what_some_readers_refuse_is_a_warning(check, data, kind):
    assert [(problem["kind"], problem["severity"]) for problem in check(data)] == [(kind, "warning")]


def test_a_byte_order_mark_takes_no_column(check):
    assert check(b"\xef\xbb\xbf{} x")[1]["column"] == 4


def test_nesting_has_a_limit_that_costs_no_recursion(check):
    assert check(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)[-1]["severity"] == "warning"
    assert check(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))[-1]["severity"] == "error"


def test_the_number_of_problems_is_bounded(check):
    assert len(check(b'["' + b'\xff", "' * 500 + b'"]')) == 100
    assert len(check(b"[" + b"NaN," * 500 + b"1]", limit=7)) == 7


def test_places_are_right_far_into_the_file(check):
    text = '["é",\n' + '"é", ' * 700_000 + "NaN]"
    found = check(text.encode())
    assert (found[0]["line"], found[0]["column"]) == (2, 5 * 700_000 + 1)


def test_text_of_the_file_is_shown_safely_and_short(check):
    found = check('{"\x1b[31m\u202e": 1, "\x1b[31m\u202e": 2}'.encode() + b"x" * 10_000)
    assert all(problem["message"].isprintable() and len(problem["message"]) < 200 for problem in found)


def reference(data: bytes) -> bool:
    """The standard library as a judge, made strict."""

    def pairs(members):
        if len({key for key, value in members}) != len(members):
            raise ValueError("duplicate key")
        return dict(members)

    def constant(name):
        raise ValueError(name)

    try:
        text = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
        json.loads(text.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant, parse_int=str)
    except ValueError:
        return False
    return True


def random_value(rng, depth):
    if depth == 0 or rng.random() < 0.5:
        return rng.choice([1, -0.5, 1e300, True, None, 'é"\\\n\U0001f600', "x" * 30, "\ud800", 10**30])
    if rng.random() < 0.5:
        return [random_value(rng, depth - 1) for _unused in range(rng.randint(0, 4))]
    return {
        rng.choice("abé\\") * rng.randint(0, 3): random_value(rng, depth - 1) for _unused in range(rng.randint(0, 4))
    }


PARTS = [*(bytes([byte]) for byte in b'"\\{}[],:0-e. \n\x00\xff'), b"NaN", b"\\u", rb"\ud83d", b'"a":1,', b"tru", b""]


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
def test_the_verdict_is_that_of_the_standard_library_made_strict(check, monkeypatch, block):
    monkeypatch.setattr(window, "BLOCK", block)
    monkeypatch.setattr(window, "LOW", min(2 * block, window.LOW))
    rng, refused = random.Random(block), 0
    for _unused in range(2_000):
        value, indent = random_value(rng, 4), rng.choice([None, 1])
        data = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=indent).encode("utf-8", "surrogatepass")
        for _unused in range(rng.randint(0, 2)):
            begin = rng.randint(0, len(data))
            data = data[:begin] + rng.choice(PARTS) + data[begin + rng.choice([0, 0, 1, 2]) :]
        valid = not [problem for problem in check(data) if problem["severity"] == "error"]
        assert valid == reference(data), data
        refused += not valid
    assert 200 < refused < 1_800
