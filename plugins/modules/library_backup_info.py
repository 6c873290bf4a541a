#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_backup_info
short_description: List the backups of a library
version_added: 1.0.0
description:
  - Lists backups, and the snapshots that restores made, newest first by the time in the name.
  - Backups of the older scripts are listed too; one without a checksum file does not verify, and the reason has the
    command that creates one.
options:
  verify:
    description:
      - Read every backup and compare its bytes with its checksum. Without it only names, sizes and checksum files are
        read.
    type: bool
    default: true
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
seealso:
  - module: mobius.dhash.library_backup
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: List the backups
  mobius.dhash.library_backup_info:
    path: /srv/mobius/library.json
  register: listed

- name: Show them
  ansible.builtin.debug:
    msg: "{{ listed.backups | map(attribute='line') | list }}"
"""

RETURN = r"""
backups:
  description: Backups and snapshots, newest first.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The backup.
      type: str
    sha256:
      description: SHA-256 of its bytes; that of the checksum file when O(verify) is false; none if it cannot be read.
      type: str
    size:
      description: Its size in bytes.
      type: int
    created:
      description: The time in its name, UTC.
      type: str
    kind:
      description: V(backup), or V(snapshot) for what a restore replaced.
      type: str
    verified:
      description: Whether its bytes match its checksum file; none when O(verify) is false and it has one.
      type: bool
    reason:
      description: Why it is verified or not.
      type: str
    judged:
      description: Whether it can be verified at all; V(false) without a checksum or if it is not a regular file.
      type: bool
    valid:
      description: Whether the library in it is valid; none for a backup of an older version, which lacks that.
      type: bool
    problem:
      description: Why it is not valid; empty if it is, or if that is unknown.
      type: str
    rollback_target:
      description: Whether it is the one that O(mobius.dhash.library_restore#module:backup=deployment) means.
      type: bool
    way_back:
      description: Same as the member C(rollback_target), by its older name.
      type: bool
    line:
      description: A summary in one line, for people.
      type: str
  sample:
    - path: /srv/mobius/backups/library.json.bak.20240924T160000Z
      sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
      size: 1048576
      created: "2024-09-24T16:00:00Z"
      kind: backup
      verified: true
      reason: the checksum matches
      judged: true
      valid: true
      problem: ""
      rollback_target: true
      way_back: true
      line: >-
        2024-09-24T16:00:00Z  backup       1.0 MB  /srv/mobius/backups/library.json.bak.20240924T160000Z  verified
        (a rollback would use it)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.backups.report import info


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            verify=dict(type="bool", default=True),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(module, lambda: info(given["path"], given["backup_dir"], verify=given["verify"]))


if __name__ == "__main__":
    main()
