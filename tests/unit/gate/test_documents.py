"""Figures out of flat JSON, nested JSON and Prometheus text; what is no number is never taken for one."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.gate.documents import NoDocument, read_figures

FLAT = {"avg_hash_time": 1.5, "p95_hash_time": 3, "extraction_failures_rate": 0, "low_confidence_queue_length": 4}


def read(document, **paths):
    return read_figures(json.dumps(document).encode(), paths)


def test_flat():
    reading = read(FLAT)
    assert reading.figures == {name: float(value) for name, value in FLAT.items()}
    assert reading.bad == reading.missing == ()


def test_nested():
    nested = {
        "performance": {"avg_hash_time": 1.5, "p95_hash_time": 3},
        "quality": {"deep": {"extraction_failures_rate": 0}},
        "low_confidence_queue_length": 4,
    }
    assert read(nested) == read(FLAT)


def test_a_path_of_ones_own():
    reading = read({"timing": {"mean": 7}}, avg_hash_time="timing.mean")
    assert reading.figures == {"avg_hash_time": 7.0}
    assert "p95_hash_time" in reading.missing
    assert "avg_hash_time" in read({"timing": 3}, avg_hash_time="timing.mean").missing


def test_one_name_with_two_values_is_bad_not_guessed():
    assert read({"a": {"avg_hash_time": 1}, "b": {"avg_hash_time": 2}}).bad == ("avg_hash_time",)
    assert read({"a": {"avg_hash_time": 1}, "b": {"avg_hash_time": 1}}).figures == {"avg_hash_time": 1.0}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-1", "true", '"12"', "[]", "{}", "1" + "0" * 400])
def test_what_is_no_number_is_bad(value):
    reading = read_figures(b'{"avg_hash_time": ' + value.encode() + b"}")
    assert reading.bad == ("avg_hash_time",)
    assert "avg_hash_time" not in reading.figures


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
    figures = read_figures(text).figures
    assert figures == {
        "avg_hash_time": 1.5,
        "p95_hash_time": 3.0,
        "extraction_failures_rate": 5.0,
        "low_confidence_queue_length": 4.0,
    }


def test_prometheus_nan_is_bad_over_all_labels():
    text = b'avg_hash_time{a="1"} 5\navg_hash_time{a="2"} NaN\navg_hash_time{a="3"} 6\n'
    assert read_figures(text).bad == ("avg_hash_time",)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe\x00", b"<html>", b'{"avg_hash_time": 1', b"[1, 2]", b'{"a":' * 100_000, b"avg_hash_time five\n"],
)
def test_garbage_is_no_document(body):
    with pytest.raises(NoDocument):
        read_figures(body)
