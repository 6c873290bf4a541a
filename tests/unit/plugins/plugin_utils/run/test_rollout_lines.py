"""The last lines of a fleet run, its next commands, its message, and the hosts that a continued one skips."""

from __future__ import annotations

from typing import Any, List

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import (
    Policy,
    Rollout,
    begin_entry,
    end_entry,
    gate_arguments,
    skip_entry,
    why_skipped,
)
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import artifact, lines, notice, prediction
from ansible_collections.mobius.dhash.tests.support.stories import BACKUP, LOG, NEW, Story, end, found
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.fleets import FLEET, Fleet, command, three


def test_the_last_lines_hold_every_host_the_totals_and_what_is_next() -> None:
    fleet = three().deployed("a", "c").failed("b", "rollback_failed", lost=True, report=None)
    assert lines(fleet.rollout(), FLEET, command) == [
        "fleet run    F1",
        "host  outcome          items  hashed  review  seconds  report",
        f"a     deployed            60      58       4       12  {LOG}",
        "b     ROLLBACK FAILED      -       -       -       12  -",
        f"c     deployed            60      58       4       12  {LOG}",
        "d     not started          -       -       -        -  -",
        "total        4 hosts: 2 deployed, 1 ROLLBACK FAILED, 1 not started; 120 items, 116 hashed, 8 open for review",
        "stopped      b was lost.",
        "unreachable  b may hold what was deployed",
        "next         rollback --limit b mobius_fleet=F1 mobius_lock_break=deployment-b",
        "next         deploy mobius_fleet=F1  # deploys the missing hosts",
        "next         rollback mobius_fleet=F1  # rolls back every host that this fleet run deployed",
    ]


@pytest.mark.parametrize(
    "fleet, scope, commands",
    [
        (three().deployed("a", "b", "c", "d"), "host", []),
        (three().deployed("a").failed("b").back("a"), "fleet", ["deploy mobius_fleet=F1  # deploys the missing hosts"]),
        (
            three().deployed("a").failed("b").back("a", "refused", "Lost.", lost=True),
            "fleet",
            [
                "rollback --limit a mobius_fleet=F1 mobius_lock_break=rollback-a",
                "deploy mobius_fleet=F1  # deploys the missing hosts",
            ],
        ),
        (
            three().deployed("a").judged("a", "inconclusive"),
            "host",
            [
                "deploy mobius_fleet=F1 mobius_batch_inconclusive=continue  # deploys the missing hosts",
                "rollback mobius_fleet=F1  # rolls back every host that this fleet run deployed",
            ],
        ),
        (
            three().deployed("a", "b", "c", "d").judged("d", "inconclusive"),
            "host",
            ["rollback mobius_fleet=F1  # rolls back every host that this fleet run deployed"],
        ),
        (three(check_mode=True).deployed("a").failed("b", "refused"), "fleet", []),
    ],
)
def test_the_next_commands_finish_or_go_on(fleet: Fleet, scope: str, commands: List[str]) -> None:
    assert artifact(fleet.rollout(scope), FLEET, command)["next"] == commands


@pytest.mark.parametrize(
    "fleet, scope, sent",
    [
        (three().deployed("a", "b", "c", "d"), "fleet", None),
        # The deployment's own message has reported it.
        (three().deployed("a").failed("b"), "host", None),
        (
            three().deployed("a").failed("b").back("a"),
            "fleet",
            ("rollback", "Fleet run was rolled back on 1 of 4 hosts"),
        ),
        (
            three().deployed("a").failed("b").back("a", "refused", "Lost."),
            *("fleet", ("failure", "Fleet run FAILED on 1 of 4 hosts")),
        ),
        (
            three().deployed("a").judged("a", "inconclusive"),
            *("fleet", ("monitoring", "Watch was inconclusive on 1 of 4 hosts")),
        ),
        (three(check_mode=True).deployed("a").failed("b", "refused"), "fleet", None),
    ],
)
def test_what_came_after_the_deployments_is_sent(fleet: Fleet, scope: str, sent: Any) -> None:
    message = notice(fleet.rollout(scope), ["line"])
    assert (message and (message.event, message.subject)) == sent


