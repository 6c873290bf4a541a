"""A fleet run, from its journal: what stops it, which hosts go back, the table, the artifact and the next commands."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.checks import refuse_slice
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import (
    Policy,
    Rollout,
    begin_entry,
    end_entry,
    gate_arguments,
    skip_entry,
    verdict_of,
    why_skipped,
)
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import artifact, lines, notice, prediction
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_vars import policy_of
from stories import BACKUP, LOG, NEW, Story, end, found

FLEET = "F1"
COUNTS = {"items": 60, "hashed": 58, "unchanged": 0, "failed": 2, "review": 4}


def command(playbook: str, host: Any = None, extra: Any = None) -> str:
    words = [playbook, *([f"--limit {host}"] if host else []), *(f"{n}={v}" for n, v in (extra or {}).items())]
    return " ".join(words)


class Fleet:
    """The journal of a fleet run, entry by entry."""

    def __init__(self, *batches: List[str], check_mode: bool = False) -> None:
        self.batches, self.check_mode = batches, check_mode
        self.entries: List[Dict[str, Any]] = []
        self.gone: List[str] = []

    def add(self, host: str, event: str, **members: Any) -> Fleet:
        self.entries.append({"host": host, "event": event, **members})
        return self

    def begun(self, *hosts: str, kind: str = "deployment", by_scope: bool = False) -> Fleet:
        for host in hosts:
            batch = next(batch for batch in self.batches if host in batch)[0]
            known = {"kind": kind, "check_mode": self.check_mode, "batch": batch, "at": 100.0, "by_scope": by_scope}
            self.add(host, "begin", run=f"{kind}-{host}", **known)
        return self

    def ended(self, host: str, status: str, why: str = "", kind: str = "deployment", **members: Any) -> Fleet:
        known = {"headline": f"{status}.", "lost": False, "report": LOG, "backup": BACKUP, "next": [], "at": 112.0}
        counts = COUNTS if kind == "deployment" and status in ("deployed", "unchanged", "rolled_back") else {}
        run = {"run": f"{kind}-{host}", "kind": kind, "status": status, "why": why, "counts": counts}
        return self.add(host, "end", **{**known, **run, **members})

    def deployed(self, *hosts: str) -> Fleet:
        for host in hosts:
            self.begun(host).ended(host, "deployed")
        return self

    def failed(self, host: str, status: str = "rolled_back", **members: Any) -> Fleet:
        return self.begun(host).ended(host, status, f"Failed: {status}.", **members)

    def judged(self, host: str, verdict: str) -> Fleet:
        return self.add(host, "verdict", verdict=verdict, reasons=[f"it was {verdict}"])

    def back(self, host: str, status: str = "restored", why: str = "", **members: Any) -> Fleet:
        return self.begun(host, kind="rollback", by_scope=True).ended(host, status, why, kind="rollback", **members)

    def lost(self, *hosts: str) -> Fleet:
        self.gone += hosts
        return self

    def rollout(self, scope: str = "host", inconclusive: str = "hold") -> Rollout:
        every = [host for batch in self.batches for host in batch]
        active = [host for host in every if host not in self.gone]
        return Rollout(self.entries, Hosts(every, active, active), Policy(scope, inconclusive))


def three(**options: Any) -> Fleet:
    return Fleet(["a"], ["b", "c"], ["d"], **options)


# What stops it, and who goes back


class Case(NamedTuple):
    fleet: Fleet
    stopped: str
    #: Hosts to roll back by scope: host, batch, fleet.
    targets: Tuple[List[str], List[str], List[str]]


CASES = {
    "nothing begun": Case(three(), "", ([], [], [])),
    "all well so far": Case(three().deployed("a", "b"), "", ([], [], [])),
    "one rolled back": Case(three().deployed("a", "b").failed("c"), "c failed (rolled back)", ([], ["b"], ["a", "b"])),
    "one refused": Case(three().deployed("a").failed("b", "refused"), "b failed (refused)", ([], [], ["a"])),
    "one out of reach at the start": Case(
        three().deployed("a", "c").failed("b", "refused", lost=True), "b was lost", ([], ["c"], ["a", "c"])
    ),
    "one lost, and its rollback with it": Case(
        three().deployed("a", "c").failed("b", "rollback_failed", lost=True), "b was lost", ([], ["c"], ["a", "c"])
    ),
    "one lost in a hook": Case(three().deployed("a", "c").begun("b").lost("b"), "b was lost", ([], ["c"], ["a", "c"])),
    # Whether a run has ended is not known while its host is in the play.
    "one at work": Case(three().deployed("a").begun("b"), "", ([], [], [])),
    "one left the play before anything began": Case(three().deployed("a").lost("d"), "", ([], [], [])),
    "a deployment that held its lock": Case(
        three().deployed("a").begun("b").ended("b", "deployed", "But the lock was not released."),
        "b failed (deployed)",
        ([], ["b"], ["a", "b"]),
    ),
    "nothing to do on one": Case(
        three().begun("a").ended("a", "unchanged").failed("b"), "b failed (rolled back)", ([], [], [])
    ),
    "the canary is judged bad": Case(
        three().deployed("a").judged("a", "fail"), "a did not pass its watch (it was fail)", (["a"], ["a"], ["a"])
    ),
    "a host of an earlier batch is judged bad": Case(
        three().deployed("a", "b", "c").judged("a", "pass").judged("a", "fail"),
        "a did not pass its watch (it was fail)",
        (["a"], ["a"], ["a", "b", "c"]),
    ),
    "judged good": Case(three().deployed("a").judged("a", "pass"), "", ([], [], [])),
    "inconclusive": Case(
        three().deployed("a").judged("a", "inconclusive"), "the watch was inconclusive on a", ([], [], [])
    ),
    "skipped as deployed before": Case(
        three().add("a", "skip", reason="deployed", batch="a").failed("b"), "b failed (rolled back)", ([], [], ["a"])
    ),
    "check mode": Case(three(check_mode=True).deployed("a").failed("b", "refused"), "b failed (refused)", ([], [], [])),
}


@pytest.mark.parametrize("name", CASES)
def test_a_failure_stops_the_fleet_run_and_reaches_as_far_as_its_scope(name: str) -> None:
    case = CASES[name]
    assert case.fleet.rollout().stopped == case.stopped
    targets = [case.fleet.rollout(scope).targets() for scope in ("host", "batch", "fleet")]
    assert targets == list(case.targets)
    answers = case.fleet.rollout("fleet").answers()
    assert [host for host, answer in answers.items() if answer["is_target"]] == targets[-1]
    assert {answer["stopped"] for answer in answers.values()} == {case.stopped}


@pytest.mark.parametrize(
    "inconclusive, stopped, targets, why",
    [
        ("hold", "the watch was inconclusive on a", [], ""),
        ("continue", "", [], ""),
        (
            "fail",
            "a did not pass its watch (it was inconclusive)",
            [],
            "It did not pass its watch (it was inconclusive). Nothing was rolled back.",
        ),
        (
            "rollback",
            "a did not pass its watch (it was inconclusive)",
            ["a"],
            "It did not pass its watch (it was inconclusive). Nothing was rolled back.",
        ),
    ],
)
def test_what_follows_from_an_inconclusive_watch(inconclusive, stopped, targets, why) -> None:
    rollout = three().deployed("a").judged("a", "inconclusive").rollout("host", inconclusive)
    assert (rollout.stopped, rollout.targets(), rollout.why(rollout.members[0])) == (stopped, targets, why)


@pytest.mark.parametrize(
    "host, batch, watched",
    [
        ("a", ["a"], ["a"]),
        ("b", ["b", "c"], ["b", "a"]),
        ("c", ["b", "c"], ["c"]),
        # The whole batch failed its own run, and still watches the others.
        ("d", ["d"], ["a", "b", "c"]),
    ],
)
def test_each_host_of_the_batches_so_far_is_watched_once(host, batch, watched) -> None:
    begun = ["a", "b", "c"] if batch != ["a"] else ["a"]
    fleet = three().deployed(*begun)
    for each in begun:
        fleet.add(each, "gate", arguments={})
    every = ["a", "b", "c", "d"]
    rollout = Rollout(fleet.entries, Hosts(every, every, batch), Policy())
    assert [each["host"] for each in rollout.watches()[host]] == watched


@pytest.mark.parametrize(
    "fleet, batch, failed",
    [
        (three().failed("b").failed("c"), ["b", "c"], True),
        (three().failed("b").deployed("c"), ["b", "c"], False),
        (three().failed("b"), ["b", "c"], False),
        (three().deployed("a"), [], False),
    ],
)
def test_a_rollback_goes_on_unless_a_whole_batch_failed(fleet: Fleet, batch: List[str], failed: bool) -> None:
    every = ["a", "b", "c", "d"]
    assert Rollout(fleet.entries, Hosts(every, every, batch), Policy()).has_failed_batch is failed


# How each host ended


def ends(fleet: Fleet, scope: str = "host", inconclusive: str = "hold") -> Dict[str, Tuple[str, str]]:
    """By host: the outcome of the table, and why it fails."""
    rollout = fleet.rollout(scope, inconclusive)
    made = artifact(rollout, FLEET, command)
    lost = any(each["outcome"] == "lost" for each in made["hosts"].values())
    assert made["succeeded"] == (not any(each["why"] for each in made["hosts"].values()) and not lost)
    return {name: (each["outcome"], each["why"]) for name, each in made["hosts"].items()}


def test_an_inconclusive_watch_after_the_last_batch_holds_nothing_back() -> None:
    made = artifact(three().deployed("a", "b", "c", "d").judged("d", "inconclusive").rollout(), FLEET, command)
    assert made["succeeded"] and made["stopped"] == "the watch was inconclusive on d"


def test_every_host_of_a_fleet_that_went_back_fails() -> None:
    fleet = three().deployed("a", "b").failed("c").back("a").back("b", "restored", "The host was lost.", lost=True)
    assert ends(fleet, "fleet") == {
        "a": ("rolled back", "restored. mobius_rollback_scope is fleet, and c failed (rolled back)."),
        "b": ("rolled back", "The host was lost."),
        "c": ("rolled back", "Failed: rolled_back."),
        "d": ("not started", "Not started: c failed (rolled back)."),
    }


@pytest.mark.parametrize(
    "fleet, host, outcome, fails",
    [
        (three().deployed("a"), "a", "deployed", False),
        (three().begun("a").ended("a", "unchanged"), "a", "unchanged", False),
        (three().add("a", "skip", reason="deployed"), "a", "skipped", False),
        (three().failed("a", "refused"), "a", "refused", True),
        (three().failed("a", "rollback_failed"), "a", "ROLLBACK FAILED", True),
        (three().failed("a", "kept_edit"), "a", "kept edit", True),
        (three().begun("a").lost("a"), "a", "lost", False),
        (three().deployed("a").judged("a", "inconclusive"), "a", "deployed, watch inconclusive", False),
        (three().deployed("a").judged("a", "fail").back("a"), "a", "rolled back", True),
        (three().deployed("a").judged("a", "fail").back("a", "refused", "No."), "a", "ROLLBACK FAILED", True),
        (three().deployed("a").judged("a", "fail").back("a", "unhealthy", "No."), "a", "rolled back, unhealthy", True),
        (three().deployed("a").judged("a", "fail").back("a", "skipped"), "a", "nothing to roll back", True),
        (three().deployed("a").judged("a", "inconclusive"), "b", "not started", True),
        (three().begun("a", kind="rollback").ended("a", "restored", kind="rollback"), "a", "restored", False),
        (three().begun("a", kind="rollback").ended("a", "skipped", kind="rollback"), "a", "skipped", False),
        (
            three().begun("a", kind="rollback").ended("a", "refused", "No.", kind="rollback"),
            *("a", "ROLLBACK FAILED", True),
        ),
        (three(check_mode=True).deployed("a"), "a", "would deploy", False),
        (three(check_mode=True).begun("a").ended("a", "unchanged"), "a", "would change nothing", False),
        (three(check_mode=True).failed("a", "refused"), "a", "would be refused", True),
    ],
)
def test_how_each_host_ended(fleet: Fleet, host: str, outcome: str, fails: bool) -> None:
    told = ends(fleet)[host]
    assert (told[0], bool(told[1])) == (outcome, fails)


def test_of_several_runs_in_one_playbook_the_last_one_counts() -> None:
    """A deployment, then a watch, as a playbook of one's own imports them."""
    fleet = Fleet(["a", "b"]).deployed("a", "b").judged("a", "inconclusive").begun("a", "b", kind="monitoring")
    fleet.ended("a", "pass", kind="monitoring").ended("b", "rolled_back", "Failed.", kind="monitoring")
    assert ends(fleet) == {"a": ("pass", ""), "b": ("rolled back", "Failed.")}
    assert fleet.rollout().kind == "monitoring" and fleet.rollout("fleet").targets() == []


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
        "next         rollback --limit b mobius_fleet=F1",
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
            ["rollback --limit a mobius_fleet=F1", "deploy mobius_fleet=F1  # deploys the missing hosts"],
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
        # The deployment's own message has said it.
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
def test_a_continued_fleet_run_skips_what_it_has_deployed_and_says_why(found: Any, skipped: bool) -> None:
    why = why_skipped(found, FLEET)
    assert bool(why) == skipped and why_skipped(found, "") == ""
    if skipped:
        assert why == "fleet run F1 deployed it at 2026-01-01T00:00:00Z, and it is unchanged since"
        fleet = three().add("a", "skip", **skip_entry(why, Hosts(["a"], ["a"], ["a"]), False, 1.0))
        told = lines(fleet.rollout(), FLEET, command)
        assert f"skipped      a: {why}" in told and "a     skipped" in "\n".join(told)


