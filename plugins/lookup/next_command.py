# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The next command, as an operator can paste it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: next_command
short_description: A command that runs another playbook of this collection as this run was started
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns an C(ansible-playbook) command with the inventories, the connection options and the extra variables of this
    run, limited to this host.
  - Extra variables that may hold a secret are left out and named in a comment at the end.
options:
  _terms:
    description: The playbook without its C(.yml), such as C(rollback).
    required: true
  extra:
    description: Extra variables of that command; they replace those of this run that have the same name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say how it is taken back
  ansible.builtin.debug:
    msg: "{{ lookup('mobius.dhash.next_command', 'rollback', extra={'mobius_backup': 'latest'}) }}"
"""

RETURN = r"""
_raw:
  description: The command, one line.
  type: list
  elements: str
"""

from ansible import context
from ansible.plugins.lookup import LookupBase

from ..plugin_utils.next_command import command


class LookupModule(LookupBase):
    """One command a term."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        host = (variables or {}).get("inventory_hostname")
        extra = self.get_option("extra")
        return [command(str(term), host, context.CLIARGS, extra, self._loader.load) for term in terms]
