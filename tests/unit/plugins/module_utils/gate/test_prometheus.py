"""The grammar of the text formats, beside prometheus_client's parsers."""

from __future__ import annotations

import math

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.gate import prometheus
from ansible_collections.mobius.dhash.plugins.module_utils.gate.metrics import read_metrics
from ansible_collections.mobius.dhash.plugins.module_utils.gate.prometheus import (
    by_grammar,
    by_library,
    parse,
    worst_of,
)
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("prometheus_client")

OURS = """mobius_dhash_avg_hash_time_seconds 0.001
mobius_dhash_p95_hash_time_seconds 0.002
mobius_dhash_extraction_failures_ratio 0
mobius_dhash_low_confidence_queue_length 4
"""
# Lines of other exporters that stand above ours.
FOREIGN = {
    "U+2028 in a label": 'a{t="Catan\u2028Seafarers"} 1',
    "U+0085 in a label": 'a{t="a\x85b"} 1',
    "every other separator": 'a{t="a\x0b\x0c\x1c\x1d\x1e\u2029b"} 1',
    "escapes": r'a{t="a\\ \" \n",u="\\"} 1',
    "braces and commas": 'a{t="}{,=# "} 1',
    "quoted name": '{"http.server.duration",route="/x"} 1',
    "quoted name alone": '{"http.server.duration"} 1',
    "quoted name in the middle": '{route="/x","http.server.duration"} 1',
    "quoted label": 'a{"label with blanks"="1"} 1',
    "quoted name of braces": '{"a}b{c",x="1"} 1',
    "blanks everywhere": ' \t a { t = "b" , u = "c" , } 5 \t',
    "tabs": "a\t5\t1520879607789",
    "no blank behind the brace": 'a{b="c"}5',
    "no labels in braces": "a{} 5",
    "timestamp": "a 5 1520879607789",
    "timestamp with a fraction": "a 5 1520879607.789",
    "negative timestamp": "a 5 -1",
    "exemplar": 'a_bucket{le="1"} 5 # {trace_id="}"} 0.67 1520879607.789',
    "infinity": "a +Inf\nb -Inf\nc inf\nd Infinity",
    "not a number": "a NaN\nb nan\nc -NaN",
    "numbers": "a 1e5\nb +1.5E-3\nc .5\nd 5.\ne -0",
    "a huge number": "a 1e400",
    "carriage returns": "a 1\r\nb 2\r",
    "comments": "#\n# \n# HELP a Text with \\\\ and \\n\n# TYPE a gauge\na 1\n## more\n\t# indented\n# a: b",
    "blank lines": "\n\n \t\na 1\n\n",
    "counter without suffix": "# TYPE a counter\na 5",
    "counter and its creation": "# TYPE a counter\na_total 5\na_created 1520872607.123",
    "summary": '# TYPE a summary\na{quantile="0.5"} NaN\na_sum 0\na_count 0',
    "histogram": '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1',
    "unit and info": '# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# TYPE b info\nb_info{v="1"} 1',
    "colons": "node:cpu:rate5m 1",
    "a long line": 'a{t="' + "x" * 100_000 + '"} 1',
}


def worst(parsed):
    """As prometheus_client names counters: without the suffix both agree."""
    named = {}
    for name, value in parsed.items():
        bare = name[: -len("_total")] if name.endswith("_total") else name
        named[bare] = "nan" if math.isnan(value) else value
    return named


@pytest.mark.parametrize("line", FOREIGN.values(), ids=list(FOREIGN))
@pytest.mark.parametrize("library", [True, False], ids=["library", "grammar"])
def test_our_metrics_are_read_below_any_line(line, library, monkeypatch):
    if not library:
        monkeypatch.setattr(prometheus, "by_library", lambda text, openmetrics: None)
    for text in (f"{line}\n{OURS}", f"{OURS}{line}\n# EOF\n", f"\ufeff{line}\n{OURS}".replace("\n", "\r\n")):
        reading = read_metrics(text, openmetrics="# EOF" in text)
        assert reading.bad == reading.missing == ()
        assert reading.values["p95_hash_time"] == 2.0


# Where the library is stricter than its own format, or reads less of it.
_NOT_IN_THE_LIBRARY = {"not a number"}


@pytest.mark.parametrize("name", FOREIGN)
def test_the_grammar_reads_what_the_library_reads(name):
    text = f"{FOREIGN[name]}\n{OURS}"
    ours = by_grammar(text)
    assert ours.invalid_line == ""
    known = by_library(text)
    if known is None:
        assert name in _NOT_IN_THE_LIBRARY or name == "blank lines", name
    else:
        assert worst(ours.values) == worst(worst_of(known))


LABEL = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAME = st.from_regex(r"[a-z_:][a-z0-9_:]{0,6}", fullmatch=True)
NUMBER = st.one_of(
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["NaN", "+Inf", "-Inf", "1e3", "5."]),
)
BLANK = st.sampled_from(["", " ", "\t", "  "])


def escaped(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@st.composite
def lines(draw):
    names = draw(st.lists(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), unique=True, max_size=3))
    labels = [f'{name}{draw(BLANK)}={draw(BLANK)}"{escaped(draw(LABEL))}"' for name in names if name != "__name__"]
    name = draw(NAME)
    if draw(st.booleans()):
        labels.insert(0, f'"{escaped(name)}"')
        name = ""
    body = f"{{{draw(BLANK)}{','.join(labels)}{draw(BLANK)}}}" if labels else " "
    stamp = draw(st.sampled_from(["", " 1520879607789", " 1520879607.5", " -3"]))
    return f"{name}{body} {draw(NUMBER)}{stamp}{draw(BLANK)}"


@given(st.lists(lines(), min_size=1, max_size=5))
def test_generated_documents_are_read_alike(drawn):
    text = "\n".join(drawn) + "\n"
    known, ours = by_library(text), by_grammar(text)
    if known is not None:
        assert ours.invalid_line == ""
        assert worst(ours.values) == worst(worst_of(known))


@given(st.text())
def test_any_text_is_parsed_or_not_and_never_raises(text):
    parse(text)
    parse(text, openmetrics=True)


@pytest.mark.parametrize(
    "line", ["a", "a five", "a 1_000", "a ٣", "a{ 5", 'a{b="c} 5', "a 5 soon", "5 5", '"a" 5', "a5"]
)
def test_what_is_not_a_metric(line):
    assert by_grammar(line).invalid_line == line
    assert not any(not math.isnan(value) for value in by_grammar(line).values.values())


def test_go_spells_floats_in_hexadecimal_too():
    assert by_grammar("a 0x1p-2\nb 0X1.8P1").values == {"a": 0.25, "b": 3.0}


@pytest.mark.parametrize("piece", ['a{b="', "{", '"', "\\", "a ", '{"a",'])
def test_a_hostile_line_is_parsed_in_linear_time(piece):
    by_grammar(piece * (200_000 // len(piece)))
