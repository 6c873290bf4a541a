"""The lines before a watch."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.ends import Hosts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.watch_lines import compared_with, turns

HOSTS = Hosts(list("abc"), list("abc"), list("abc"))


@pytest.mark.parametrize("forks, host, reported", [(2, "a", True), (2, "b", False), (3, "a", False), (5, "a", False)])
def test_the_first_host_reports_that_hosts_are_watched_in_turns(forks: int, host: str, reported: bool) -> None:
    lines = turns(forks, HOSTS, host)
    assert bool(lines) == reported
    if reported:
        assert lines[0].startswith("forks is 2, so only 2 of 3 hosts are watched at a time: ")
        assert lines[1] == "All of them at once: --forks 3"


@pytest.mark.parametrize(
    "arguments, line",
    [
        ({"baseline": 4}, "No metrics URL is set: only health is judged."),
        ({"metrics_url": "http://a/", "baseline": 0.0}, "Review queue before the deployment: 0 items."),
        ({"metrics_url": "http://a/", "baseline": "4"}, "Review queue before the deployment: 4 items."),
        (
            {"metrics_url": "http://a/"},
            "The review queue before the deployment was not measured: growth is not judged.",
        ),
    ],
)
def test_what_the_queue_is_compared_with(arguments: dict, line: str) -> None:
    assert compared_with(arguments) == line
