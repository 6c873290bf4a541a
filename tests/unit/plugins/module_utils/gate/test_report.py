"""Samples as people read them."""

from __future__ import annotations

import re

from ansible_collections.mobius.dhash.plugins.module_utils.gate.judge import Limit, Rules, counts, margins
from ansible_collections.mobius.dhash.plugins.module_utils.gate.report import (
    format_header,
    format_line,
    format_row,
    summary,
)
from ansible_collections.mobius.dhash.plugins.module_utils.gate.samples import NOT_OK, OK, Sample
from hypothesis import given
from hypothesis import strategies as st

GOOD = Sample(30.2, OK, OK, {"avg_hash_time": 1.25, "p95_hash_time": 3.0}, at="2024-09-24T16:00:30Z")
ILL = Sample(60.0, NOT_OK, OK, notes=("health: answered 503",), at="2024-09-24T16:01:00Z")


def test_a_plain_line_has_time_state_and_metrics():
    assert format_line(GOOD) == "2024-09-24T16:00:30Z  30 s  ok  avg=1.25  p95=3"
    assert format_line(ILL) == "2024-09-24T16:01:00Z  60 s  NOT OK  health: answered 503"


def test_rows_line_up_whatever_was_measured():
    assert format_header().split() == ["UTC", "elapsed", "state", "avg", "ms", "p95", "ms", "failures", "%", "queue"]
    assert format_row(GOOD).split() == ["16:00:30", "30", "s", "ok", "1.25", "3", "-", "-"]
    ends = [match.end() for match in re.finditer(r"ms|%|queue", format_header())]
    for reported in (format_row(GOOD), format_row(ILL)):
        assert [bool(re.match(r"[0-9-]( |$)", reported[end - 1 :])) for end in ends] == [True] * 4, reported
    assert format_row(ILL).endswith("-  health: answered 503")


def test_the_summary_has_worst_and_margin():
    samples = [GOOD, ILL]
    rules = Rules(limits=(Limit("avg_hash_time", 50.0),))
    assert summary(counts(samples), margins(samples, rules)) == [
        "2 samples: 1 ok, 1 not ok",
        "avg_hash_time: worst 1.25 ms, limit 50, margin 48.75",
        "p95_hash_time: worst 3 ms",
    ]


@given(
    st.builds(
        Sample,
        elapsed=st.integers(0, 10**6).map(float),
        health=st.sampled_from([OK, NOT_OK]),
        metrics=st.sampled_from([OK, NOT_OK]),
        values=st.dictionaries(st.sampled_from(["avg_hash_time", "p95_hash_time"]), st.floats(0, 1e6)),
        bad=st.lists(st.text(), max_size=2).map(tuple),
        missing=st.lists(st.text(), max_size=2).map(tuple),
        notes=st.lists(st.text(), max_size=2).map(tuple),
        at=st.text(),
    )
)
def test_a_sample_survives_its_way_through_json(sample):
    assert Sample.from_dict(sample.as_dict()) == sample
