"""A clock that jumps makes nothing older."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import List, Optional

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import timeline as module
from ansible_collections.mobius.dhash.plugins.module_utils.storage.timeline import Span, Timeline, observe, timeline

HOUR, DAY = 3600.0, 86400.0
T0 = datetime(2026, 11, 1, tzinfo=timezone.utc).timestamp()


class Host:
    """A host whose wall clock and time since boot are set by hand; the lock file of its library is real."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.library = str(folder / "library.json")
        state = folder / ".library.json.dhash"
        state.mkdir()
        self._file = state / "writing"
        self.wall, self.uptime, self.boot = T0, 1000.0, "a"
        monkeypatch.setattr(module, "_now", lambda: Span(self.boot, self.wall, self.wall, self.uptime))
        monkeypatch.setattr(module, "_kernel_doubt", lambda _now: "")
        monkeypatch.setattr(module, "_file_doubt", lambda _path: "")

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.uptime += seconds

    def jumps(self, seconds: float) -> None:
        self.wall += seconds

    def reboots(self, off: float = 60.0) -> None:
        self.wall += off
        self.uptime, self.boot = 10.0, self.boot + "'"

    def runs(self) -> List[Span]:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT)
        try:
            return observe(descriptor)
        finally:
            os.close(descriptor)

    def sees(self, keep_days: int = 7, changed: Optional[List[float]] = None) -> Timeline:
        return timeline(self.library, changed or [], keep_days)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def days_of(seen: Timeline, moment: float, changed: Optional[float] = None) -> float:
    return seen.age(datetime.fromtimestamp(moment, timezone.utc), changed) / timedelta(days=1)


def test_time_that_passes_is_proven(host: Host) -> None:
    host.runs()
    for _day in range(20):
        host.passes(DAY)
        host.runs()
    seen = host.sees()
    assert seen.doubt == ""
    assert days_of(seen, T0) == pytest.approx(20)
    assert days_of(seen, T0 + 15.5 * DAY) == pytest.approx(4.5)


@pytest.mark.parametrize("ahead", [2 * HOUR, 8 * DAY, 40 * DAY, 9 * 365 * DAY])
def test_a_jump_forward_is_doubted_and_ages_nothing(host: Host, ahead: float) -> None:
    host.runs()
    host.passes(HOUR)
    host.jumps(ahead)
    for run in range(3):
        host.runs()
        seen = host.sees()
        assert "jumped forward by" in seen.doubt, run
        assert days_of(seen, T0) < 0.2
        host.passes(600)


def test_after_a_clock_jump_files_age_at_the_new_time(host: Host) -> None:
    host.runs()
    host.jumps(9 * 365 * DAY)
    host.runs()
    host.passes(8 * DAY)
    host.runs()
    seen = host.sees()
    assert seen.doubt == ""
    assert days_of(seen, T0) == pytest.approx(8, abs=0.1)


def test_a_clock_that_was_set_back_again_is_believed(host: Host) -> None:
    host.runs()
    host.jumps(9 * 365 * DAY)
    host.runs()
    host.passes(HOUR)
    host.jumps(-9 * 365 * DAY)
    host.runs()
    seen = host.sees()
    assert days_of(seen, T0) == pytest.approx(1 / 24, abs=0.01)
    assert days_of(seen, T0 + 9 * 365 * DAY) < 1


def test_what_was_made_while_the_clock_was_behind_is_young(host: Host) -> None:
    host.runs()
    host.reboots()
    host.wall = 0.0  # 1970, as without a battery
    host.runs()
    made = host.wall + 60
    host.passes(HOUR)
    host.runs()
    host.wall = T0 + 2 * HOUR
    host.passes(60)
    host.runs()
    assert days_of(host.sees(), made) < 1


def test_a_gap_over_a_reboot_ages_nothing_by_more_than_half_of_what_is_kept(host: Host) -> None:
    host.runs()
    host.reboots(9 * 365 * DAY)
    host.runs()
    assert days_of(host.sees(), T0) == pytest.approx(3.5, abs=0.1)
    host.reboots(30 * DAY)
    host.runs()
    assert days_of(host.sees(), T0) == pytest.approx(7, abs=0.1)


def test_daily_runs_with_daily_reboots_age_with_the_clock(host: Host) -> None:
    for _day in range(10):
        host.runs()
        host.reboots(DAY)
    assert days_of(host.sees(), T0) == pytest.approx(10, abs=0.1)


def test_before_the_first_run_of_this_version_file_times_count(host: Host) -> None:
    host.passes(100 * DAY)
    made = T0 + 60 * DAY
    # Files of every day up to the jump, then one of now.
    daily = [T0 + day * DAY for day in range(71)]
    seen = host.sees(changed=[*daily, host.wall])
    assert days_of(seen, made, made) == pytest.approx(10 + 3.5)
    assert days_of(seen, T0 + 70 * DAY, T0 + 70 * DAY) == pytest.approx(3.5), "30 days that nothing proves"
    assert days_of(seen, made, host.wall) == pytest.approx(40), "copied here today, and old already then"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"spans": 3}', b'{"spans": [{}]}', b"\xff" * 100, b"null"])
def test_what_cannot_be_read_counts_as_nothing(host: Host, content: bytes) -> None:
    host._file.write_bytes(content)
    assert len(host.runs()) == 1
    host.passes(DAY)
    assert len(host.runs()) == 1
    assert days_of(host.sees(), T0) == pytest.approx(1)


def test_many_jumps_stay_a_small_file(host: Host) -> None:
    for _jump in range(500):
        host.jumps(DAY)
        host.runs()
    assert host._file.stat().st_size < 64 * 1024
    assert "jumped" in host.sees().doubt


def test_a_process_that_is_shown_another_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    now = module._now().last
    assert module._kernel_doubt(now) == ""
    assert "ahead of the kernel's" in module._kernel_doubt(now + 9 * 365 * DAY)
    assert "behind the kernel's" in module._kernel_doubt(now - 3 * DAY)
