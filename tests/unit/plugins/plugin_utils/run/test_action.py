"""One module that does two steps: the task of the second one takes the result of the first one's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.action import StepAction, _seconds_of, _with_blame
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import MARK, STEP, Journal


@pytest.fixture
def action(tmp_path: Path) -> Any:
    made = StepAction.__new__(StepAction)
    made.journal = Journal(str(tmp_path), "games-1")
    made.journal.begin({"id": "1", "kind": "deployment"})
    return made


def test_the_step_before_has_done_this_one(action: Any) -> None:
    action.journal.add(STEP, step="migrate", name="migrate", outcome="changed", result={"verified": {"valid": True}})
    action.journal.add(MARK, step="verify")
    assert action.done_with_the_step_before("verified") == {"valid": True}


def test_only_the_last_step_counts(action: Any) -> None:
    """A verification of a later task is a new one."""
    action.journal.add(STEP, step="migrate", name="migrate", outcome="changed", result={"verified": {"valid": True}})
    action.journal.add(STEP, step="verify", name="verify", outcome="ok", result={"valid": True})
    assert action.done_with_the_step_before("verified") is None


def test_outside_of_a_run_nothing_was_done_before(tmp_path: Path) -> None:
    made: Any = StepAction.__new__(StepAction)
    made.journal = Journal(str(tmp_path), "games-1")
    assert made.done_with_the_step_before("verified") is None


@pytest.mark.parametrize(
    "result, seconds",
    [
        ({}, 3.0),
        ({"msg": "x", "backup": {"path": "y"}}, 3.0),
        # A module that did the next step, too.
        ({"verified": {"step_seconds": 1.25}}, 1.75),
        ({"verified": {"step_seconds": 9.0}}, 0.0),
        (
            {"dry_run": {"step_seconds": 0.5, "migrated": {"step_seconds": 0.25, "verified": {"step_seconds": 1.0}}}},
            1.25,
        ),
        # That step itself.
        ({"step_seconds": 1.25, "valid": True}, 1.25),
        ({"step_seconds": 0.0}, 0.0),
    ],
)
def test_each_step_has_its_own_seconds(result: Any, seconds: float) -> None:
    assert _seconds_of(result, 3.0) == seconds
    assert "step_seconds" not in result


@pytest.mark.parametrize(
    "code, stderr, named",
    [
        (127, "/bin/sh: 1: /nope/python: not found\n", "/bin/sh: 1: /nope/python: not found"),
        (126, "\n/bin/sh: 1: /tmp: Permission denied\n", "/bin/sh: 1: /tmp: Permission denied"),
        (2, "<stdin>: 3: Syntax error: word unexpected\n", "Syntax error"),
        (127, "", "no output"),
    ],
)
def test_a_python_that_does_not_run_is_named(code: int, stderr: str, named: str) -> None:
    result = {"failed": True, "rc": code, "module_stderr": stderr, "msg": "No start of json char found"}
    blamed = _with_blame(result, "/nope/python")
    assert named in blamed["msg"] and "/nope/python" in blamed["msg"] and "Next: " in blamed["msg"]
    assert (blamed["where"], blamed["failed"]) == ("/nope/python", True)


@pytest.mark.parametrize(
    "result",
    [
        {"changed": False},
        {"failed": True, "msg": "The library is not valid"},
        # The module itself failed, with this Python.
        {"failed": True, "rc": 1, "module_stderr": "Traceback (most recent call last):", "msg": "MODULE FAILURE"},
        {"failed": True, "rc": 2, "module_stderr": "Traceback (most recent call last):", "msg": "MODULE FAILURE"},
        # A command that a module ran.
        {"failed": True, "rc": 1, "stderr": "no such unit", "msg": "The restart command failed"},
    ],
)
def test_other_results_stay_as_they_are(result: Any) -> None:
    assert _with_blame(result, "/nope/python") == result
