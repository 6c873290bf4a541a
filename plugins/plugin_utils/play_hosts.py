# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play. A pattern or an inventory without hosts is an error, not a play that does nothing."""

from __future__ import annotations

import os
from typing import Collection, List, Mapping, Optional, Sequence

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ..module_utils.errors import MobiusError
from .run.tags import part_of, refuse_unknown

WORKERS = "mobius_hash_workers"
#: Hosts of another environment, whose history a deployment checks.
STAGING = "mobius_staging"
_SEPARATORS = ",: \t\n"
_REMEDY = "check the inventory and the pattern: ansible-inventory --graph lists the hosts"


def play_hosts(
    wanted: object,
    groups: Mapping[str, Sequence[str]],
    inventory: Sequence[str],
    usual: Collection[str] = (),
    *,
    limit: Optional[str] = None,
    default: Optional[str] = None,
) -> str:
    """The pattern for ``hosts`` of a play.

    :param wanted: ``mobius_hosts``: a pattern as text or a list, or nothing for all but the hash workers.
    :param groups: hosts by group, as the variable of Ansible.
    :param inventory: the sources of the inventory, as given on the command line.
    :param usual: sources that are the default where none is given, and may be missing.
    :param limit: ``--limit``; None where it is not given.
    :param default: the pattern where ``mobius_hosts`` is not given; all but the hash workers when omitted.
    :raises MobiusError: a source does not exist, the inventory has no hosts, the limit is empty, or pattern and limit
        leave no host.
    """
    pattern = pattern_of(wanted, groups, default)
    if limit is not None and not limit.strip(_SEPARATORS):
        # A script with empty variables would reach every host.
        raise MobiusError("--limit is empty", remedy="name hosts, or omit it for all hosts; nothing was done")
    missing = [source for source in inventory if "," not in source and not os.path.exists(source)]
    given = [source for source in missing if source not in usual]
    if given:
        raise MobiusError(f"No such inventory: {', '.join(given)}", remedy="check -i; nothing was done")
    if not groups.get("all"):
        sources = ", ".join(inventory) or "none was given"
        raise MobiusError(
            f"The inventory has no hosts ({sources})", remedy="name an inventory with -i; nothing was done"
        )
    # Ansible takes separators alone for all hosts.
    if _text(wanted) and not (pattern.strip(_SEPARATORS) and _hosts(pattern, groups)):
        raise MobiusError(f"mobius_hosts matches no host: {pattern}", remedy=_REMEDY)
    if limit is not None and not _hosts(pattern, groups, limit):
        raise MobiusError(f"--limit {limit} leaves no host of {pattern}", remedy=_REMEDY)
    return pattern


def refuse_partial(
    playbooks: Sequence[str], ours: str, tags: Sequence[str], skip_tags: Sequence[str], start_at: Optional[str]
) -> None:
    """Refuse what would leave out steps of a playbook of this collection, or all of them with exit code 0.

    A playbook of the user's own that imports one of ours may give it tags, and chooses by them.

    :param playbooks: as given on the command line.
    :param ours: the folder of the collection's playbooks.
    :param tags: ``--tags``; only ``deploy.yml`` has any, see :mod:`.run.tags`.
    :param skip_tags: ``--skip-tags``.
    :param start_at: ``--start-at-task``.
    :raises MobiusError: steps would be left out.
    """
    if not any(_is_ours(playbook, ours) for playbook in playbooks):
        return
    if start_at:
        raise MobiusError(
            f"--start-at-task {start_at} would skip the steps before it, such as the lock and the backup",
            remedy="run the playbook as a whole; single steps have their own playbooks, such as verify.yml",
        )
    if all(_name(playbook) == "deploy" for playbook in playbooks):
        refuse_unknown(tags, skip_tags)
        part_of(tags or ["all"], skip_tags)
        return
    chosen = {str(tag) for tag in tags} - {"all"}
    if (chosen and "untagged" not in chosen and "all" not in tags) or {"all", "untagged"} & set(skip_tags):
        raise MobiusError(
            f"{'--tags ' + ','.join(sorted(chosen)) if chosen else '--skip-tags ' + ','.join(skip_tags)} would leave "
            "out every step: of the playbooks of this collection only deploy.yml has tags",
            remedy="run the playbook without tags (ANSIBLE_RUN_TAGS, ANSIBLE_SKIP_TAGS, job tags of AWX); nothing was "
            "done",
        )


def _is_ours(playbook: str, ours: str) -> bool:
    return playbook.startswith("mobius.dhash.") or os.path.dirname(os.path.realpath(playbook)) == os.path.realpath(ours)


def _name(playbook: str) -> str:
    return os.path.basename(playbook).rpartition(".")[2 if playbook.startswith("mobius.dhash.") else 0]


def pattern_of(wanted: object, groups: Mapping[str, Sequence[str]], default: Optional[str] = None) -> str:
    """The pattern of :func:`play_hosts`, unchecked."""
    left_out = [group for group in (WORKERS, STAGING) if group in groups]
    return _text(wanted) or default or ":".join(["all", *(f"!{group}" for group in left_out)])


def _text(wanted: object) -> Optional[str]:
    if isinstance(wanted, (list, tuple)):
        wanted = ",".join(str(part) for part in wanted)
    text = "" if wanted is None else str(wanted).strip()
    return text or None


def _hosts(pattern: str, groups: Mapping[str, Sequence[str]], limit: Optional[str] = None) -> List[str]:
    """The hosts that Ansible finds by a pattern, within a limit; none where it cannot read one of them."""
    inventory = InventoryManager(DataLoader(), sources=None, parse=False)
    for group, members in groups.items():
        if group not in ("all", "ungrouped"):
            inventory.add_group(group)
        for host in members:
            inventory.add_host(host, None if group in ("all", "ungrouped") else group)
    inventory.reconcile_inventory()
    try:
        if limit:
            inventory.subset(limit)
        return [str(host) for host in inventory.list_hosts(pattern)]
    except AnsibleError:
        return []
