"""JSON documents in the manner of the public conformance suites, each made for this test."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple


class Refused(NamedTuple):
    document: bytes
    line: int
    column: int


def _library(value: bytes) -> bytes:
    """A value beside the items and inside one, before its image."""
    return b'{"before": ' + value + b', "components": [{"odd": ' + value + b', "image": "images/0.png"}]}'


_VALUES: Dict[str, bytes] = {
    # Numbers: as they are spelled, not as a computer would write them.
    "zero": b"0",
    "minus zero": b"-0",
    "minus zero point": b"-0.0",
    "price": b"1.00",
    "small": b"0.00000000000000000000000000000000000000000000000001",
    "exponent": b"1E+2",
    "exponent zeros": b"1e-007",
    "too large for a double": b"1e400",
    "too small for a double": b"-1e-400",
    "huge exponent": b"0e99999999999999999999",
    "more than 64 bits": b"18446744073709551616",
    "4,000 digits": b"7" * 4000,
    "5,000 digits, more than Python converts": b"7" * 5000,
    "many decimals": b"0." + b"123456789" * 50,
    # Strings.
    "empty": b'""',
    "every escape": rb'"\" \\ \/ \b \f \n \r \t \u0041 \u00e9 \u2028"',
    "escaped NUL": rb'"\u0000"',
    "escaped controls": rb'"\u0001\u001b[31m\u007f"',
    "pair": rb'"\ud83c\udfb2"',
    "pair in capitals": rb'"\uD83C\uDFB2"',
    "lone high": rb'"\ud800"',
    "lone low": rb'"\udc00"',
    "two highs": rb'"\ud800\ud800"',
    "pair the wrong way round": rb'"\udfb2\ud83c"',
    "high before an escape": rb'"\ud83c\n"',
    "DEL as it is": b'"\x7f"',
    "two, three and four bytes": '"é € 𝄞"'.encode(),
    "the last character": '"\U0010ffff"'.encode(),
    "noncharacters": '"\ufffe\uffff\ufdd0"'.encode(),
    "line separators": '"\u2028\u2029"'.encode(),
    "byte order mark inside": '"\ufeff"'.encode(),
    "right to left": '"\u202egnp.\u2069"'.encode(),
    "composed and not": '["\u00e9", "e\u0301"]'.encode(),
    "slashes": b'"//* */ # x"',
    "brackets": rb'"]}{[\"],:\\"',
    "a megabyte": b'"' + b"x" * 1_000_000 + b'"',
    "a megabyte of escapes": b'"' + rb"\u00e9" * 170_000 + b'"',
    "a megabyte of two bytes": b'"' + "é".encode() * 500_000 + b'"',
    # Structure.
    "literals": b"[null, true, false]",
    "empty ones": b"[[], {}, [[]], [{}], {}]",
    "white space everywhere": b' [ \t1 \r\n, { \n "a"\t: [ ] } \r ] ',
    "no white space": b'{"a":[1,{"b":null}],"c":{}}',
    "a key of nothing": b'{"": 0}',
    "a key twice on two levels": b'{"a": {"a": {"a": 1}}}',
    "keys alike but for their case": b'{"a": 1, "A": 2}',
    "keys alike but for their form": '{"\u00e9": 1, "e\u0301": 2}'.encode(),
    "a key with quotes": rb'{"\"": 1, "\\": 2, "\\\"": 3}',
    "a key of a lone surrogate": rb'{"\ud800": 1, "\udc00": 2}',
    "a key of a prototype": b'{"__proto__": {"image": "x"}, "constructor": 1}',
    "a long key": b'{"' + b"k" * 100_000 + b'": 1}',
    "many keys": b"{" + b", ".join(b'"%d": %d' % (n, n) for n in range(5000)) + b"}",
    "deep lists": b"[" * 450 + b"]" * 450,
    "deep objects": b'{"a":' * 450 + b"1" + b"}" * 450,
    "deeper than most readers go": b"[" * 5_000 + b"]" * 5_000,
    "wide": b"[" + b"0, " * 50_000 + b"0]",
    "owned names where they are not owned": b'{"x": {"dhash": 1}, "y": "\\"dhash\\": 2"}',
}

_DOCUMENTS: Dict[str, bytes] = {
    "a root list": b'[{"image": "images/0.png"}, 1, null, "x"]',
    "a byte order mark": b'\xef\xbb\xbf{"components": [{"image": "images/0.png"}]}',
    "CRLF and a tail of spaces": b'{\r\n\t"components": [\r\n\t\t{ "image" : "images/0.png" }\r\n\t]\r\n}\r\n \t\r\n',
    "the image last": b'{"components":[{"a":1.00,"image":"images/0.png"}],"z":1e400}',
    "an escaped key": rb'{"c\u006fmponents": [{"im\u0061ge": "images/0.png"}]}',
    "an escaped path": rb'{"components": [{"image": "im\u0061ges\/0.png"}]}',
    "keys of the world": '{"名前": "箱", "components": [{"ключ": "\U0001f3b2", "image": "images/0.png"}]}'.encode(),
}

VALID: Dict[str, bytes] = {**{name: _library(value) for name, value in _VALUES.items()}, **_DOCUMENTS}

_HEAD = b'{"components": [{"image": "images/0.png"}],\n "x": '


def _wrong(value: bytes, column: int = 7, line: int = 2) -> Refused:
    """A wrong value in the second line, from column 7 on; ``column`` is where the mistake is."""
    return Refused(_HEAD + value + b"}", line, column)


_BAD_VALUES: Dict[str, Tuple[bytes, int]] = {
    "a leading zero": (b"01", 7),
    "minus a leading zero": (b"-01", 7),
    "a plus": (b"+1", 7),
    "a point first": (b".5", 7),
    "a point last": (b"1.", 7),
    "a point and an exponent": (b"1.e2", 7),
    "an exponent of nothing": (b"1e", 7),
    "an exponent of a sign": (b"1e+", 7),
    "two exponents": (b"1e2e3", 7),
    "two signs": (b"--1", 7),
    "a minus alone": (b"-", 7),
    "hexadecimal": (b"0x1F", 7),
    "underscores": (b"1_000", 7),
    "fullwidth digits": ("\uff11".encode(), 7),
    "NaN": (b"NaN", 7),
    "Infinity": (b"Infinity", 7),
    "minus Infinity": (b"-Infinity", 7),
    "True": (b"True", 7),
    "nul": (b"nul", 7),
    "nulls": (b"nulls", 7),
    "undefined": (b"undefined", 7),
    "single quotes": (b"'a'", 7),
    "no quotes": (b"a", 7),
    "a tab in a string": (b'"a\tb"', 9),
    "a line in a string": (b'"a\nb"', 9),
    "a NUL in a string": (b'"\x00"', 8),
    "an escape of x": (rb'"\x41"', 8),
    "an escape of a quote": (rb'"\'"', 8),
    "an escape of a line": (b'"\\\n"', 8),
    "half an escape": (rb'"\u00g0"', 8),
    "three digits": (rb'"\u123"', 8),
    "a brace for an escape": (rb'"\u{1F3B2}"', 8),
    "a comma last in a list": (b"[1,]", 10),
    "a comma first in a list": (b"[,1]", 8),
    "two commas in a list": (b"[1,,2]", 10),
    "only a comma": (b"[,]", 8),
    "no comma": (b"[1 2]", 10),
    "a colon in a list": (b'["a": 1]', 11),
    "a comma last in an object": (b'{"a": 1,}', 15),
    "two commas in an object": (b'{"a": 1,, "b": 2}', 15),
    "no colon": (b'{"a" 1}', 12),
    "two colons": (b'{"a":: 1}', 12),
    "no value": (b'{"a"}', 11),
    "a number as a key": (b"{1: 2}", 8),
    "a word as a key": (b"{a: 2}", 8),
    "a list as a key": (b"{[]: 2}", 8),
    "a key twice": (b'{"a": 1, "a": 1}', 16),
    "a key twice, once escaped": (rb'{"a": 1, "\u0061": 1}', 16),
    "the wrong end": (b"[1}", 9),
    "a comment": (b"1 /* one */", 9),
    "a comment of a line": (b"1 // one", 9),
    "a form feed": (b"\x0c1", 7),
    "a no-break space": ("\u00a01".encode(), 7),
    "bytes that are no UTF-8": (b'"\xff"', 8),
    "Latin-1": ('"é"'.encode("latin-1"), 8),
    "an overlong slash": (b'"\xc0\xaf"', 8),
    "an overlong NUL": (b'"\xe0\x80\x80"', 8),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', 8),
    "past the last character": (b'"\xf4\x90\x80\x80"', 8),
    "a character cut off": (b'"\xe2\x82"', 8),
    "deeper than the limit": (b"[" * 200_001 + b"]" * 200_001, 7 + 199_999),
}

_BAD_DOCUMENTS: Dict[str, Refused] = {
    "nothing": Refused(b"", 1, 1),
    "only space": Refused(b" \n\t", 2, 2),
    "only a mark": Refused(b"\xef\xbb\xbf", 1, 1),
    "two marks": Refused(b'\xef\xbb\xbf\xef\xbb\xbf{"components": []}', 1, 1),
    "two values": Refused(b'[{"image": "images/0.png"}]\n[]', 2, 1),
    "text after the end": Refused(b'[{"image": "images/0.png"}] x', 1, 29),
    "a NUL after the end": Refused(b'[{"image": "images/0.png"}]\x00', 1, 28),
    "one brace too many": Refused(b'{"components": [{"image": "images/0.png"}]}}', 1, 44),
    "cut off in a list": Refused(b'[{"image": "images/0.png"},', 1, 28),
    "cut off in an object": Refused(b'[{"image": "images/0.png"', 1, 26),
    "cut off in a string": Refused(b'[{"image": "images/0', 1, 21),
    "cut off in an escape": Refused(b'["\\', 1, 4),
    "lines of JSON": Refused(b'{"image": "images/0.png"}\n{"image": "images/0.png"}\n', 2, 1),
    "a script": Refused(b'var library = [{"image": "images/0.png"}];', 1, 1),
    "YAML": Refused(b"components:\n  - image: images/0.png\n", 1, 1),
    "the items twice": Refused(
        b'{"components": [{"image": "images/0.png"}],\n "components": [{"image": "images/0.png"}]}', 2, 2
    ),
    "an image twice": Refused(b'[{"image": "images/0.png", "image": "images/0.png"}]', 1, 28),
    "zero bytes": Refused(b"\x00" * 4096, 1, 1),
    **{
        encoding: Refused('[{"image": "images/0.png"}]'.encode(encoding), 1, 1)
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
    },
}

INVALID: Dict[str, Refused] = {
    **{name: _wrong(value, column) for name, (value, column) in _BAD_VALUES.items()},
    **_BAD_DOCUMENTS,
}

# Strict JSON, and yet no library: nothing in it could get a dHash.
NO_LIBRARY: List[bytes] = [
    b"null",
    b"true",
    b"7",
    b"1e400",
    b'"text"',
    b"[]",
    b"{}",
    b'{"components": {}}',
    b"[[]]",
    b"[1]",
]
