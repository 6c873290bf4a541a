# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a collection is installed, so that a playbook can say so in a line before it loads a module of it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: has_collection
short_description: Whether a collection is installed on the controller
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns for each name whether Ansible finds that collection. A task with a module of a collection that is missing
    ends the play with an error of the parser; with this lookup a playbook can name the remedy before.
options:
  _terms:
    description: Names of collections, such as C(awx.awx).
    required: true
"""

EXAMPLES = r"""
- name: Check that the collection is there
  ansible.builtin.assert:
    that: lookup('mobius.dhash.has_collection', 'awx.awx')
    fail_msg: "awx.awx is missing. Next: ansible-galaxy collection install awx.awx"
"""

RETURN = r"""
_raw:
  description: One boolean for each name.
  type: list
  elements: bool
"""

from importlib.util import find_spec

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Uses Ansible's own collection loader."""

    def run(self, terms, variables=None, **kwargs):
        return [_is_there(str(name)) for name in terms]


def _is_there(name):
    try:
        return find_spec(f"ansible_collections.{name}") is not None
    except (ImportError, ValueError):
        return False
