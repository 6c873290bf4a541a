"""Long runs report their progress, and keep what they found."""

from __future__ import annotations

import io

import kept
import pytest
from progress import Progress, duration
from sweep import Verdict


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (7860, "2 h 11 min"),
    ],
)
def test_a_duration_reads_like_one(seconds, text):
    assert duration(seconds) == text


def test_lines_come_at_intervals_with_the_time_left():
    now, out = [0.0], io.StringIO()
    progress = Progress("calls", 100, every=10.0, out=out, clock=lambda: now[0])
    for _unused in range(100):
        now[0] += 1.0
        progress.advance()
    progress.finish("100 tried")
    lines = out.getvalue().splitlines()
    assert lines[0] == "calls: 10 of 100 (10 %), 1 min 30 s left"
    assert len(lines) == 10
    assert lines[-1] == "calls: 100 tried, 1 min 40 s"


def test_a_total_of_zero_is_not_an_error():
    progress = Progress("calls", 0, clock=lambda: 0.0)
    assert progress.line() == "calls: 0 of 0 (100 %), 0 s left"


VERDICT = Verdict("calls", "KILL", "migrate", "migrate: KILL at rename 1", True, None, "killed")


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "tree", lambda: "one tree")
    path = tmp_path / "cache" / "verdicts.jsonl"
    first = kept.Kept(path)
    first.add(("calls", 9, 4), VERDICT)
    return path


def test_a_resumed_run_knows_what_was_tried(verdicts):
    again = kept.Kept(verdicts, resume=True)
    assert len(again) == 1
    assert again.get(("calls", 9, 4)) == VERDICT
    assert again.get(("calls", 9, 5)) is None
    assert again.get(("calls", 8, 4)) is None, "the group has other faults now"


def test_a_run_that_is_not_resumed_starts_over(verdicts):
    assert len(kept.Kept(verdicts)) == 0
    assert len(kept.Kept(verdicts, resume=True)) == 0


@pytest.mark.parametrize("change", ["tree", "only"])
def test_verdicts_of_something_else_are_not_taken(verdicts, monkeypatch, change):
    if change == "tree":
        monkeypatch.setattr(kept, "tree", lambda: "another tree")
    assert len(kept.Kept(verdicts, resume=True, only=["lock"] if change == "only" else None)) == 0


def test_a_line_that_was_cut_off_costs_itself_alone(verdicts):
    with verdicts.open("a") as file:
        file.write('[["calls", 9, 5], {"group": "ca')
    assert len(kept.Kept(verdicts, resume=True)) == 1


def test_a_short_run_leaves_the_verdicts_of_a_whole_one(verdicts):
    kept.Kept(verdicts, quick=True)
    assert len(kept.Kept(verdicts, resume=True)) == 1
