#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dhash_progress
short_description: Report the progress of a migration
version_added: 1.0.0
description:
  - Reads the progress file that M(mobius.dhash.dhash_migrate) keeps beside the library while it hashes.
  - Needs nothing but the host's own Python.
options:
  job:
    description:
      - Ansible's state file of the background job that migrates.
      - A query with it keeps a migration with O(mobius.dhash.dhash_migrate#module:patience) running.
    type: path
  stop:
    description:
      - Cancel that O(job), wait at most ten seconds for it, and remove its file. The library stays as it is.
      - A migration without O(mobius.dhash.dhash_migrate#module:patience) cannot be canceled this way.
    type: bool
    default: false
  deployment:
    description: The holder of the lock, which is released when O(stop) has ended the migration.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
seealso:
  - module: mobius.dhash.dhash_migrate
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Ask how far the migration is
  mobius.dhash.dhash_progress:
    path: /srv/mobius/library.json
  register: migration

- name: Show it
  ansible.builtin.debug:
    msg: "{{ migration.progress.done | default(0) }} of {{ migration.progress.total | default('?') }}"
"""

RETURN = r"""
running:
  description: Whether a migration wrote its progress within the last 30 seconds.
  returned: always
  type: bool
  sample: true
progress:
  description:
    - The last progress; empty if there is none.
    - C(phase) is V(comparing) with the last run, V(hashing) or V(writing), C(done) and C(total) are items, and the
      total is an estimate until all were read; C(rate) is items a second, C(eta) seconds left, C(started) and
      C(updated) are seconds since 1970.
  returned: always
  type: dict
  sample:
    phase: hashing
    done: 12000
    total: 60000
    failed: 3
    rate: 870.4
    eta: 55.1
    started: 1727193600.0
    updated: 1727193613.8
finished:
  description: Whether the background job has ended.
  returned: when O(job) is given
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.migration.progress_query import query_progress


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            job=dict(type="path"),
            stop=dict(type="bool", default=False),
            deployment=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    stop = given["stop"] and not module.check_mode
    finish(module, lambda: query_progress(given["path"], given["job"], stop=stop, deployment=given["deployment"]))


if __name__ == "__main__":
    main()
