"""The page of all hosts: when it is written, and what it has for each."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import fleet
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.fleet_rows import rows
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import Run
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout import Policy, Rollout
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.rollout_lines import lines
from ansible_collections.mobius.dhash.tests.support.stories import ID, Story, command

ENDED = {"event": "end", "status": "x", "lines": []}


def entries(host, story, *, ended=True):
    begin = {**story.entries[0], "host": host, "id": f"{ID[:-1]}{host[-1]}"}
    return [begin, *story.entries[1:], *([ENDED] if ended else [])]


def good(**more):
    times = {"bounds": [1, 2], "counts": [3, 2, 1]}
    return Story().prepared().migrated(hash_times=times, **more).step("verify").step("health")


def bad():
    return Story().prepared().migrated().failed("verify", "<b>no</b>\x1b[31m").restored()


def made(hosts, runs):
    return fleet.reports("deployment", hosts, runs, {"avg_hash_time": 50}, {"host": "ctl"}, lambda _host: command)


def rollout(hosts, runs, *more):
    """The journal of the fleet run of these runs."""
    noted = []
    for host, known in runs.items():
        run = Run.from_entries(known)
        begin = {"kind": "deployment", "check_mode": False, "batch": hosts.all[0], "at": 100.0}
        noted.append({"event": "begin", "host": host, "run": run.id, **begin})
        if known[-1] is ENDED:
            why = "" if run.succeeded else "It failed."
            counts = {"items": 60, "hashed": 6, "failed": 2, "review": 4}
            how = {"status": run.status, "why": why, "counts": counts, "at": 112.0}
            noted.append({"event": "end", "host": host, "run": run.id, **how})
    return Rollout([*noted, *more], hosts, Policy("fleet"))


def page_of(hosts, runs, *more):
    return fleet.fleet_page("deployment", made(hosts, runs), "now", rows(rollout(hosts, runs, *more))).decode()


@pytest.mark.parametrize(
    "batch, active, ended, over",
    [
        (["h1"], ["h1", "h2"], ["h1"], True),
        (["h1", "h2"], ["h1", "h2"], ["h1"], False),
        # A host that was lost does not hold the page back.
        (["h1", "h2"], ["h1"], ["h1"], True),
        (["h1", "h2"], ["h1", "h2"], ["h1", "h2"], True),
    ],
)
def test_it_is_written_when_a_batch_is_over(batch, active, ended, over) -> None:
    hosts = Hosts(["h1", "h2"], active, batch)
    runs = {host: entries(host, good(), ended=host in ended) for host in ("h1", "h2")}
    assert fleet.is_batch_over("deployment", hosts, runs) is over
    assert fleet.file_name("deployment", hosts, runs) == f"deployment-{ID[:-1]}1-fleet.html"


def test_what_failed_comes_first_and_what_is_missing_is_named() -> None:
    hosts = Hosts(["h1", "h2", "h3", "h4", "h5"], ["h1", "h2", "h4"], ["h1", "h2"])
    runs = {"h1": entries("h1", good()), "h2": entries("h2", bad()), "h3": entries("h3", good(), ended=False)}
    found = {row.host: (row.outcome, row.tone) for row in rows(rollout(hosts, runs))}
    assert found == {
        "h1": ("deployed", "good"),
        "h2": ("rolled back", "bad"),
        "h3": ("lost", "bad"),
        "h4": ("not started", "warn"),
        # It left the play before its run began, so that nothing was done on it.
        "h5": ("not started", "warn"),
    }
    source = page_of(hosts, runs)
    listed = re.findall(r'<th scope="row">.*?<bdi>(h\d)</bdi>', source[: source.index('id="when"')])
    assert listed == ["h2", "h3", "h4", "h5", "h1"]
    assert "2 of 5 hosts failed" in source and "<b>no" not in source and "\x1b" not in source
    assert source.count("<details") == 3 and 'id="host-0-failure"' in source
    # Three hashed hosts together.
    assert "12 images" in source and "limit of mean 50 ms" in source


@pytest.mark.parametrize(
    "names, words", [(["h1"], "The host succeeded"), (["h1", "h2"], "All 2 hosts succeeded"), ([], "All 0 hosts")]
)
def test_its_first_words_are_the_outcome(names, words) -> None:
    hosts = Hosts(names, names, names)
    source = page_of(hosts, {name: entries(name, good()) for name in names})
    assert words in source and "failed</span>" not in source


def test_a_thousand_hosts_make_one_page_of_bounded_size() -> None:
    names = [f"h{number}" for number in range(1000)]
    hosts = Hosts(names, names, names)
    story = entries("h1", good())
    source = page_of(hosts, {name: [{**story[0], "host": name}, *story[1:], ENDED] for name in names})
    assert source.count("<details") == 100 and len(source) < 3_000_000


def test_the_page_and_the_table_agree_after_a_rollback_by_the_scope() -> None:
    hosts = Hosts(["h1", "h2"], ["h1", "h2"], ["h1", "h2"])
    runs = {"h1": entries("h1", good()), "h2": entries("h2", bad())}
    back = {"host": "h1", "run": "back-h1"}
    before = page_of(hosts, runs)
    more = (
        {"event": "begin", "by_scope": True, **back},
        {"event": "end", "status": "restored", "why": "", "headline": "Restored.", "at": 130.0, **back},
    )
    after, table = page_of(hosts, runs, *more), lines(rollout(hosts, runs, *more), "", command)
    assert "1 of 2 hosts failed" in before and "2 of 2 hosts failed" in after
    assert "Deployed</span>" in before and "Deployed</span>" not in after
    assert after.count("Rolled back</span>") == 6 and "mobius_rollback_scope is fleet" in after
    assert [line.split()[:3] for line in table[1:3]] == [["h1", "rolled", "back"], ["h2", "rolled", "back"]]
    assert table[3].endswith("2 hosts: 2 rolled back; 0 items, 0 hashed, 0 open for review")
