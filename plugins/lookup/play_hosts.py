# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play, or an error if there are none."""

from __future__ import annotations

DOCUMENTATION = r"""
name: play_hosts
short_description: The hosts of a play, or an error if there are none
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns the pattern in C(mobius_hosts), or all hosts but those of the group C(mobius_hash_workers).
  - Fails if a source of the inventory does not exist, if the inventory has no hosts, or if the pattern matches none.
    Ansible itself skips such a play and ends with success.
  - Fails if C(--limit) is empty, which Ansible treats as all hosts, or leaves no host of the pattern.
  - Fails where C(--tags), C(--skip-tags) or C(--start-at-task) would leave out steps of a playbook of this collection
    that is named on the command line.
options:
  _terms:
    description: The pattern if C(mobius_hosts) is not set.
"""

EXAMPLES = r"""
- name: Back up every library
  hosts: "{{ lookup('mobius.dhash.play_hosts') }}"
  tasks: []
"""

RETURN = r"""
_raw:
  description: The pattern.
  type: list
  elements: str
"""

import os

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ..module_utils.errors import MobiusError
from ..plugin_utils.play_hosts import pattern_of, play_hosts, refuse_partial

_PLAYBOOKS = os.path.join(os.path.dirname(__file__), "..", "..", "playbooks")
# With these, nothing is run: ansible-lint checks the syntax without an inventory.
_LOOKS_ONLY = ("syntax", "listhosts", "listtasks", "listtags")


class LookupModule(LookupBase):
    """Evaluated before the play begins, with any limit."""

    def run(self, terms, variables=None, **kwargs):
        variables = variables or {}
        wanted = self._templar.template(variables.get("mobius_hosts"))
        groups = variables.get("groups") or {}
        default = str(terms[0]) if terms else None
        if any(context.CLIARGS.get(name) for name in _LOOKS_ONLY):
            return [pattern_of(wanted, groups, default)]
        inventory = [str(source) for source in context.CLIARGS.get("inventory") or ()]
        usual = [str(source) for source in C.DEFAULT_HOST_LIST]
        limit = context.CLIARGS.get("subset")
        given = context.CLIARGS.get
        try:
            refuse_partial(
                given("args") or (), _PLAYBOOKS, given("tags") or (), given("skip_tags") or (), given("start_at_task")
            )
            return [play_hosts(wanted, groups, inventory, usual, limit=limit, default=default)]
        except MobiusError as error:
            raise AnsibleError(str(error)) from error
