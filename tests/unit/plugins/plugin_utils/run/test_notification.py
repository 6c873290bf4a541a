"""One message for all hosts of a run: when it is due, and its text."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.notification import end_notice, start_notice


def begun(kind: str = "deployment") -> List[Dict[str, Any]]:
    return [{"event": "begin", "kind": kind}, {"event": "step", "step": "preflight"}]


def ended(status: str, kind: str = "deployment", lines: Sequence[str] = ()) -> List[Dict[str, Any]]:
    return [*begun(kind), {"event": "end", "status": status, "lines": list(lines)}]


def play(all_hosts: str, active: Optional[str] = None, batch: Optional[str] = None) -> Hosts:
    active = all_hosts if active is None else active
    return Hosts(list(all_hosts), list(active), list(active if batch is None else batch))


def test_the_first_host_announces_the_run() -> None:
    notice = start_notice("deployment", play("abc"), "a")
    assert notice is not None
    assert (notice.event, notice.subject, notice.text) == ("start", "Deployment starts on 3 hosts", "a, b, c")
    assert start_notice("deployment", play("abc"), "b") is None
    assert start_notice("deployment", Hosts([], [], []), "a") is None
    assert start_notice("monitoring", play("abc"), "a") is None
    one = start_notice("rollback", play("a"), "a")
    assert one is not None and one.subject == "Rollback starts on 1 host"


OK = ended("deployed")
BACK = ended("rolled_back", lines=["Failed.", "library old"])
BAD = ended("rollback_failed", lines=["Rollback failed."])


@pytest.mark.parametrize(
    "hosts, runs, event, subject, counts",
    [
        # One host.
        (play("a"), {"a": OK}, "success", "Deployment succeeded on 1 of 1 host", {"deployed": 1}),
        (play("a"), {"a": ended("unchanged")}, "success", "Deployment succeeded on 1 of 1 host", {"unchanged": 1}),
        (play("a"), {"a": BACK}, "rollback", "Deployment was rolled back on 1 of 1 host", {"rolled_back": 1}),
        (play("a"), {"a": BAD}, "failure", "Deployment FAILED on 1 of 1 host", {"rollback_failed": 1}),
        (play("a"), {"a": ended("refused")}, "failure", "Deployment FAILED on 1 of 1 host", {"refused": 1}),
        (play("a"), {"a": ended("kept_edit")}, "failure", "Deployment FAILED on 1 of 1 host", {"kept_edit": 1}),
        # All hosts in one batch.
        (
            play("ab"),
            {"a": OK, "b": ended("unchanged")},
            "success",
            "Deployment succeeded on 2 of 2 hosts",
            {"deployed": 1, "unchanged": 1},
        ),
        (play("ab"), {"a": OK}, None, "", {}),
        (play("ab"), {"a": BAD, "b": begun()}, None, "", {}),
        # Batches: the next one is still to come.
        (play("abc", batch="a"), {"a": OK}, None, "", {}),
        (play("abc", batch="b"), {"a": OK, "b": OK}, None, "", {}),
        (play("abc", batch="c"), {"a": OK, "b": OK, "c": OK}, "success", "Deployment succeeded on 3 of 3 hosts", {}),
        # A failure ends a deployment, so no later batch begins.
        (
            play("abc", batch="a"),
            {"a": BACK},
            "rollback",
            "Deployment was rolled back on 1 of 3 hosts",
            {"rolled_back": 1, "not started": 2},
        ),
        (
            play("abcd", batch="bc"),
            {"a": OK, "b": OK, "c": BAD},
            "failure",
            "Deployment FAILED on 1 of 4 hosts",
            {"deployed": 2, "not started": 1},
        ),
        # A host that was lost has left the play without an end.
        (
            play("ab", active="a"),
            {"a": OK, "b": begun()},
            "failure",
            "Deployment FAILED on 1 of 2 hosts",
            {"lost": 1, "deployed": 1},
        ),
        (
            play("abc", active="ac", batch="a"),
            {"a": BACK, "b": begun()},
            "failure",
            "Deployment FAILED on 2 of 3 hosts",
            {},
        ),
        (play("ab", active="", batch=""), {}, "failure", "Deployment FAILED on 2 of 2 hosts", {"not started": 2}),
        # What an earlier play of the same ansible-playbook left is of another kind.
        (play("ab"), {"a": OK, "b": ended("pass", "monitoring")}, None, "", {}),
        # A host that failed has left the play with its end.
        (
            play("ab", active="b", batch="b"),
            {"a": BACK, "b": OK},
            "rollback",
            "Deployment was rolled back on 1 of 2 hosts",
            {},
        ),
    ],
)
def test_a_deployment_is_reported_once_all_hosts_have_ended(hosts, runs, event, subject, counts) -> None:
    notice = end_notice("deployment", hosts, runs)
    if event is None:
        assert notice is None
        return
    assert notice is not None
    assert (notice.event, notice.subject) == (event, subject)
    assert notice.facts.items() >= counts.items()


@pytest.mark.parametrize(
    "hosts, statuses, event, subject",
    [
        (play("a"), {"a": "restored"}, "rollback", "Rollback succeeded on 1 of 1 host"),
        (play("ab"), {"a": "restored", "b": "unchanged"}, "rollback", "Rollback succeeded on 2 of 2 hosts"),
        (play("ab"), {"a": "restored", "b": "unhealthy"}, "failure", "Rollback FAILED on 1 of 2 hosts"),
        # It goes on after a bad host, and ends where all hosts of a batch are bad.
        (play("abc", batch="ab"), {"a": "refused", "b": "restored"}, None, ""),
        (play("abc", batch="ab"), {"a": "refused", "b": "unhealthy"}, "failure", "Rollback FAILED on 2 of 3 hosts"),
        (
            play("abc", batch="c"),
            {"a": "refused", "b": "restored", "c": "restored"},
            "failure",
            "Rollback FAILED on 1 of 3 hosts",
        ),
    ],
)
def test_a_rollback_continues_after_one_bad_host(hosts, statuses, event, subject) -> None:
    runs = {host: ended(status, "rollback") for host, status in statuses.items()}
    notice = end_notice("rollback", hosts, runs)
    assert (notice and (notice.event, notice.subject)) == (event and (event, subject))


@pytest.mark.parametrize(
    "statuses, subject",
    [
        ({"a": "pass", "b": "hold"}, "Monitoring succeeded on 2 of 2 hosts"),
        ({"a": "pass", "b": "rolled_back"}, "Monitoring was rolled back on 1 of 2 hosts"),
        ({"a": "rolled_back", "b": "rollback_failed"}, "Monitoring FAILED on 2 of 2 hosts"),
        ({"a": "pass", "b": "nothing_to_roll_back"}, "Monitoring FAILED on 1 of 2 hosts"),
        ({"a": "inconclusive", "b": "refused"}, "Monitoring FAILED on 2 of 2 hosts"),
    ],
)
def test_a_watch_has_its_own_event(statuses, subject) -> None:
    notice = end_notice(
        "monitoring", play("ab"), {host: ended(status, "monitoring") for host, status in statuses.items()}
    )
    assert notice is not None
    assert (notice.event, notice.subject) == ("monitoring", subject)


def test_the_text_names_each_host_that_failed_with_its_lines() -> None:
    notice = end_notice("deployment", play("abc", active="ab"), {"a": OK, "b": BACK, "c": begun()})
    assert notice is not None
    assert notice.text.splitlines() == ["b: rolled back. Failed.", "library old", "c: lost"]
    good = end_notice("deployment", play("a"), {"a": OK})
    assert good is not None and good.text == ""


def test_of_many_hosts_the_first_are_named_and_the_others_counted() -> None:
    names = [f"games-{number}" for number in range(30)]
    notice = end_notice("deployment", Hosts(names, names, names), {name: BAD for name in names})
    assert notice is not None
    assert notice.text.count("rollback failed. Rollback failed.") == 20
    assert notice.text.splitlines()[-1] == "and 10 more hosts"
    assert notice.subject == "Deployment FAILED on 30 of 30 hosts"
    announced = start_notice("deployment", Hosts(names, names, names), names[0])
    assert announced is not None
    assert announced.text.endswith("games-19 and 10 more hosts")
