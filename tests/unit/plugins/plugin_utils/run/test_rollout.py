"""A fleet run, from its journal: what stops it, which hosts are rolled back, its table, artifact and next commands."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.checks import refuse_slice
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import (
    Policy,
    Rollout,
    verdict_of,
)
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import artifact
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_vars import policy_of
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.fleets import (
    FLEET,
    Fleet,
    command,
    ends,
    three,
)


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
def test_a_rollback_continues_unless_a_whole_batch_failed(fleet: Fleet, batch: List[str], failed: bool) -> None:
    every = ["a", "b", "c", "d"]
    assert Rollout(fleet.entries, Hosts(every, every, batch), Policy()).has_failed_batch is failed


# How each host ended


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
    ended, reason = ends(fleet)[host]
    assert (ended, bool(reason)) == (outcome, fails)


def test_of_several_runs_in_one_playbook_the_last_one_counts() -> None:
    """A deployment, then a watch, as a playbook of one's own imports them."""
    fleet = Fleet(["a", "b"]).deployed("a", "b").judged("a", "inconclusive").begun("a", "b", kind="monitoring")
    fleet.ended("a", "pass", kind="monitoring").ended("b", "rolled_back", "Failed.", kind="monitoring")
    assert ends(fleet) == {"a": ("pass", ""), "b": ("rolled back", "Failed.")}
    assert fleet.rollout().kind == "monitoring" and fleet.rollout("fleet").targets() == []


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
def test_a_watch_without_a_verdict_is_inconclusive(result: Any, verdict: Any) -> None:
    assert verdict_of(result) == verdict


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
def test_the_policy_follows_the_variables(variables: Dict[str, Any], policy: Policy) -> None:
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