@pytest.mark.parametrize(
    "result, verdict",
    [
        ({"result": "pass", "reasons": ["5 of 5"]}, {"verdict": "pass", "reasons": ["5 of 5"]}),
        ({"result": "fail", "reasons": ["503"], "failed": True}, {"verdict": "fail", "reasons": ["503"]}),
        # Nothing was measured: neither good nor bad.
        ({"failed": True, "msg": "no python"}, {"verdict": "inconclusive", "reasons": ["no python"]}),
        ({"result": "weird"}, {"verdict": "inconclusive", "reasons": ["the watch returned no verdict"]}),
        ({"msg": None}, {"verdict": "inconclusive", "reasons": ["the watch returned no verdict"]}),
    ],
)
def test_a_watch_that_came_to_no_verdict_is_inconclusive(result: Any, verdict: Any) -> None:
    assert verdict_of(result) == verdict


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


@pytest.mark.parametrize(
    "variables, policy",
    [
        ({}, Policy("host", "hold")),
        ({"mobius_rollback_scope": None, "mobius_batch_inconclusive": ""}, Policy("host", "hold")),
        ({"mobius_rollback_scope": "fleet", "mobius_on_inconclusive": "rollback"}, Policy("fleet", "rollback")),
        ({"mobius_on_inconclusive": "fail", "mobius_batch_inconclusive": "continue"}, Policy("host", "continue")),
        ({"mobius_rollback_scope": "galaxy", "mobius_batch_inconclusive": "x"}, Policy("host", "hold")),
    ],
)
def test_the_policy_is_what_the_variables_say(variables: Dict[str, Any], policy: Policy) -> None:
    assert policy_of(variables, lambda value: value) == policy


@pytest.mark.parametrize(
    "variables, refused",
    [
        ({}, False),
        ({"awx_job_template_name": "Deploy", "awx_workflow_job_name": "Night"}, False),
        ({"awx_job_template_name": "Deploy"}, False),
        ({"awx_job_slice_count": 1}, False),
        ({"awx_job_slice_count": ""}, False),
        ({"awx_job_slice_count": None, "tower_job_slice_count": "many"}, False),
        ({"awx_job_slice_count": "3"}, True),
        ({"tower_job_slice_count": 2}, True),
        ({"awx_job_template_name": "Deploy", "awx_workflow_job_name": "Deploy"}, True),
        ({"tower_job_template_name": "Deploy", "tower_workflow_job_name": "Deploy"}, True),
    ],
)
def test_a_slice_of_a_job_is_refused(variables: Dict[str, Any], refused: bool) -> None:
    if not refused:
        refuse_slice(variables)
        return
    with pytest.raises(MobiusError, match="one of several slices.*set job slicing of the template to 1"):
        refuse_slice(variables)


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
