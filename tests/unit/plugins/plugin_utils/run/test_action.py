"""One module that does two steps: the task of the second one takes the result of the first one's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.action import StepAction, _seconds_of
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
        # That step itself.
        ({"step_seconds": 1.25, "valid": True}, 1.25),
        ({"step_seconds": 0.0}, 0.0),
    ],
)
def test_each_step_has_its_own_seconds(result: Any, seconds: float) -> None:
    assert _seconds_of(result, 3.0) == seconds
    assert "step_seconds" not in result
