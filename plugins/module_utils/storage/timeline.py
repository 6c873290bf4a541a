# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how much time has really passed on a host whose clock may have been set.

The lock file ``writing`` in the state folder keeps each run's observation: the wall clock, and the time since boot,
which cannot be set. While both advance together they form one span. If the wall clock moves relative to the time since
boot, it jumped, and a jump does not age any file.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Iterable, List, Optional, Sequence

from ..clock import timestamp, utc
from ..errors import MobiusError
from ..json import load_object
from .paths import state_dir
from .replace import open_regular

#: Seconds by which the two clocks may drift apart between runs: slewing, leap seconds, an NTP step.
_DRIFT = 300.0
#: After a jump of more than this many seconds, nothing is removed.
_JUMP = 3600.0
#: A span is written again only after it grows by more than this many seconds.
_COARSE = 3600.0
_MOST_SPANS = 200
_LIMIT = 256 * 1024
_DAY = 86400.0
#: The end of the year 9999, the last that a name can carry.
_LATEST = 253402300800.0


@dataclass
class Span:
    """A stretch of time in which the wall clock and the time since boot agree; all in seconds.

    ``boot`` is the boot id; None if the system has none, and then every observation counts as a separate boot.
    """

    boot: Optional[str]
    first: float
    last: float
    uptime: float

    def follows(self, other: Span) -> Optional[float]:
        """Return the seconds that the wall clock jumped since the end of ``other``; None across a reboot."""
        if self.boot is None or self.boot != other.boot:
            return None
        return (self.first - other.last) - (self._uptime_at(self.first) - other.uptime)

    def _uptime_at(self, wall: float) -> float:
        return self.uptime - (self.last - wall)

    def elapsed_since(self, other: Span, unproven: float) -> float:
        """Return the proven seconds between the end of ``other`` and the start of this span."""
        if self.boot is not None and self.boot == other.boot:
            return max(0.0, self._uptime_at(self.first) - other.uptime)
        return max(0.0, min(self.first - other.last, unproven))


@dataclass(frozen=True)
class Timeline:
    """The spans in order of observation; the last one ends now.

    :param doubt: why the clock is not trusted at all, or empty.
    :param file_times: change times of files in seconds since 1970, for the time before the first span.
    :param unproven: upper limit in seconds for an unproven gap.
    """

    spans: Sequence[Span]
    doubt: str
    file_times: Sequence[float]
    unproven: float

    def age(self, moment: datetime, changed: Optional[float] = None) -> timedelta:
        """Return the proven age of a file from the time in its name.

        :param changed: its ctime; if the name is older, the file had that age already when it was put here.
        """
        seconds = moment.timestamp()
        passed = 0.0
        for index in range(len(self.spans) - 1, -1, -1):
            span = self.spans[index]
            if span.first <= seconds:
                return timedelta(seconds=passed + max(0.0, span.last - max(seconds, span.first)))
            passed += span.last - span.first
            if index:
                passed += span.elapsed_since(self.spans[index - 1], self.unproven)
        return timedelta(seconds=passed + self._before_first(seconds, changed))

    def _before_first(self, seconds: float, changed: Optional[float]) -> float:
        first = self.spans[0].first
        here = min(first, max(seconds, changed if changed is not None else seconds))
        passed = here - seconds
        at = here
        for each in [*sorted(self.file_times), first]:
            if at < each <= first:
                passed += min(each - at, self.unproven)
                at = each
        return passed


def observe(descriptor: int) -> List[Span]:
    """Note this run's clocks in the lock file, which must be held; a failed write is ignored.

    :returns: the spans up to now.
    """
    spans: List[Span] = []
    with suppress(OSError):
        spans = _parse(os.pread(descriptor, _LIMIT, 0))
        known, former = len(spans), spans[-1].last if spans else 0.0
        _extend(spans, _now())
        if len(spans) != known or abs(spans[-1].last - former) > _COARSE:
            # Neither atomic nor durable: if it cannot be read, ages are unproven and files are kept.
            data = json.dumps({"version": 1, "spans": [vars(each) for each in spans[-_MOST_SPANS:]]}).encode("ascii")
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, data, 0)
    return spans


