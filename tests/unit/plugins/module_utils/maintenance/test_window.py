"""The window: days, midnight, and clocks that are put forward and back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.window import look, parse_window
from hypothesis import given
from hypothesis import strategies as st

NIGHT = {"start": "22:00", "end": "04:00", "timezone": "Europe/Berlin"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def looked(now: str, **options):
    found = look(parse_window(options), at(now))
    return found["open"], found["opens_at"], found["closes_at"]


@pytest.mark.parametrize(
    "now, expected",
    [
        ("2024-09-24T12:00+02:00", (False, "2024-09-24T22:00+02:00", "2024-09-25T04:00+02:00")),
        ("2024-09-24T21:59:59+02:00", (False, "2024-09-24T22:00+02:00", "2024-09-25T04:00+02:00")),
        ("2024-09-24T22:00+02:00", (True, "2024-09-24T22:00+02:00", "2024-09-25T04:00+02:00")),
        ("2024-09-25T03:59:59+02:00", (True, "2024-09-24T22:00+02:00", "2024-09-25T04:00+02:00")),
        ("2024-09-25T04:00+02:00", (False, "2024-09-25T22:00+02:00", "2024-09-26T04:00+02:00")),
        ("2024-09-24T20:30+00:00", (True, "2024-09-24T22:00+02:00", "2024-09-25T04:00+02:00")),
    ],
)
def test_over_midnight(now, expected):
    assert looked(now, **NIGHT) == expected


def test_days_are_those_of_the_opening():
    friday = {**NIGHT, "days": ["fri"]}
    assert looked("2024-09-28T02:00+02:00", **friday)[0]
    assert not looked("2024-09-28T23:00+02:00", **friday)[0]
    assert looked("2024-09-28T23:00+02:00", **friday)[1] == "2024-10-04T22:00+02:00"
    assert looked("2024-09-28T02:00+02:00", **{**NIGHT, "days": "Friday, sat"})[0]


def test_the_whole_day():
    assert looked("2024-09-24T13:00Z".replace("Z", "+00:00"), start="00:00", end="24:00")[0]
    assert looked("2024-09-24T13:00+00:00", start="06:00", end="06:00")[0]


def test_clocks_put_forward():
    # In Berlin on 2024-03-31 there is no time from 02:00 to 03:00.
    gap = {"start": "02:10", "end": "02:50", "timezone": "Europe/Berlin"}
    opened, opens, _closes = looked("2024-03-31T00:30+00:00", **gap)
    assert not opened
    assert opens >= "2024-03-31"
    assert looked("2024-03-31T03:30+02:00", **NIGHT)[0]
    assert not looked("2024-03-31T04:00+02:00", **NIGHT)[0]


def test_a_clock_change_backward_gives_the_longer_window():
    # In Berlin on 2024-10-27 the hour from 02:00 to 03:00 comes twice.
    hour = {"start": "02:00", "end": "02:30", "timezone": "Europe/Berlin"}
    assert looked("2024-10-27T00:00+00:00", **hour)[0]
    assert looked("2024-10-27T01:29+00:00", **hour)[0]
    assert not looked("2024-10-27T01:30+00:00", **hour)[0]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"start": "25:00"}, "start"),
        ({"end": None}, "end"),
        ({"end": "4"}, "end"),
        ({"start": 1320}, "quotes"),
        ({"timezone": "Europe/Atlantis"}, "time zone"),
        ({"timezone": "../../etc/passwd"}, "time zone"),
        ({"days": ["someday"]}, "day"),
        ({"zone": "UTC"}, "zone"),
    ],
)
def test_invalid_values_are_refused(changes, words):
    with pytest.raises(MobiusError, match=words):
        parse_window({**NIGHT, **changes})


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe")


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(ZONES),
    st.sets(st.sampled_from(["mon", "wed", "sat", "sun"]), min_size=1),
    st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1)),
)
def test_the_next_opening_is_open_and_nothing_before_it_is(start, end, zone, days, naive):
    clocks = {name: f"{value // 60}:{value % 60:02}" for name, value in (("start", start), ("end", end))}
    window = parse_window({**clocks, "timezone": zone, "days": sorted(days)})
    now = naive.replace(tzinfo=timezone.utc)
    found = look(window, now)
    opens, closes = at(found["opens_at"]), at(found["closes_at"])
    assert found["open"] == (opens <= now < closes)
    assert look(window, opens)["open"]
    assert now < closes
    if not found["open"]:
        middle = now + (opens - now) / 2
        assert not look(window, middle)["open"]
        assert not look(window, opens - timedelta(seconds=1))["open"] or start == end
    assert opens.astimezone(ZoneInfo(zone)).utcoffset() == opens.utcoffset()
