"""Which steps of a deployment the tags choose, and what they may not leave out."""

from __future__ import annotations

import itertools
from typing import List

import pytest
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import tags
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.lines import lines
from ansible_collections.mobius.dhash.tests.support.stories import OLD, Story, end, found

WHOLE: List[str] = []


@pytest.mark.parametrize(
    "only, skipped, inherited, part",
    [
        (["all"], [], [], WHOLE),
        (["tagged"], [], [], WHOLE),
        (["all"], ["dry_run"], [], WHOLE),
        (["all"], ["prepare", "dry_run", "untagged"], [], WHOLE),
        (["preflight", "lock", "backup", "migrate", "verify", "restart", "health"], [], [], WHOLE),
        (["preflight"], [], [], ["preflight"]),
        (["prepare"], [], [], ["prepare", "preflight"]),
        (["dry_run"], [], [], ["preflight", "dry_run"]),
        (["dry_run", "prepare"], [], [], ["prepare", "preflight", "dry_run"]),
        (["backup"], [], [], ["preflight", "lock", "backup"]),
        (["lock"], [], [], ["preflight", "lock"]),
        (
            ["all"],
            ["migrate", "verify", "restart", "health"],
            [],
            ["prepare", "preflight", "lock", "backup", "dry_run"],
        ),
        # A playbook of the user's own has given the role a tag.
        (["web"], [], ["web"], WHOLE),
        (["web"], [], ["web", "always"], WHOLE),
        (["web"], ["dry_run"], ["web"], WHOLE),
        (["preflight"], [], ["web"], ["preflight"]),
        (["migrate", "web"], [], ["web"], WHOLE),
    ],
)
def test_what_is_safe_runs(only, skipped, inherited, part) -> None:
    assert tags.part_of(only, skipped, inherited) == part


@pytest.mark.parametrize(
    "only, skipped, inherited, message",
    [
        (["all"], ["lock"], [], "--skip-tags lock would leave out lock, which a migration needs"),
        (["all"], ["backup"], [], "leave out backup, which a migration needs"),
        (["all"], ["verify", "health"], [], "--skip-tags health,verify would leave out verify, health, which a"),
        (["all"], ["preflight"], [], "leave out preflight, which"),
        (["all"], ["restart"], [], "leave out restart, which"),
        (["migrate"], [], [], "--tags migrate would leave out preflight, lock, backup, verify, restart, health"),
        (["migrate", "verify"], ["health"], [], "--tags migrate,verify --skip-tags health would leave out preflight"),
        (["all"], ["migrate"], [], "would run verify, restart, health without the migration"),
        (["restart"], [], [], "to run only restart, use playbooks/service.yml -e mobius_service_state=restarted"),
        (["verify"], [], [], "to run only verify, use playbooks/verify.yml"),
        (["health", "preflight"], [], [], "--tags health,preflight would run health without the migration"),
        (["backup"], ["lock"], [], "--tags backup --skip-tags lock would leave out lock, which every other step needs"),
        (["dry_run"], ["preflight"], [], "would leave out preflight, which every other step needs"),
        (["untagged"], [], [], "--tags untagged would leave out every step"),
        (["always"], [], [], "--tags always would leave out every step"),
        (["all"], ["all"], [], "--skip-tags all would leave out every step"),
        (["all"], ["tagged"], [], "--skip-tags tagged would leave out every step"),
        (["all"], ["always"], [], "--skip-tags always would leave out every step"),
        (["all"], ["always", "dry_run"], [], "would leave out every step"),
        (["web"], [], [], "--tags web would leave out every step. Next: the tags are prepare, preflight, lock"),
        (["all"], ["web"], ["web"], "--skip-tags web would leave out every step"),
        (["all"], [], ["never"], "would leave out every step"),
    ],
)
def test_what_safety_needs_is_not_left_out(only, skipped, inherited, message) -> None:
    with pytest.raises(MobiusError, match=message):
        tags.part_of(only, skipped, inherited)


def test_tags_of_other_roles_choose_no_step() -> None:
    assert tags.chosen_steps(["nginx"], [], ["web"]) == frozenset()
    assert tags.chosen_steps(["all"], ["web"], ["web"]) == frozenset()
    assert tags.chosen_steps(["web"], ["dry_run"], ["web", "always"]) == set(tags.STEPS) - {"dry_run"}


def test_a_typo_is_not_a_choice() -> None:
    tags.refuse_unknown(["all", "dry_run"], ["untagged"])
    with pytest.raises(MobiusError, match="No such tag: dry-run, verfy. Next: the tags are prepare"):
        tags.refuse_unknown(["dry-run"], ["verfy", "health"])


def test_tasks_are_chosen_as_ansible_chooses_them() -> None:
    names = ("all", "always", "tagged", "untagged", "never", "migrate", "web")
    pairs = [list(pair) for size in (0, 1, 2) for pair in itertools.combinations(names, size)]
    for own in (["migrate"], ["always"], ["migrate", "web"], ["migrate", "never"], ["always", "web"]):
        task = Task(block=Block(play=Play()))
        task._tags = own
        for only, skipped in itertools.product((pair for pair in pairs if pair), pairs):
            expected = task.evaluate_tags(only, skipped, {})
            assert tags.is_chosen(own, only, skipped) == expected, (own, only, skipped)


@pytest.mark.parametrize(
    "name, part, runs",
    [
        ("before_host", [], True),
        ("before_host", ["preflight"], False),
        ("after_preflight", ["preflight"], True),
        ("before_dry_run", ["preflight"], False),
        ("after_dry_run", ["preflight", "dry_run"], True),
        ("before_backup", ["preflight", "lock", "backup"], False),
        ("before_migrate", ["preflight", "lock", "backup"], False),
    ],
)
def test_hooks_run_around_the_steps_that_run(name, part, runs) -> None:
    assert tags.runs_hook(name, part) is runs


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_run_without_a_migration_settles_nothing_and_removes_nothing(check_mode: bool) -> None:
    story = Story(check_mode=check_mode).chosen("preflight", "lock", "backup").prepared(owed=["verify", "restart"])
    run = story.run
    assert (run.status, run.succeeded, run.obligations()) == ("partial", True, ([], []))
    text = "\n".join(lines(end(story, found(OLD))))
    assert "preflight, lock, backup only, as selected by tags. Nothing was " in text
    assert "items" not in text and "undo" not in text