def timeline(
    library_path: str, changed: Iterable[float], keep_days: int, known: Optional[Sequence[Span]] = None
) -> Timeline:
    """Return the timeline up to now. Nothing is written.

    :param changed: when files beside the library changed, see :func:`file_times`.
    :param keep_days: how many days files are kept; an unproven gap ages a file by at most half of it.
    :param known: the spans if this process holds the lock file, which must not be opened then, see
        :func:`..storage.lock.spans_seen`. None to read it.
    """
    now = _now()
    spans = _read(library_path) if known is None else [replace(each) for each in known]
    _extend(spans, now)
    doubt = _kernel_doubt(now.last) or _file_doubt(library_path) or _jump_doubt(spans, keep_days)
    return Timeline(spans, doubt, list(changed), keep_days * _DAY / 2)


def file_times(*folders: str) -> List[float]:
    """Return when each file of these folders last changed, in seconds since 1970; a missing folder has none."""
    found: List[float] = []
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    found.append(entry.stat(follow_symlinks=False).st_ctime)
    return found


def _extend(spans: List[Span], now: Span) -> None:
    """Extend the last span to now, or begin a new one after a reboot or a jump."""
    if spans:
        jump = now.follows(spans[-1])
        if jump is not None and abs(jump) <= _DRIFT and now.last >= spans[-1].first:
            spans[-1].last, spans[-1].uptime = now.last, now.uptime
            return
    spans.append(now)


def _jump_doubt(spans: Sequence[Span], keep_days: int) -> str:
    """Return the doubt if the clock jumped forward less than ``keep_days`` of proven time ago."""
    passed = 0.0
    for index in range(len(spans) - 1, 0, -1):
        passed += spans[index].last - spans[index].first
        if passed > max(keep_days, 1) * _DAY:
            return ""
        jump = spans[index].follows(spans[index - 1])
        if jump is not None and jump > _JUMP:
            before, after = (timestamp(utc(each)) for each in (spans[index - 1].last, spans[index].first))
            return f"the clock of this host jumped forward by {_days(jump)}, from {before} to {after}"
        passed += spans[index].elapsed_since(spans[index - 1], _DAY)
    return ""


def _kernel_doubt(now: float) -> str:
    """Return the doubt if this process sees another time than the kernel, as with libfaketime."""
    with suppress(OSError, ValueError, IndexError):
        stat_lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        booted = next(float(line.split()[1]) for line in stat_lines if line.startswith("btime "))
        apart = now - booted - _uptime()
        if abs(apart) > _DAY:
            side = "ahead of" if apart > 0 else "behind"
            return f"the clock of this process is {_days(abs(apart))} {side} the kernel's"
    return ""


def _file_doubt(library_path: str) -> str:
    """Return the doubt if the file system, perhaps on another host, dates the file just written differently."""
    with suppress(OSError):
        behind = os.stat(state_dir(library_path)).st_ctime - time.time()
        if behind > _DAY:
            return f"the clock of this host is {_days(behind)} behind the last change of {state_dir(library_path)}"
    return ""


def _days(seconds: float) -> str:
    return f"{seconds / _DAY:.0f} days" if seconds >= 2 * _DAY else f"{seconds / 3600:.1f} hours"


def _now() -> Span:
    wall = time.time()
    boot = None
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Span(boot, wall, wall, _uptime())


def _uptime() -> float:
    """Return the seconds since boot from the kernel, because a preloaded library can change the C library's clocks."""
    with suppress(OSError, ValueError, IndexError):
        return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _read(library_path: str) -> List[Span]:
    """Return the spans of earlier runs; none if the file cannot be read."""
    with suppress(OSError, MobiusError), open_regular(str(Path(state_dir(library_path)) / "writing")) as stream:
        return _parse(stream.read(_LIMIT))
    return []


def _parse(data: bytes) -> List[Span]:
    try:
        return [_span(each) for each in load_object(data)["spans"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        return []


def _span(each: Any) -> Span:
    boot = each["boot"]
    seconds = [float(each[name]) for name in ("first", "last", "uptime")]
    # Neither NaN nor what no clock can show.
    if not all(0 <= number < _LATEST for number in seconds):
        raise ValueError(seconds)
    return Span(None if boot is None else str(boot), *seconds)
