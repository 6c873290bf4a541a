# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import batches

DOCUMENTATION = r"""
name: batches
short_description: Batch sizes of a play from a list or from text
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns batch sizes for C(serial) of a play. Ansible stops with an unexpected exception if C(serial) is neither a
    number nor a percentage; this filter names the variable and the accepted values.
positional: default
options:
  _input:
    description: A number, a percentage, or several, as a list, as JSON, or as text with commas in between.
    type: raw
    required: true
  default:
    description: Value to return if the variable is V(null) or empty.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Deploy in batches from a survey, as in -e mobius_serial="1,10%,100%"
  hosts: all
  serial: "{{ mobius_serial | default('') | mobius.dhash.batches([1, '10%', '100%']) }}"
  roles:
    - role: mobius.dhash.deploy
"""

RETURN = r"""
_value:
  description: Batch sizes.
  type: raw
"""


def _batches(value, default):
    try:
        return batches(value, default)
    except MobiusError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this collection."""

    def filters(self):
        return {"batches": _batches}
