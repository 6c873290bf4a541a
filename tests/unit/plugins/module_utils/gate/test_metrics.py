"""The metrics out of JSON and Prometheus text; what is not a number is never taken for one."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.gate.metrics import InvalidDocument, Reading
from ansible_collections.mobius.dhash.plugins.module_utils.gate.metrics import read_metrics as read_text
from ansible_collections.mobius.dhash.plugins.module_utils.http import Response

FLAT = {"avg_hash_time": 1.5, "p95_hash_time": 3, "extraction_failures_rate": 0, "low_confidence_queue_length": 4}


def read_metrics(body: bytes, paths=None, kind: str = "") -> Reading:
    return read_text(Response(200, kind, body).text(), paths, openmetrics="openmetrics" in kind)


def read(document, **paths):
    return read_metrics(json.dumps(document).encode(), paths)


def test_flat():
    reading = read(FLAT)
    assert reading.values == {name: float(value) for name, value in FLAT.items()}
    assert reading.bad == reading.missing == ()


def test_nested():
    nested = {
        "performance": {"avg_hash_time": 1.5, "p95_hash_time": 3},
        "quality": {"deep": {"extraction_failures_rate": 0}},
        "low_confidence_queue_length": 4,
    }
    assert read(nested) == read(FLAT)


def test_a_custom_metric_path():
    reading = read({"timing": {"mean": 7}}, avg_hash_time="timing.mean")
    assert reading.values == {"avg_hash_time": 7.0}
    assert "p95_hash_time" in reading.missing
    assert "avg_hash_time" in read({"timing": 3}, avg_hash_time="timing.mean").missing


def test_one_name_with_two_values_is_bad_not_guessed():
    assert read({"a": {"avg_hash_time": 1}, "b": {"avg_hash_time": 2}}).bad == ("avg_hash_time",)
    assert read({"a": {"avg_hash_time": 1}, "b": {"avg_hash_time": 1}}).values == {"avg_hash_time": 1.0}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-1", "true", '"12"', "[]", "{}", "1" + "0" * 400])
def test_a_value_that_is_not_a_number_is_bad(value):
    reading = read_metrics(b'{"avg_hash_time": ' + value.encode() + b"}")
    assert reading.bad == ("avg_hash_time",)
    assert "avg_hash_time" not in reading.values


def test_null_and_absent_are_missing():
    reading = read({**FLAT, "avg_hash_time": None})
    assert reading.missing == ("avg_hash_time",)
    assert reading.bad == ()


def test_prometheus_text_in_base_units():
    text = b"""# HELP mobius_dhash_avg_hash_time_seconds Mean.
# TYPE mobius_dhash_avg_hash_time_seconds gauge
mobius_dhash_avg_hash_time_seconds 0.0015
mobius_dhash_p95_hash_time_seconds{host="a"} 0.003
mobius_dhash_p95_hash_time_seconds{host="b"} 0.002 1712345678000
mobius_dhash_extraction_failures_ratio 0.05
mobius_dhash_low_confidence_queue_length 4
"""
    metrics = read_metrics(text).values
    assert metrics == {
        "avg_hash_time": 1.5,
        "p95_hash_time": 3.0,
        "extraction_failures_rate": 5.0,
        "low_confidence_queue_length": 4.0,
    }


def test_prometheus_nan_is_bad_over_all_labels():
    text = b'avg_hash_time{a="1"} 5\navg_hash_time{a="2"} NaN\navg_hash_time{a="3"} 6\n'
    assert read_metrics(text).bad == ("avg_hash_time",)


# Two equal values of one name, which cannot be compared.
DEEP = b'{"a": {"avg_hash_time": %s}, "b": {"avg_hash_time": %s}}' % ((b"[" * 400 + b"]" * 400,) * 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>",
        b'{"avg_hash_time": 1',
        b"[1, 2]",
        b'{"a":' * 100_000,
        b"avg_hash_time five\n",
        DEEP,
    ],
)
def test_garbage_is_not_a_document(body):
    with pytest.raises(InvalidDocument, match="expected JSON such as .* or Prometheus or OpenMetrics text"):
        read_metrics(body)


def test_a_refusal_shows_what_was_seen():
    with pytest.raises(InvalidDocument, match="not a metric: .<html><body>Login"):
        read_metrics(b"<html><body>Login</body></html>")
    with pytest.raises(InvalidDocument, match="a JSON list, not an object"):
        read_metrics(b"[1]")


JSON = json.dumps(FLAT)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xef\xbb\xbf" + JSON.encode(), "application/json"),
        (JSON.encode("utf-16"), "application/json"),
        (JSON.encode("utf-16-le"), "application/json"),
        (JSON.encode("utf-32"), "application/json"),
        (JSON.encode("utf-16-be"), "application/json; charset=utf-16be"),
        (b"\r\n\t " + JSON.encode() + b"\r\n", "text/plain"),
        (
            json.dumps({**FLAT, "title": "W\u00fcrfel"}, ensure_ascii=False).encode("latin-1"),
            "text/json;charset=latin1",
        ),
        (json.dumps({**FLAT, "title": "W\u00fcrfel"}, ensure_ascii=False).encode("latin-1"), "application/json"),
        (JSON.encode(), "application/json; charset=no-such-thing"),
    ],
)
def test_json_in_any_encoding(body, kind):
    assert read_metrics(body, kind=kind) == read(FLAT)


def test_a_broken_line_of_another_metric_is_ignored():
    text = b"other{ 5\navg_hash_time 1\np95_hash_time 2\nextraction_failures_rate 0\nlow_confidence_queue_length 0\n"
    assert read_metrics(text).bad == read_metrics(text).missing == ()


def test_a_broken_line_of_a_metric_is_bad():
    text = b'p95_hash_time{a="1"} 3\np95_hash_time{a="2"} three\n'
    assert read_metrics(text).bad == ("p95_hash_time",)


@pytest.mark.parametrize("path", ["my_counter", "my_counter_total", "my.dotted.name"])
def test_a_custom_prometheus_name(path):
    text = b'# TYPE my_counter counter\nmy_counter_total 7\n{"my.dotted.name"} 7\n'
    assert read_metrics(text, {"low_confidence_queue_length": path}).values == {"low_confidence_queue_length": 7.0}


def test_a_dotted_name_ends_like_any_other():
    assert read_metrics(b'{"mobius.dhash.avg_hash_time_seconds"} 0.002\n').values == {"avg_hash_time": 2.0}
