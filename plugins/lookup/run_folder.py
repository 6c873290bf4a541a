# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder on the controller that lasts as long as the run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_folder
short_description: A folder on the controller that lasts as long as this run
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns Ansible's own temporary folder of this run, for files to transfer from one host to another.
  - Only this user can read it, and Ansible removes it when it ends, also after Ctrl-C.
options: {}
"""

EXAMPLES = r"""
- name: Fetch a file that another host gets later in the run
  ansible.builtin.fetch:
    src: /srv/mobius/list
    dest: "{{ lookup('mobius.dhash.run_folder') }}/{{ inventory_hostname }}/"
    flat: true
"""

RETURN = r"""
_raw:
  description: The folder.
  type: list
  elements: path
"""

from ansible import constants
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Reads the constant: there is no variable for it, and a configuration lookup would return a new folder."""

    def run(self, terms, variables=None, **kwargs):
        return [constants.DEFAULT_LOCAL_TMP]
