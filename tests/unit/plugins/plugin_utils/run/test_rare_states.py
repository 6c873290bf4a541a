"""What is said in states that are rare: no name of a user, no step, check mode of a rollback, a watch that failed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import controller, fleet
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.finish import report
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.fleet_rows import rows
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.headlines import headline
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import failed_task
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollback import arguments
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import notice
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_vars import answers_of, rollout_of
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.state_lines import report_lines
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status import Status, seconds_between
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status_lines import lines
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.tags import preparation, refuse_in_part
from ansible_collections.mobius.dhash.tests.support.limits import room_for
from ansible_collections.mobius.dhash.tests.support.stories import NEW, OLD, PATH, Story, command, end, found
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run import test_status_lines as status_cases
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.fleets import three


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), OSError("No username set")])
def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(controller.getpass, "getuser", nameless)
    assert controller.controller_facts()["user"] == str(os.getuid())


# A run before this one that replaced the library and was never verified


UNFINISHED = {"id": "E", "kind": "deployment", "sha256": OLD}


@pytest.mark.parametrize(
    ("owed", "unfinished", "adopted", "backup", "only_replaced"),
    [
        (["verify"], UNFINISHED, None, f"sha256:{OLD}", False),
        (["verify"], {**UNFINISHED, "kind": "rollback"}, None, f"sha256:{NEW}", True),
        (["restart"], UNFINISHED, None, f"sha256:{NEW}", True),
        (["verify"], UNFINISHED, True, f"sha256:{NEW}", True),
        (["verify"], {**UNFINISHED, "sha256": None}, None, f"sha256:{NEW}", True),
        (["verify"], {}, None, f"sha256:{NEW}", True),
    ],
)
def test_a_library_that_was_never_proven_goes_back_to_what_was_before_it(
    owed: Any, unfinished: Any, adopted: Any, backup: str, only_replaced: bool
) -> None:
    story = Story().step("preflight", sha256=NEW, owed=owed, unfinished=unfinished)
    run = story.unchanged(NEW, adopted=adopted).failed("verify", "it is wrong").run
    wanted = arguments(run, {}, {})
    assert (wanted["backup"], wanted["only_replaced"]) == (backup, only_replaced)


def test_what_this_run_replaced_itself_goes_back_to_what_it_replaced() -> None:
    story = Story().step("preflight", sha256=NEW, owed=["verify"], unfinished={**UNFINISHED, "sha256": "c" * 64})
    wanted = arguments(story.migrated().failed("verify", "it is wrong").run, {}, {})
    assert (wanted["backup"], wanted["only_replaced"]) == (f"sha256:{OLD}", False)


def test_a_rollback_of_a_fleet_run_names_it() -> None:
    story = Story("rollback")
    assert "fleet" not in arguments(story.run, {}, {})
    story.entries[0]["fleet"] = "F1"
    assert arguments(story.run, {}, {})["fleet"] == "F1"


# Reports and headlines


def test_the_failure_of_a_hook_is_in_the_report() -> None:
    story = Story().prepared().migrated().step("verify").step("health").hook_failed("no load balancer")
    made = report(story.run, {}, None, command)
    assert made["failure"] == {"after_host": "no load balancer"}
    assert made["status"] == "deployed"


@pytest.mark.parametrize(
    ("story", "commands"),
    [
        (Story(check_mode=True).prepared(), {}),
        (Story(path="").failed("preflight", "no path"), {}),
        (Story("rollback").restored().step("restart").healthy(), {"status": "status"}),
        (Story("rollback").not_restored("no backup"), {"status": "status", "rollback": "rollback"}),
        (Story().chosen("preflight", "backup").prepared(), {"status": "status"}),
        (Story().failed("preflight", "no space"), {"status": "status"}),
        (Story().prepared().migrated().not_restored("lost"), {"status": "status", "next": "rollback"}),
    ],
)
def test_a_report_has_the_commands_that_make_sense(story: Story, commands: Any) -> None:
    assert report(story.run, {}, None, command)["commands"] == commands


@pytest.mark.parametrize(
    ("story", "text"),
    [
        (Story().prepared().unchanged(), "Nothing to do. Every image that could be read has its dHash."),
        (
            Story("rollback", check_mode=True).failed("rollback", "There is no backup."),
            'Check mode: would fail in step "rollback": There is no backup. Nothing was changed.',
        ),
        (
            Story("rollback", check_mode=True).step("rollback", nothing={"message": "it is of F2"}),
            "Check mode: would be skipped: it is of F2.",
        ),
        (Story("rollback", check_mode=True).restored(outcome="ok"), f"Check mode: nothing to roll back in {PATH}."),
    ],
)
def test_headlines(story: Story, text: str) -> None:
    made = end(story, found(NEW))
    assert headline(made) == text
    assert report_lines(made) == [] or not made.run.check_mode


def test_a_task_that_is_not_ours_is_noted_with_its_step_and_message() -> None:
    run = Story().prepared().mark("migrate").run
    failed = {"ansible_failed_task": {"name": "Drain"}, "ansible_failed_result": {"msg": "no answer"}}
    assert failed_task(run, failed) == {"step": "migrate", "task": "Drain", "message": "no answer"}
    assert failed_task(run, {}) == {"step": "migrate", "task": "", "message": "no message"}


@pytest.mark.parametrize("part", [["preflight", "lock", "backup"], ["preflight"], []])
def test_a_run_of_some_steps_does_not_migrate(part: list[str]) -> None:
    assert preparation([*part, "dry_run"]) == part
    if not part:
        refuse_in_part(part)
        return
    with pytest.raises(MobiusError, match=f"The tags chose {', '.join(part)}, .*leave the tag always out"):
        refuse_in_part(part)


# The fleet


def test_rows_of_hosts_that_are_under_way_or_failed_their_watch() -> None:
    rollout = three().deployed("a", "c").begun("b").judged("a", "fail").judged("c", "inconclusive").rollout()
    outcomes = {row.host: row.outcome for row in rows(rollout)}
    assert outcomes == {
        "a": "deployed, watch failed",
        "b": "under way",
        "c": "deployed, watch inconclusive",
        "d": "not started",
    }


@pytest.mark.parametrize(
    ("inconclusive", "subject"),
    [("hold", "Watch was inconclusive on 1 of 4 hosts"), ("fail", "Watch FAILED on 1 of 4")],
)
def test_the_message_of_a_watch_that_rolls_nothing_back(inconclusive: str, subject: str) -> None:
    fleet_run = three().deployed("a", "b", "c", "d").judged("b", "inconclusive")
    message = notice(fleet_run.rollout(inconclusive=inconclusive), ["shown"])
    assert message is not None and message.subject.startswith(subject)


def test_in_check_mode_no_host_holds_what_was_deployed() -> None:
    assert three(check_mode=True).deployed("a").lost("a").rollout().out_of_reach() == []
    assert [each.host for each in three().begun("a").lost("a").rollout().out_of_reach()] == ["a"]


@pytest.mark.parametrize("at", ["", "yesterday", None])
def test_a_host_without_a_time_has_no_place_in_the_picture(at: Any) -> None:
    assert fleet._started({"timeline": [{"at": at}]}) is None
    assert fleet._started({}) is None
    assert fleet._started({"timeline": [{"at": "1970-01-01T00:01:00Z"}]}) == 60.0


VARIABLES = {"ansible_play_hosts_all": ["a", "b"], "ansible_play_hosts": ["a"], "ansible_play_batch": ["a"]}


def test_every_host_has_its_own_answers_of_the_fleet_run(tmp_path: Path) -> None:
    for host in ("a", "b"):
        begin = {"kind": "deployment", "run": host, "check_mode": False, "batch": "a", "at": 1.0}
        Journal(str(tmp_path), host).note_rollout("begin", **begin)
    journal = Journal(str(tmp_path), "a")
    journal.note_rollout("end", kind="deployment", run="a", status="rolled_back", why="It failed.", at=2.0)
    rollout = rollout_of(journal, VARIABLES, lambda value: value)
    answers = answers_of(journal, VARIABLES, lambda value: value)
    assert answers == rollout.answers()["a"]
    assert answers["why"] == "It failed." and answers["stopped"]
    assert answers_of(Journal(str(tmp_path), "of another play"), VARIABLES, lambda value: value) == {}


def test_what_all_hosts_share_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """The disk of the controller is full: the next host must not read half of it."""
    journal = Journal(str(tmp_path), "a")
    journal.note_rollout("begin", run="a")
    small = tmp_path / "small"
    small.touch()
    calls = {
        "fleet": lambda: journal.fleet("", "F" * 500),
        "once": lambda: journal.once("key", lambda: {"x": "y" * 500}),
        "page": lambda: journal.keep_page({"x": "y" * 500}),
        "rollout": lambda: journal.note_rollout("end", why="y" * 500),
    }
    for call in calls.values():
        with room_for(small, 100), pytest.raises(OSError, match="No space|too large"):
            call()
    assert (journal.known_fleet(), journal.kept_page()) == ("", {})
    assert [each["event"] for each in journal.rollout()] == ["begin"]
    for call in calls.values():
        call()
    assert (journal.known_fleet(), journal.kept_page()) == ("F" * 500, {"x": "y" * 500})
    assert journal.once("key", dict) == {"x": "y" * 500}
    assert [each["event"] for each in journal.rollout()] == ["begin", "end"]


# The status of a host


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"controller": None}, "by an unknown controller"),
        ({"step": None}, "step         none was reached"),
        (
            {"step": {"step": "migrate", "at": "2024-09-24T16:10:00Z", "outcome": "running"}},
            "(just now); its process is gone",
        ),
        (
            {"step": {"step": "migrate", "at": "2024-09-24T16:09:00Z", "outcome": "running"}, "module_alive": True},
            "migrate began 2024-09-24T16:09:00Z (1 min ago); its process is running",
        ),
        (
            {"step": {"step": "migrate", "at": "a while ago", "outcome": "running"}},
            "migrate began a while ago; its process",
        ),
        ({"sha256": status_cases.NEW, "unfinished": None}, "the bytes from before"),
    ],
)
def test_the_lines_of_an_interrupted_run(run: Any, expected: str) -> None:
    made = status_cases.found(run={**status_cases.run(**status_cases.DEAD), **run})
    assert expected in "\n".join(lines(Status(made), status_cases.command))


@pytest.mark.parametrize(("since", "now"), [(None, "2024-09-24T16:10:00Z"), ("2024-09-24T16:10:00Z", None), ("x", "y")])
def test_without_both_times_a_run_is_older_than_any_limit(since: Any, now: Any) -> None:
    assert seconds_between(since, now) == float("inf")
    assert seconds_between("2024-09-24T16:10:00Z", "2024-09-24T16:11:00Z") == 60.0
