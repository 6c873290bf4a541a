"""What follows from a journal: failures, the bytes from before, the options of the modules of a run."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import rollback
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.finish import arguments, owns_lock, report, stays_on
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import (
    STEPS,
    Failure,
    Run,
    describe_failure,
    entry_of,
    step_of,
)
from ansible_collections.mobius.dhash.tests.support.stories import (
    BACKUP,
    EDIT,
    ID,
    NEW,
    OLD,
    OLDER,
    PATH,
    Story,
    command,
)


@pytest.mark.parametrize(
    "story, failures",
    [
        (Story().prepared().migrated(), []),
        (Story().prepared().failed("verify", "no"), [("verify", "no", False)]),
        (Story().failed("prepare", "The host was lost", lost=True), [("prepare", "The host was lost", True)]),
        # What run_prepare stopped at.
        (Story().failed("preflight", "locked", step="lock"), [("lock", "locked", False)]),
        # A task that is not ours belongs to the step that a hook is marked with, or to the last one.
        (Story().prepared().mark("verify").noted("no", "My hook"), [("verify", "no", False)]),
        (Story().prepared().migrated().noted("no", "My task"), [("migrate", "no", False)]),
        # A crash has no message of its own.
        (Story().step("migrate", "failed", "").noted("MODULE FAILURE"), [("migrate", "MODULE FAILURE", False)]),
        # A task that is tried again, and then succeeds.
        (Story().step("health", "failed", "503", task="H").step("health", task="H"), []),
        (
            Story().step("health", "failed", "503", task="H").step("health", "failed", "504", task="H").noted("504"),
            [("health", "504", False)],
        ),
        # The health check after the rollback is another one.
        (
            Story().step("health", "failed", "503", task="H").noted("503").restored().step("health", task="H"),
            [("health", "503", False)],
        ),
        # A failed step of ours that no rescue noted counts; the next task proves nothing about it.
        (Story().step("verify", "failed", "no").step("restart"), [("verify", "no", False)]),
        (
            Story().prepared().failed("verify", "no").not_restored("full"),
            [("verify", "no", False), ("rollback", "full", False)],
        ),
        (Story().noted("bad window", "Begin").noted("bad window", "Begin"), [("start", "bad window", False)]),
    ],
)
def test_each_failure_counts_once(story, failures) -> None:
    assert [(each.step, each.message, each.lost) for each in story.run.failures] == failures


@pytest.mark.parametrize(
    "result, reported",
    [
        ({}, "no message"),
        ({"msg": " The library is locked "}, "The library is locked"),
        (
            {
                "msg": "non-zero return code",
                "cmd": ["systemctl", "restart", "games"],
                "rc": 5,
                "stderr": "Unit\nnot found",
            },
            "systemctl restart games: exit code 5: Unit not found",
        ),
        ({"msg": "x", "cmd": "exit 3", "rc": 3, "stdout": "out"}, "exit 3: exit code 3: out"),
        ({"msg": "x", "cmd": "exit 3", "rc": 3}, "exit 3: exit code 3"),
        ({"msg": "no such file", "cmd": "missing", "rc": None}, "no such file"),
        ({"msg": "a module that crashed", "rc": 1}, "a module that crashed"),
    ],
)
def test_a_failed_command_is_reported_with_its_exit_code_and_output(result, reported) -> None:
    assert describe_failure(result) == reported


@pytest.mark.parametrize(
    "story, sha256, backup",
    [
        (Story().prepared(), OLD, BACKUP),
        (Story().prepared().migrated(), OLD, BACKUP),
        (Story().prepared(EDIT).failed("migrate", "x"), EDIT, BACKUP),
        # The backup of the deployment before does not hold the bytes of before this run.
        (Story().prepared_as_deployed(), NEW, ""),
        (Story().prepared_as_deployed().unchanged(NEW), NEW, ""),
        # Each module for itself.
        (Story().step("preflight", sha256=OLD, backup=None), OLD, ""),
        (Story().step("preflight", sha256=NEW, backup={"path": OLDER, "sha256": OLD}), NEW, ""),
        (Story().step("preflight", sha256=OLD).step("backup", backup={"path": BACKUP, "sha256": EDIT}), EDIT, BACKUP),
        # The second one, after the confirmation.
        (Story().step("preflight", preflight={"sha256": OLD}).prepared(EDIT), EDIT, BACKUP),
        (Story().failed("preflight", "x"), "", ""),
    ],
)
def test_the_bytes_from_before_and_their_backup(story, sha256, backup) -> None:
    assert story.run.sha256_before == sha256
    assert story.run.made_backup.get("path", "") == backup


@pytest.mark.parametrize(
    "story, backup, only_replaced",
    [
        (Story().prepared().migrated().failed("verify", "x"), f"sha256:{OLD}", False),
        (Story().prepared().failed("migrate", "x"), f"sha256:{OLD}", True),
        (Story().prepared().failed("migrate", "x", lost=True), f"sha256:{OLD}", True),
        (Story().prepared().unchanged().failed("health", "x"), f"sha256:{OLD}", True),
        # What a hook did before the migration is undone.
        (Story().prepared().mark("migrate").noted("x", "My hook"), f"sha256:{OLD}", False),
        (Story().prepared_as_deployed().mark("migrate").noted("x", "My hook"), f"sha256:{NEW}", False),
    ],
)
def test_a_deployment_rolls_back_to_what_it_replaced(story, backup, only_replaced) -> None:
    given = rollback.arguments(story.run, {"evidence": {"log_dir": "/srv/logs", "logs": ["a.log"]}}, {"host": "ctl"})
    assert (given["backup"], given["only_replaced"], given["lock"]) == (backup, only_replaced, False)
    assert given["run"] == {"id": ID, "kind": "deployment", "controller": {"host": "ctl"}}
    evidence = given["evidence"]
    assert evidence["failure"]["message"] == "x"
    assert evidence["timeline"][0]["event"] == "start" and evidence["timeline"][-1]["event"] == "rollback"
    assert evidence["logs"] == ["a.log"]


def test_a_watch_rolls_back_what_it_watched_and_nothing_else() -> None:
    current = {"deployment": "d1", "sha256": NEW, "status": "deployed", "metrics": {}}
    story = Story("monitoring").step("state", current=current)
    story.failed("watch", "slow", result="fail", samples=[{"elapsed": 1}], counts={"ok": 1})
    given = rollback.arguments(story.run, {}, {})
    assert given["watched"] == {"deployment": "d1", "sha256": NEW, "status": "deployed"}
    assert "backup" not in given and "lock" not in given
    assert given["evidence"]["samples"] == [{"elapsed": 1}]
    assert given["evidence"]["failure"]["deployment"] == "d1"


def test_a_manual_rollback_keeps_no_evidence() -> None:
    assert "evidence" not in rollback.arguments(Story("rollback").run, {"backup": "latest"}, {})


VERIFY_FAILS = Story().prepared().migrated().failed("verify", "x")


@pytest.mark.parametrize(
    "steps, story, stays",
    [
        (["all"], Story().prepared().migrated(), False),
        ([], VERIFY_FAILS, False),
        (["all"], VERIFY_FAILS, True),
        (["verify"], Story().prepared().migrated().failed("verify", "x").restored(), True),
        (["health"], Story().prepared().migrated().failed("verify", "x").restored(), False),
        ("health, verify", Story().prepared().migrated().failed("verify", "x").restored(), True),
        (["rollback"], Story().prepared().migrated().failed("verify", "x").not_restored("full"), True),
        (["rollback"], Story().prepared().migrated().failed("verify", "x", lost=True).not_restored("x"), True),
        (["rollback"], Story().prepared().migrated().failed("verify", "x").restored(), False),
        (
            ["after_rollback"],
            Story().prepared().migrated().failed("verify", "x").restored().failed("health", "y"),
            True,
        ),
        (["after_rollback"], Story().prepared().migrated().failed("verify", "x").restored().healthy(), False),
        (["dry-run"], Story().prepared().failed("dry-run", "x"), True),
    ],
)
def test_when_maintenance_mode_stays_on(steps, story, stays) -> None:
    assert stays_on(story.run, steps) is stays


@pytest.mark.parametrize(
    "story, own, backup, retention",
    [
        (Story().prepared().migrated(), {}, "deployment", True),
        (Story().prepared().migrated().failed("verify", "x").restored(), {}, "deployment", False),
        (Story().prepared().migrated().failed("verify", "x").not_restored("y"), {}, f"sha256:{OLD}", False),
        (Story().failed("preflight", "x"), {}, "deployment", False),
        (Story("rollback").restored(), {"rollback_backup": "latest"}, "latest", True),
        (Story("rollback").restored(), {"rollback_backup": ""}, "deployment", True),
        (Story("monitoring").step("watch", result="pass"), {}, "deployment", True),
    ],
)
def test_the_options_of_the_end_of_a_run(story, own, backup, retention) -> None:
    given = {"log_dir": "/srv/logs", "retention": {"keep_days": 1}, "stays_on_after": ["all"]}
    options = arguments(story.run, given, {"host": "ctl"}, own, command)
    assert options["backup"] == backup
    assert ("retention" in options) == retention
    assert "stays_on_after" not in options
    assert options["run"]["status"] == story.run.status
    assert options["lift_maintenance"] == (story.run.failure is None)
    assert (options["owed"], options["settled"]) == story.run.obligations()
    assert options["report_members"]["controller"] == {"host": "ctl"}


def test_the_report_of_a_run() -> None:
    story = Story().prepared().migrated(metrics={"avg_hash_time": 1.5}).failed("verify", "no").restored()
    reported = report(story.failed("health", "503").run, {"host": "ctl"}, {}, command)
    assert reported["failure"] == {"step": "verify", "task": "verify", "message": "no", "afterwards": "503"}
    assert (reported["kind"], reported["status"]) == ("deployment", "rolled_back")
    assert reported["facts"]["metrics"] == {"avg_hash_time": 1.5}
    events = [(each["event"], each["outcome"]) for each in reported["timeline"]]
    assert events[0] == ("start", "ok")
    assert events[1:4] == [("preflight", "ok"), ("lock", "ok"), ("backup", "changed")]
    assert events[-2:] == [("rollback", "changed"), ("health", "failed")]
    reported = report(Story("rollback").restored().run, {}, {}, command)
    assert (reported["kind"], reported["facts"]["sha256"], reported["failure"]) == ("rollback", OLD, {})
    watch = (
        Story("monitoring").step("state", current={"deployment": "d1"}).step("watch", result="pass", counts={"a": 1})
    )
    reported = report(watch.run, {}, {}, command)
    facts = {"library": PATH, "deployment": "d1", "verdict": "pass", "counts": {"a": 1}, "evidence": ""}
    assert reported["facts"] == facts


def test_a_library_that_needs_no_change_has_every_step_of_an_unchanged_deployment() -> None:
    run = Story().confirmed().run
    names = [step.name for step in run.steps]
    assert names == ["preflight", "lock", "backup", "dry-run", "migrate", "verify"]
    assert all(step.outcome == "ok" for step in run.steps)
    assert [step.seconds for step in run.steps[-3:]] == [0.125, 0.25, 0.5]
    assert run.current == "verify"
    assert run.result("migrate")["unchanged"] == 60 and "diff" not in run.result("migrate")
    assert run.result("verify")["valid"] and run.status == "unchanged"
    # What follows fails: the library is not what the run has to put back.
    assert Story().confirmed().failed("health", "503").restored(NEW, "ok").run.status == "rolled_back"


def test_a_lost_host_and_a_crash_are_steps_too() -> None:
    assert entry_of({"failed": True, "msg": "x", "diff": {}}, lost=True)["outcome"] == "lost"
    assert entry_of({"failed": True, "msg": "x"}, lost=False)["message"] == "x"
    assert entry_of({"changed": True, "msg": "x", "diff": {"a": 1}}, lost=False) == {
        **{"outcome": "changed", "message": "", "result": {"changed": True, "msg": "x"}}
    }


def test_the_gate_is_the_watch_until_something_is_rolled_back() -> None:
    watch = Story("monitoring").step("state")
    assert step_of("dhash_gate", watch.run) == "watch"
    assert step_of("dhash_gate", watch.restored().run) == "health"
    assert step_of("dhash_gate", Story().run) == "health"
    assert step_of("dhash_gate", None) == "health"
    assert {step_of(module, Story().run) for module in STEPS} >= {"preflight", "migrate", "rollback", "finish"}


def test_nothing_has_begun() -> None:
    for entries in ([], [{"event": "step"}]):
        with pytest.raises(ValueError):
            Run.from_entries(entries)


@pytest.mark.parametrize(
    "story, may_own",
    [
        (Story().failed("prepare", "x"), False),
        (Story().failed("preflight", "x", lost=True), True),
        (Story("rollback").restored(), True),
        (Story("monitoring").step("state"), False),
    ],
)
def test_a_host_that_was_lost_before_any_lock_owns_none(story, may_own) -> None:
    assert owns_lock(story.run) is may_own


def test_a_failure_keeps_its_task() -> None:
    assert Story().noted("no", "My hook").run.failure == Failure("start", "My hook", "no")


def test_the_artifact_of_a_job_is_bounded() -> None:
    story = Story().prepared().migrated().failed("verify", "x" * 5000)
    kept = rollback.artifact(story.run, {"folder": "/srv/logs/evidence-1", "files": ["failure.json"]})
    assert (kept["run"], kept["step"], kept["folder"], kept["files"]) == (
        ID,
        "verify",
        "/srv/logs/evidence-1",
        ["failure.json"],
    )
    assert len(kept["message"]) == 2000
    assert kept["timeline"][0].endswith(" start: ok") and kept["timeline"][-1].endswith(" verify: failed")


@pytest.mark.parametrize(
    "story, evidence",
    [
        (Story("rollback"), {"folder": "/srv/logs/evidence-1", "files": []}),
        (Story().prepared().failed("verify", "x"), {"folder": None, "files": [], "error": "full"}),
        (Story().prepared().failed("verify", "x"), {}),
    ],
)
def test_without_evidence_nothing_is_handed_on(story, evidence) -> None:
    assert rollback.artifact(story.run, evidence) == {}
