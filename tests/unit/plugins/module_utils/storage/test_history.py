"""The history of runs: appended, chained, bounded; whatever was changed, removed or reordered is found."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Callable, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import history
from ansible_collections.mobius.dhash.plugins.module_utils.storage.history import append, history_path, read_history


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text("{}")
    return str(path)


def fill(library: str, count: int) -> Path:
    for number in range(count):
        append(library, {"id": f"run-{number + 1}", "status": "deployed"})
    return Path(history_path(library))


def head_of(library: str) -> Path:
    return Path(history_path(library)).with_name("history.head")


def test_entries_are_chained_and_read_in_their_order(library: str) -> None:
    path = fill(library, 3)
    found = read_history(library)
    assert (found.problems, found.notes) == ([], [])
    assert [(each["number"], each["id"]) for each in found.entries] == [(1, "run-1"), (2, "run-2"), (3, "run-3")]
    assert found.entries[0]["previous"] == ""
    assert [each["previous"] for each in found.entries[1:]] == [each["sha256"] for each in found.entries[:-1]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert append(library, {"id": "run-4"}) == {"number": 4, "sha256": read_history(library).entries[-1]["sha256"]}


def test_the_history_is_empty_without_a_run(library: str) -> None:
    assert read_history(library) == history.History()
    assert not os.path.exists(history.state_dir(library))


def swap(lines: List[str]) -> List[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def edit(position: int) -> Callable[[List[str]], List[str]]:
    def change(lines: List[str]) -> List[str]:
        return [line.replace("deployed", "rollback") if n == position else line for n, line in enumerate(lines)]

    return change


def garble(lines: List[str]) -> List[str]:
    return [*lines[:2], "not json", *lines[3:]]


def spaced(lines: List[str]) -> List[str]:
    return [lines[0].replace(": ", ":  "), *lines[1:]]


def with_members(**members: object) -> Callable[[List[str]], List[str]]:
    def change(lines: List[str]) -> List[str]:
        return [*lines[:2], json.dumps({**json.loads(lines[2]), **members}), *lines[3:]]

    return change


def renumbered(lines: List[str]) -> List[str]:
    """The third entry removed, and the numbers after it corrected."""
    rest = [json.dumps({**json.loads(line), "number": n}, sort_keys=True) for n, line in enumerate(lines[3:], 3)]
    return [*lines[:2], *rest]


@pytest.mark.parametrize("later_runs", [0, 1, 3])
@pytest.mark.parametrize(
    "change, problem",
    [
        (edit(0), "entry 1 was changed"),
        (edit(2), "entry 3 was changed"),
        (edit(4), "entry 5 was changed"),
        (spaced, "entry 1 was changed"),
        (garble, "line 3 is not an entry"),
        (lambda lines: [*lines[:4], "[]"], "line 5 is not an entry"),
        (lambda lines: ['{"number": true, "previous": "", "oldest": 1}', *lines[1:]], "line 1 is not an entry"),
        (with_members(number=10**400), "line 3 is not an entry"),
        (with_members(oldest=2**63), "line 3 is not an entry"),
        (with_members(number="3"), "line 3 is not an entry"),
        (with_members(previous=None), "line 3 is not an entry"),
        (with_members(controller=["ann"]), "line 3 is not an entry"),
        (with_members(controller={"job": 42}), "line 3 is not an entry"),
        (with_members(versions="12.0.0"), "line 3 is not an entry"),
        (with_members(settings=[1]), "line 3 is not an entry"),
        (with_members(counts=1), "line 3 is not an entry"),
        (with_members(x=json.loads("[" * 150 + "]" * 150)), "line 3 is not an entry"),
        (lambda lines: lines[1:], "entries 1 to 1 were removed from the beginning"),
        (lambda lines: lines[3:], "entries 1 to 3 were removed from the beginning"),
        (lambda lines: [*lines[:1], *lines[3:]], "entries 2 to 3 were removed before line 2"),
        (lambda lines: lines[:-1], "entries 5 to 5 were removed"),
        (lambda lines: lines[:2], "entries 3 to 5 were removed"),
        (lambda lines: [], "removed"),
        (swap, "is out of order"),
        (lambda lines: list(reversed(lines)), "is out of order"),
        (lambda lines: [*lines, lines[1]], "entry 2 at line 6 is out of order"),
        (renumbered, "was changed"),
    ],
)
def test_a_change_is_found_also_after_later_runs(library: str, change, problem: str, later_runs: int) -> None:
    path = fill(library, 5)
    lines = change(path.read_text().splitlines())
    path.write_text("".join(f"{line}\n" for line in lines))
    fill(library, later_runs)
    problems = read_history(library).problems
    assert any(problem in each for each in problems), problems


@pytest.mark.parametrize("later_runs", [0, 1])
def test_a_history_that_was_removed_is_missed(library: str, later_runs: int) -> None:
    fill(library, 3).unlink()
    fill(library, later_runs)
    problems = read_history(library).problems
    assert problems == [f"entries 1 to 3 were removed from the {'beginning' if later_runs else 'end'}"]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"number": "5", "sha256": 1}', "5", '{"number": 5}'])
def test_without_its_head_the_end_is_not_certain_until_the_next_run(library: str, content) -> None:
    fill(library, 2)
    head_of(library).unlink()
    if content is not None:
        head_of(library).write_text(content)
    (problem,) = read_history(library).problems
    assert "the end is not certain" in problem
    fill(library, 1)
    assert read_history(library).problems == []


@pytest.mark.parametrize("length", [1, 20, -1])
def test_a_line_truncated_by_a_crash_is_not_a_change_and_the_next_run_continues(library: str, length: int) -> None:
    path = fill(library, 2)
    whole = path.read_bytes()
    torn = whole.splitlines()[1][:length]
    path.write_bytes(whole + torn)
    found = read_history(library)
    assert found.problems == [] and len(found.entries) == 2
    assert found.notes == [f"the last {len(torn)} bytes are of a line that was cut off; the next run removes them"]
    fill(library, 1)
    found = read_history(library)
    assert (found.problems, found.notes, len(found.entries)) == ([], [], 3)


def test_a_run_that_was_killed_before_the_first_line_was_whole(library: str) -> None:
    path = fill(library, 1)
    line = path.read_bytes()
    head_of(library).unlink()
    path.write_bytes(line[:10])
    assert read_history(library).problems == []
    fill(library, 1)
    found = read_history(library)
    assert (found.problems, [each["number"] for each in found.entries]) == ([], [1])


def test_a_last_line_that_was_cut_off_by_hand_is_missed(library: str) -> None:
    path = fill(library, 3)
    path.write_bytes(path.read_bytes()[:-5])
    assert read_history(library).problems == ["entries 3 to 3 were removed from the end"]


def test_a_run_that_was_killed_between_the_line_and_its_head(library: str) -> None:
    fill(library, 2)
    before = head_of(library).read_bytes()
    fill(library, 1)
    head_of(library).write_bytes(before)
    assert read_history(library).problems == []
    fill(library, 1)
    assert read_history(library).problems == []
    assert [each["number"] for each in read_history(library).entries] == [1, 2, 3, 4]


def test_it_is_bounded_and_notes_its_oldest_entry(library: str, monkeypatch) -> None:
    monkeypatch.setattr(history, "MOST", 10)
    path = fill(library, 37)
    found = read_history(library)
    assert found.problems == []
    numbers = [each["number"] for each in found.entries]
    assert numbers == list(range(numbers[0], 38)) and 8 <= len(numbers) <= 10
    assert found.entries[-1]["oldest"] == numbers[0]
    # What retention removed is not missed, and what somebody removes is.
    path.write_text("".join(path.read_text().splitlines(keepends=True)[2:]))
    assert read_history(library).problems == [
        f"entries {numbers[0]} to {numbers[0] + 1} were removed from the beginning"
    ]


def test_an_entry_is_bounded(library: str) -> None:
    with pytest.raises(MobiusError, match="16384 bytes"):
        append(library, {"message": "x" * 20_000})
    assert read_history(library).entries == []


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_only_its_own_file_is_written(library: str, tmp_path: Path, kind: str) -> None:
    fill(library, 1).unlink()
    path = Path(history_path(library))
    other = tmp_path / "other"
    other.write_text("keep")
    path.symlink_to(other) if kind == "link" else path.mkdir()
    with pytest.raises((MobiusError, OSError)):
        append(library, {"id": "x"})
    assert other.read_text() == "keep"


def write_many(library: str, name: str, count: int) -> None:
    for number in range(count):
        append(library, {"id": f"{name}-{number}"})


def test_writers_at_the_same_time_make_one_chain(library: str) -> None:
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_many, args=(library, name, 5)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = read_history(library)
    assert (found.problems, len(found.entries)) == ([], 20)
    assert len({each["id"] for each in found.entries}) == 20
