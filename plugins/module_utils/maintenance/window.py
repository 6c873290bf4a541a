# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maintenance window in which deployments may start: daily, in a time zone, on some days of the week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Dict, Mapping, Optional, Tuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import MobiusError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
# A week and the days around it contain at least one opening; a clock change may skip one.
_LOOK_AHEAD = 15


@dataclass(frozen=True)
class Window:
    """Open from ``start`` until ``end``, wall clock of ``zone``, beginning on ``days`` (0 is Monday).

    An ``end`` not after ``start`` is on the next day; if both are equal, the window is the whole day.
    """

    start: time
    end: time
    zone: tzinfo
    days: Tuple[int, ...] = tuple(range(7))

    def opening(self, day: date) -> Tuple[datetime, datetime]:
        """Return the opening that begins on ``day``, in UTC; empty if the clock skips it."""
        closes_on = day if self.start < self.end else day + timedelta(days=1)
        return self._moment(day, self.start, 0), self._moment(closes_on, self.end, 1)

    def _moment(self, day: date, clock: time, fold: int) -> datetime:
        # If the clock repeats an hour, the window is the longer of both readings.
        return datetime.combine(day, clock, self.zone).replace(fold=fold).astimezone(timezone.utc)


def parse_window(options: Mapping[str, Any]) -> Window:
    """Return a window from ``start``, ``end`` (HH:MM), ``timezone`` (IANA name; UTC) and ``days`` (mon..sun; all).

    :raises MobiusError: one of them is invalid.
    """
    unknown = sorted(set(options) - {"start", "end", "timezone", "days"})
    if unknown:
        raise MobiusError(
            "Unknown keys in the maintenance window", ", ".join(unknown), "use start, end, timezone and days"
        )
    days = options.get("days") or DAYS
    if isinstance(days, str):
        days = [part for part in re.split(r"[\s,]+", days) if part]
    return Window(
        _clock(options.get("start"), "start"),
        _clock(options.get("end"), "end"),
        _zone(options.get("timezone") or "UTC"),
        tuple(sorted({_day(day) for day in days})),
    )


def look(window: Window, now: datetime) -> Dict[str, Any]:
    """Locate ``now`` relative to the window.

    :param now: aware.
    :returns: ``open``, ``opens_at`` (begin of this opening, or of the next one) and ``closes_at``, both ISO 8601 with
        the offset of the window's time zone.
    :raises MobiusError: the window never opens.
    """
    now = now.astimezone(timezone.utc)
    # Yesterday's opening may last until today, and the zone's day may differ from UTC's.
    first = now.astimezone(window.zone).date() - timedelta(days=2)
    for offset in range(_LOOK_AHEAD):
        day = first + timedelta(days=offset)
        begin, end = window.opening(day)
        if day.weekday() in window.days and begin < end and now < end:
            return {"open": begin <= now, "opens_at": _format(begin, window), "closes_at": _format(end, window)}
    raise MobiusError(
        "The maintenance window does not open within two weeks", None, "correct mobius_maintenance_window"
    )


def _format(moment: datetime, window: Window) -> str:
    return moment.astimezone(window.zone).isoformat(timespec="minutes")


def _clock(value: Any, name: str) -> time:
    match = _CLOCK.fullmatch(str(value).strip())
    hour, minute = (int(part) for part in match.groups()) if match else (99, 99)
    if (hour, minute) == (24, 0):
        hour = 0
    if hour > 23 or minute > 59:
        # Without quotes, YAML reads 22:00 as 1320: a number in base 60.
        raise MobiusError(
            f"The {name} of the maintenance window is not a time", repr(value), "give it in quotes, as in '22:00'"
        )
    return time(hour, minute)


def _zone(name: Any) -> tzinfo:
    if str(name).upper() in ("UTC", "Z"):
        return timezone.utc
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MobiusError(
            "Unknown time zone of the maintenance window",
            repr(name),
            "use a name such as Europe/Berlin, and install tzdata where it is missing",
        ) from error


def _day(value: Any) -> int:
    short: Optional[str] = str(value).strip().lower()[:3]
    if short not in DAYS or not str(value).strip().isalpha():
        raise MobiusError("Unknown day in the maintenance window", repr(value), f"use {', '.join(DAYS)}")
    return DAYS.index(short)
