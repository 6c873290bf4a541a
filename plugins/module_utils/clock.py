# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in UTC and the two forms they are written in."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

_TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"
_FILE_STAMP = "%Y%m%dT%H%M%SZ"


def utc_now() -> datetime:
    """The current time in UTC, in whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def utc(seconds: float) -> datetime:
    """A Unix time as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def timestamp(moment: Optional[datetime] = None) -> str:
    """``2024-09-24T16:00:00Z``, as reports and results show a time.

    :param moment: a datetime in UTC; the current time when omitted.
    """
    return (moment or utc_now()).strftime(_TIMESTAMP)


def file_stamp(moment: Optional[datetime] = None) -> str:
    """``20240924T160000Z``, as file names carry a time; sorts by time.

    :param moment: a datetime in UTC; the current time when omitted.
    """
    return (moment or utc_now()).strftime(_FILE_STAMP)


def parse_timestamp(text: str) -> datetime:
    """The inverse of :func:`timestamp`; a fraction of a second and an offset are accepted too.

    :raises ValueError: the text is not an ISO 8601 time.
    """
    moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def parse_file_stamp(text: str) -> datetime:
    """The inverse of :func:`file_stamp`.

    :raises ValueError: the text is not such a time.
    """
    return datetime.strptime(text, _FILE_STAMP).replace(tzinfo=timezone.utc)
