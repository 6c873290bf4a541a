#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_backup
short_description: Back up a library, with a checksum
version_added: 1.0.0
description:
  - Copies the library byte for byte to C(NAME.bak.TIMESTAMP), with C(NAME.bak.TIMESTAMP.sha256) beside it, which
    C(sha256sum -c) accepts when it is run from the library's folder.
  - Nothing is copied if the newest backup that verifies has the same bytes.
  - A backup becomes visible only when it is complete, on disk and has its checksum; a killed run leaves none.
  - C(NAME.bak.TIMESTAMP.meta) beside it holds owner, group, mode, ACL and extended attributes of the library, to
    restore them with a deleted library, and whether the library was valid.
  - A library that is not valid, for example empty or truncated, is backed up as well. Its backup is marked with a
    warning, and a restore uses it only if it is named.
options: {}
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
  - mobius.dhash.library.ownership
  - mobius.dhash.library.real_path
seealso:
  - module: mobius.dhash.library_backup_info
  - module: mobius.dhash.library_restore
  - module: mobius.dhash.library_backup_prune
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Back up the library
  mobius.dhash.library_backup:
    path: /srv/mobius/library.json

- name: Back up to another disk, for a group of operators
  mobius.dhash.library_backup:
    path: /srv/mobius/library.json
    backup_dir: /mnt/backups/mobius
    group: operators
    mode: "0640"
"""

RETURN = r"""
backup:
  description: The backup that has the bytes of the library, whether new or existing.
  returned: always
  type: dict
  contains:
    path:
      description: The backup.
      type: str
    sha256:
      description: SHA-256 of its bytes.
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
      description: Whether its bytes match its checksum file.
      type: bool
    reason:
      description: Why it is verified or not.
      type: str
    valid:
      description: Whether the library in it is valid, JSON whose root is an object or a list.
      type: bool
    problem:
      description: Why it is not valid; empty when it is.
      type: str
  sample:
    path: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    size: 1048576
    created: "2024-09-24T16:00:00Z"
    kind: backup
    verified: true
    reason: the checksum matches
    valid: true
    problem: ""
real_path:
  description: The library, links followed.
  returned: always
  type: str
  sample: /srv/mobius/releases/7/library.json
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import parse_mode


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            deployment=dict(type="str"),
            owner=dict(type="str"),
            group=dict(type="str"),
            mode=dict(type="str", default="0640"),
            expected_real_path=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: create_backup(
            given["path"],
            given["backup_dir"],
            check_mode=module.check_mode,
            owner=given["owner"],
            group=given["group"],
            mode=parse_mode(given["mode"]),
            deployment=given["deployment"],
            expected_real_path=given["expected_real_path"],
        ),
    )


if __name__ == "__main__":
    main()