# Entries

WAS_DEPLOYED = {
    "current": {"fleet": FLEET, "status": "deployed", "migrated_at": "2026-01-01T00:00:00Z"},
    "as_deployed": True,
    "run": {"owed": [], "unfinished": None},
    "lock": None,
}


@pytest.mark.parametrize(
    "found, skipped",
    [
        ({}, False),
        (WAS_DEPLOYED, True),
        ({**WAS_DEPLOYED, "run": None}, True),
        ({**WAS_DEPLOYED, "as_deployed": False}, False),
        ({**WAS_DEPLOYED, "current": {"fleet": "F0", "status": "deployed"}}, False),
        ({**WAS_DEPLOYED, "current": {"fleet": FLEET, "status": "stripped"}}, False),
        ({**WAS_DEPLOYED, "current": {"status": "rolled_back", "previous": {"fleet": FLEET}}}, False),
        # Killed before it was verified, or while its service was restarted.
        ({**WAS_DEPLOYED, "run": {"owed": ["restart", "health"]}}, False),
        ({**WAS_DEPLOYED, "run": {"owed": [], "unfinished": {"id": "x"}}}, False),
        ({**WAS_DEPLOYED, "lock": {"id": "another"}}, False),
    ],
)
def test_a_continued_fleet_run_skips_what_it_has_deployed_with_a_reason(found: Any, skipped: bool) -> None:
    why = why_skipped(found, FLEET)
    assert bool(why) == skipped and why_skipped(found, "") == ""
    if skipped:
        assert why == "fleet run F1 deployed it at 2026-01-01T00:00:00Z, and it is unchanged since"
        fleet = three().add("a", "skip", **skip_entry(why, Hosts(["a"], ["a"], ["a"]), False, 1.0))
        shown = lines(fleet.rollout(), FLEET, command)
        assert f"skipped      a: {why}" in shown and "a     skipped" in "\n".join(shown)


def test_the_watch_after_a_batch_judges_over_no_more_than_its_own_time() -> None:
    given = {"duration": "60", "window": "90", "over": {"p95_hash_time": 900, "avg_hash_time": "30"}, "progress": True}
    assert gate_arguments({**given, "on_inconclusive": "fail", "note_from": "host"}) == {
        **{"duration": "60", "window": "90", "over": {"p95_hash_time": 60.0, "avg_hash_time": 30.0}},
        "on_inconclusive": "hold",
    }
    assert gate_arguments({"duration": 5}) == {"duration": 5, "on_inconclusive": "hold"}


def test_a_run_is_noted_with_what_the_table_needs(tmp_path: Any) -> None:
    made = end(Story().prepared().migrated(), found(NEW))
    journal = Journal(str(tmp_path), "games-1")
    run = {"id": made.run.id, "kind": "deployment", "check_mode": False}
    hosts = Hosts(["games-1"], ["games-1"], ["games-1"])
    journal.note_rollout("begin", **begin_entry(run, hosts, 100.0))
    journal.note_rollout("end", **end_entry(made, "", LOG, [], 112.4))
    rollout = Rollout(journal.rollout(), hosts, Policy())
    known = artifact(rollout, FLEET, command)["hosts"]["games-1"]
    expected = {"outcome": "deployed", "items": 60, "hashed": 58, "review": 4, "failed": 2, "seconds": 12.4}
    assert {name: known[name] for name in expected} == expected
    assert known["run"] == made.run.id and known["report"] == LOG and known["backup"] == BACKUP


@pytest.mark.parametrize("check_mode", [False, True])
def test_who_approves_a_deployment_sees_what_the_dry_run_counted(check_mode: bool) -> None:
    result = {
        "item_count": 60,
        "to_hash": 58,
        "would_fail": False,
        "report": "/srv/r.json",
        "failures": [1],
        "lines": [],
    }
    shown = {"item_count": 60, "to_hash": 58, "would_fail": False}
    assert prediction(result, check_mode) == (shown if check_mode else {**shown, "report": "/srv/r.json"})
