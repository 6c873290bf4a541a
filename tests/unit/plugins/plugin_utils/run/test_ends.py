"""Every end of a run: its status, every line that the operator reads, what is owed, and the next commands."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.finish import failure_of
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.lines import lines
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import GOOD
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.next_steps import next_commands
from ansible_collections.mobius.dhash.tests.support.stories import (
    ID,
    LOCK,
    NEW,
    Story,
    end,
    flag,
    found,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.deployment_ends import DEPLOYMENTS
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.ended import (
    OFF,
    watched,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.monitoring_ends import MONITORINGS
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.rollback_ends import ROLLBACKS

ENDS = {
    f"{kind}: {name}": ended
    for kind, table in (("deployment", DEPLOYMENTS), ("rollback", ROLLBACKS), ("monitoring", MONITORINGS))
    for name, ended in table.items()
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end_is_reported_in_full(name: str) -> None:
    ended = ENDS[name]
    made = end(ended.story, ended.found, **ended.settings)
    assert made.run.status == ended.status
    commands = [f"next         {command}" for command in ended.next]
    assert lines(made) == [*ended.lines, *commands]
    assert (next_commands(made) if not made.run.succeeded else []) == ended.next
    assert made.run.obligations() == ended.obligations
    assert bool(failure_of(made, "")) == (ended.status not in GOOD)


@pytest.mark.parametrize("name", ENDS)
def test_no_next_command_disturbs_another_run(name: str) -> None:
    """Whatever the end: while another run holds the library nothing but a look is advised, and no lock is broken."""
    ended = ENDS[name]
    for deployment in ("other", ""):
        result = found(NEW, lock_state=LOCK, maintenance=flag(deployment, own=False), lock=False)
        made = end(ended.story, result, **ended.settings)
        advice = next_commands(made)
        assert all(command.split()[0] in ("status",) for command in advice), advice
    for result in (ended.found, {}, {**found(None), "state": None}):
        reported = "\n".join(lines(end(ended.story, result, **ended.settings)))
        for text in (reported, str(ended.next)):
            assert "lock_break" not in text.replace(f"mobius_lock_break={ID}", "")


@pytest.mark.parametrize(
    "maintenance, lock, state_known, lifted",
    [
        (flag(), None, True, True),
        # Our own flag, while the state cannot be read or somebody else waits already.
        (flag(), None, False, True),
        (flag(), LOCK, True, True),
        # A run that was killed left it on.
        (flag("killed", own=False), None, True, True),
        (flag("other", own=False), LOCK, True, False),
        # Whether the other run is alive is not known.
        (flag("other", own=False), None, False, False),
        # Made by hand: somebody's decision.
        (flag("", own=False), None, True, False),
        ({"on": False, "flag": "x", "content": {}, "own": False}, None, True, False),
        ({"on": None, "flag": "x", "content": {}, "own": False}, None, True, False),
    ],
)
def test_only_a_flag_that_no_living_run_needs_is_lifted(maintenance, lock, state_known, lifted) -> None:
    result = found(NEW, lock_state=lock, maintenance=maintenance)
    story = Story().prepared().migrated().failed("verify", "no").not_restored("full")
    made = end(story, result if state_known else {**result, "state": None})
    assert (OFF in next_commands(made)) == lifted
    reported = [each for each in lines(made) if each.startswith("maintenance")]
    assert reported[0].startswith("maintenance  STILL ON: ") == bool(maintenance["on"])


def test_maintenance_left_on_is_reported_after_a_success_and_a_refusal() -> None:
    for story in (Story().prepared().migrated(), Story().prepared().failed("dry-run", "no")):
        reported = lines(end(story, found(NEW, maintenance=flag("someone", own=False))))
        assert any(each.startswith("maintenance  STILL ON: ") for each in reported)


@pytest.mark.parametrize(
    "errors, lost, reported",
    [
        ({}, "", ""),
        ({"retention": "busy", "report": "full"}, "", ""),
        ({"maintenance": "busy"}, "", "But maintenance mode could not be turned off: busy"),
        ({"lock": "busy"}, "", "But the lock was not released: busy"),
        ({}, "timeout", "no other run can begin until the lock expires, in 900 s at the latest."),
    ],
)
def test_a_run_that_leaves_a_lock_or_a_flag_behind_fails(errors, lost, reported) -> None:
    made = end(Story().prepared().migrated(), {} if lost else found(NEW, errors=errors))
    assert failure_of(made, lost).endswith(reported)
    assert bool(failure_of(made, lost)) == bool(reported)


def test_a_watch_that_held_no_lock_leaves_none_when_its_host_is_lost() -> None:
    assert failure_of(end(watched("pass", fails=False), {}), "timeout").endswith("could be closed: timeout")


@pytest.mark.parametrize(
    "story, why",
    [
        (Story().prepared().migrated().hook_failed("503"), "has its dHash. But the hook after_host failed: 503"),
        (Story("deployment").failed("preflight", "full").hook_failed("503"), "full. Nothing was changed in /srv/"),
    ],
)
def test_a_hook_after_the_host_that_fails_undoes_nothing_and_is_reported(story: Story, why: str) -> None:
    made = end(story, found(NEW))
    status = made.run.status
    assert status in ("deployed", "refused")
    assert why in failure_of(made, "")
    assert 'problem      The hook after_host failed in task "Undrain": 503' in lines(made)


@pytest.mark.parametrize(
    "story, reached",
    [
        (Story().noted("bad window", "Begin"), False),
        (Story(), False),
        (Story().mark("host").noted("no", "Drain"), True),
        (Story().mark("preflight"), False),
        (Story().step("prepare"), True),
        (Story().failed("prepare", "The host is unreachable", lost=True), True),
        (Story().prepared().migrated(), True),
    ],
)
def test_the_hook_after_the_host_runs_where_the_one_before_it_may_have(story: Story, reached: bool) -> None:
    assert story.run.has_reached("host") is reached
