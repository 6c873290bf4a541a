"""Times in UTC, whatever the host's time zone."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils import clock

MOMENT = datetime(2024, 9, 24, 16, 0, 0, tzinfo=timezone.utc)


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"], autouse=True)
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_both_forms_are_read_back():
    assert clock.timestamp(MOMENT) == "2024-09-24T16:00:00Z"
    assert clock.file_stamp(MOMENT) == "20240924T160000Z"
    assert clock.parse_timestamp(clock.timestamp(MOMENT)) == MOMENT
    assert clock.parse_file_stamp(clock.file_stamp(MOMENT)) == MOMENT


@pytest.mark.parametrize(
    "text", ["2024-09-24T16:00:00Z", "2024-09-24T16:00:00", "2024-09-24T16:00:00.000000Z", "2024-09-24T18:00:00+02:00"]
)
def test_iso_times_with_fraction_and_offset(text):
    assert clock.parse_timestamp(text) == MOMENT


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01T00:00:00Z", "Z"])
def test_other_text_is_not_a_time(text):
    with pytest.raises(ValueError):
        clock.parse_timestamp(text)


@pytest.mark.parametrize("text", ["", "20240924", "20241324T000000Z", "20240924T160000"])
def test_other_text_is_not_a_file_stamp(text):
    with pytest.raises(ValueError):
        clock.parse_file_stamp(text)


def test_the_current_time_is_utc_in_whole_seconds():
    now = clock.utc_now()
    assert now.utcoffset() == timedelta(0) and now.microsecond == 0
    assert abs(now.timestamp() - time.time()) < 2
    assert clock.utc(0) == datetime(1970, 1, 1, tzinfo=timezone.utc)
