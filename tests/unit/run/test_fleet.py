"""The page of all hosts: when it is written, and what it says of each."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import fleet
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from stories import ID, Story, command

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
    found = made(hosts, runs)
    assert [(each["host"], each["status"]) for each in found] == [
        ("h2", "rolled_back"),
        ("h3", "lost"),
        ("h4", "not started"),
        # It left the play before its run began, so that nothing was done on it.
        ("h5", "not started"),
        ("h1", "deployed"),
    ]
    source = fleet.fleet_page("deployment", found, "2026-01-01T00:00:00Z").decode()
    assert "2 of 5 hosts failed" in source and "<b>no" not in source and "\x1b" not in source
    assert source.count("<details") == 3 and 'id="host-0-failure"' in source
    # Three hashed hosts together.
    assert "12 images" in source and "limit of mean 50 ms" in source


@pytest.mark.parametrize(
    "names, words", [(["h1"], "The host succeeded"), (["h1", "h2"], "All 2 hosts succeeded"), ([], "All 0 hosts")]
)
def test_its_first_words_are_the_outcome(names, words) -> None:
    hosts = Hosts(names, names, names)
    source = fleet.fleet_page(
        "deployment", made(hosts, {name: entries(name, good()) for name in names}), "now"
    ).decode()
    assert words in source and "failed</span>" not in source


def test_a_thousand_hosts_make_one_page_of_bounded_size() -> None:
    names = [f"h{number}" for number in range(1000)]
    hosts = Hosts(names, names, names)
    story = entries("h1", good())
    found = made(hosts, {name: [{**story[0], "host": name}, *story[1:]] for name in names})
    source = fleet.fleet_page("deployment", found, "now")
    assert source.count(b"<details") == 100 and len(source) < 3_000_000
