# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of a deployment: which steps ``--tags`` and ``--skip-tags`` choose, and what may not be left out."""

from __future__ import annotations

from typing import Collection, FrozenSet, List, Sequence

from ...module_utils.errors import MobiusError

#: One for each step, in the order of the runbook. Begin, rollback and finish have the tag ``always``.
STEPS = ("prepare", "preflight", "lock", "backup", "dry_run", "migrate", "verify", "restart", "health")
#: What a run that migrates has to do as well.
_REQUIRED = ("preflight", "lock", "backup", "verify", "restart", "health")
#: What is nothing without a migration, and the playbook that does it alone.
_ALONE = {"verify": "verify.yml", "restart": "service.yml -e mobius_service_state=restarted", "health": "health.yml"}
#: What every other step relies on: these run although ``--tags`` does not name them.
_IMPLIED = ("preflight", "lock")
_SPECIAL = ("all", "always", "tagged", "untagged")
_HOW = "choose all of them, or only steps that change nothing: prepare, preflight, backup, dry_run. Nothing was done"


def is_chosen(tags: Collection[str], only: Collection[str], skipped: Collection[str]) -> bool:
    """Whether Ansible runs a task with these tags, as ``ansible.playbook.taggable`` decides it."""
    by_name = not set(tags).isdisjoint(only)
    in_general = "never" not in tags and not {"all", "tagged"}.isdisjoint(only)
    if not ("always" in tags or by_name or in_general):
        return False
    if "all" in skipped:
        return "always" in tags and "always" not in skipped
    return set(tags).isdisjoint(skipped) and "tagged" not in skipped


def chosen_steps(only: Sequence[str], skipped: Sequence[str], inherited: Collection[str] = ()) -> FrozenSet[str]:
    """The steps that the tags choose; none where they choose other roles of a playbook of the user's own.

    :param only: ``--tags``, ``all`` where it is not given.
    :param skipped: ``--skip-tags``.
    :param inherited: tags that a playbook of the user's own gave all steps.
    """
    own = frozenset(inherited) - {"always"}
    return frozenset(step for step in STEPS if is_chosen({step, *own}, only, skipped))


def part_of(only: Sequence[str], skipped: Sequence[str], inherited: Collection[str] = ()) -> List[str]:
    """The steps of a run that migrates nothing; empty for one that does.

    The parameters are those of :func:`chosen_steps`.

    :raises MobiusError: nothing is chosen, or a step that another one needs is left out.
    """
    chosen = chosen_steps(only, skipped, inherited)
    how = _given(only, skipped)
    if not chosen or not is_chosen({"always", *inherited}, only, skipped):
        raise MobiusError(f"{how} would leave out every step", remedy=f"the tags are {', '.join(STEPS)}")
    unnamed = [step for step in _IMPLIED if step in skipped]
    if "migrate" in chosen:
        _refuse(how, "which a migration needs", [step for step in _REQUIRED if step not in chosen], _HOW)
        return []
    _refuse(how, "which every other step needs", unnamed, _HOW)
    dangling = [step for step in _ALONE if step in chosen]
    if dangling:
        alone = "; ".join(f"to run only {step}, use playbooks/{_ALONE[step]}" for step in dangling)
        raise MobiusError(
            f"{how} would run {', '.join(dangling)} without the migration", remedy=f"{alone}. Otherwise {_HOW}"
        )
    return _with_implied(chosen)


def refuse_unknown(only: Sequence[str], skipped: Sequence[str]) -> None:
    """:raises MobiusError: a tag that no step has, which would be a typing error that leaves out a step."""
    unknown = [tag for tag in (*only, *skipped) if tag not in (*STEPS, *_SPECIAL)]
    if unknown:
        raise MobiusError(f"No such tag: {', '.join(unknown)}", remedy=f"the tags are {', '.join(STEPS)}")


def refuse_in_part(part: Sequence[str]) -> None:
    """:raises MobiusError: the run began as one without a migration."""
    if part:
        raise MobiusError(
            f"The tags chose {', '.join(part)}, and the migration has a tag that always runs",
            remedy="leave the tag always out of your playbook",
        )


def preparation(part: Sequence[str]) -> List[str]:
    """What ``run_prepare`` does in a run of these steps; empty for all, which is a run that migrates."""
    return [step for step in ("preflight", "lock", "backup") if step in part]


def runs_hook(name: str, part: Sequence[str]) -> bool:
    """Whether a hook runs: in a run that migrates nothing only around what it does, and not around the backup."""
    return not part or (name.partition("_")[2] in part and not name.endswith("_backup"))


def _with_implied(chosen: FrozenSet[str]) -> List[str]:
    locks = {"lock"} if "backup" in chosen else set()
    return [step for step in STEPS if step in {"preflight", *chosen, *locks}]


def _refuse(how: str, why: str, missing: Sequence[str], remedy: str) -> None:
    if missing:
        raise MobiusError(f"{how} would leave out {', '.join(missing)}, {why}", remedy=remedy)


def _given(only: Sequence[str], skipped: Sequence[str]) -> str:
    """The options as they were given."""
    tags = sorted(set(only) - {"all"})
    parts = [f"--tags {','.join(tags)}"] if tags else []
    return " ".join([*parts, *([f"--skip-tags {','.join(sorted(skipped))}"] if skipped else [])]) or "--tags"
