"""Which hosts a play has; none is an error."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.play_hosts import play_hosts, refuse_partial

GROUPS: Dict[str, List[str]] = {
    "all": ["games-1", "games-2", "db.example.org", "fe80::1"],
    "ungrouped": [],
    "games": ["games-1", "games-2"],
    "empty": [],
}


@pytest.mark.parametrize(
    "wanted, pattern",
    [
        (None, "all"),
        ("", "all"),
        (" ", "all"),
        ([], "all"),
        ("games", "games"),
        ("games-1", "games-1"),
        (["games-1", "db.example.org"], "games-1,db.example.org"),
        ("games:!games-2", "games:!games-2"),
        ("!games-2", "!games-2"),
        ("nope,games-1", "nope,games-1"),
        ("games-*", "games-*"),
        ("~games-[12]", "~games-[12]"),
        ("games[0]", "games[0]"),
        ("games[0:1]", "games[0:1]"),
        ("fe80::1", "fe80::1"),
        ("localhost", "localhost"),
        (["games", ""], "games,"),
        (" games\n", "games"),
        ("games:&games", "games:&games"),
        ("games[-1]", "games[-1]"),
        ("*", "*"),
        ("games-?", "games-?"),
        ("!empty", "!empty"),
        ("all,!ungrouped", "all,!ungrouped"),
    ],
)
def test_a_pattern_that_has_hosts(wanted: Any, pattern: str) -> None:
    assert play_hosts(wanted, GROUPS, ["games-1,"]) == pattern


def test_hash_workers_are_left_out() -> None:
    assert play_hosts(None, {**GROUPS, "mobius_hash_workers": ["w"]}, []) == "all:!mobius_hash_workers"


@pytest.mark.parametrize(
    "wanted",
    [
        *("nope", "empty", "nope:!games-1", "games-9*", "~nope.*", "~(", "games-3,nope"),
        # All is taken out again, or was never in.
        *("all:!all", "!all", "games:!games", "games,!games", "games:!games-1:!games-2", "games:&empty", "&empty"),
        *("games:&db*", "games[5]", "games[5:9]", "games[x]", "[0]", ",", ":", ",,", "::", "~^$"),
        *("GAMES", "Games-1", "games-1.", "games;games-1", "@retry.txt", "null", "None", "\u00fc"),
        *(["", None], [None], [[]], 0, 7, True, False, {}, {"a": 1}),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(wanted: Any) -> None:
    with pytest.raises(MobiusError, match="mobius_hosts matches no host"):
        play_hosts(wanted, GROUPS, [])


@pytest.mark.parametrize("groups", [{}, {"all": []}, {"all": [], "ungrouped": []}])
def test_an_inventory_without_hosts_is_refused(groups: Dict[str, List[str]]) -> None:
    with pytest.raises(MobiusError, match="The inventory has no hosts"):
        play_hosts(None, groups, [])
    with pytest.raises(MobiusError, match="The inventory has no hosts"):
        play_hosts("localhost", groups, [])


def test_a_source_that_does_not_exist_is_named_unless_it_is_the_default(tmp_path) -> None:
    (tmp_path / "hosts").write_text("games-1\n")
    here, nope = str(tmp_path / "hosts"), str(tmp_path / "nope")
    assert play_hosts(None, GROUPS, [here, "games-1,"]) == "all"
    with pytest.raises(MobiusError, match=f"No such inventory: {nope}"):
        play_hosts(None, GROUPS, [here, nope])
    assert play_hosts(None, GROUPS, [nope], usual=[nope]) == "all"


def test_an_empty_limit_is_refused_and_a_default_pattern_is_taken() -> None:
    for limit in ("", " ", ",", " ,:, "):
        with pytest.raises(MobiusError, match="--limit is empty"):
            play_hosts(None, GROUPS, [], limit=limit)
    assert play_hosts(None, {**GROUPS, "mobius_hash_workers": ["w"]}, [], limit="games-1", default="all") == "all"


@pytest.mark.parametrize(
    "wanted, limit, left",
    [
        ("games", "games-1", True),
        ("games", "db*,games-2", True),
        (None, "all:!games", True),
        ("localhost", "localhost", True),
        ("games", "db*", False),
        ("games", "all:!games", False),
        ("games", "nope", False),
        (None, "w", False),
        (None, "mobius_hash_workers", False),
    ],
)
def test_a_limit_that_leaves_no_host_is_refused(wanted: Any, limit: str, left: bool) -> None:
    groups = {**GROUPS, "all": [*GROUPS["all"], "w"], "mobius_hash_workers": ["w"]}
    if left:
        assert play_hosts(wanted, groups, [], limit=limit)
    else:
        with pytest.raises(MobiusError, match="leaves no host of"):
            play_hosts(wanted, groups, [], limit=limit)


OURS = "/usr/share/collections/ansible_collections/mobius/dhash/playbooks"


@pytest.mark.parametrize(
    "playbook, tags, skipped, start_at, message",
    [
        (f"{OURS}/deploy.yml", ["all"], [], None, ""),
        (f"{OURS}/deploy.yml", [], [], None, ""),
        (f"{OURS}/deploy.yml", ["web"], [], None, "No such tag: web. Next: the tags are prepare, preflight"),
        (f"{OURS}/../playbooks/deploy.yml", ["b", "a"], [], None, "No such tag: b, a"),
        ("mobius.dhash.deploy", ["preflight"], [], None, ""),
        ("mobius.dhash.deploy", ["all"], ["verify"], None, "--skip-tags verify would leave out verify, which a"),
        (f"{OURS}/deploy.yml", ["all"], ["always"], None, "--skip-tags always would leave out every step"),
        (f"{OURS}/rollback.yml", ["preflight"], [], None, "only deploy.yml has tags"),
        ("mobius.dhash.rollback", ["web"], [], None, "--tags web would leave"),
        (f"{OURS}/monitor.yml", ["web", "untagged"], [], None, ""),
        (f"{OURS}/monitor.yml", ["web", "all"], [], None, ""),
        (f"{OURS}/monitor.yml", ["all"], ["slow"], None, ""),
        (f"{OURS}/deploy.yml", ["all"], ["slow"], None, "No such tag: slow"),
        (f"{OURS}/deploy.yml", ["untagged"], [], None, "--tags untagged would leave out every step"),
        (f"{OURS}/monitor.yml", ["all"], ["untagged"], None, "--skip-tags untagged would leave out every step"),
        (f"{OURS}/deploy.yml", ["all"], ["all"], None, "--skip-tags all would leave out every step"),
        (f"{OURS}/deploy.yml", ["all"], [], "Migrate", "--start-at-task Migrate would skip the steps before it"),
        ("/home/me/site.yml", ["web"], ["all"], "Migrate", ""),
    ],
)
def test_an_incomplete_choice_of_steps_is_refused(playbook, tags, skipped, start_at, message):
    if message:
        with pytest.raises(MobiusError, match=message):
            refuse_partial([playbook], OURS, tags, skipped, start_at)
    else:
        refuse_partial([playbook], OURS, tags, skipped, start_at)
