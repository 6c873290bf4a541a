#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_restore
short_description: Restore a library from a backup
version_added: 1.0.0
description:
  - Replaces the library with the bytes of a backup that verifies, atomically and durably; owner, mode, ACL and extended
    attributes of the library stay.
  - The replaced bytes are kept first, as a snapshot C(NAME.pre-restore.TIMESTAMP) among the backups; restoring that
    file undoes the restore.
  - The library need not be readable as JSON. A missing one is created with the owner, group, mode, ACL and extended
    attributes stored with its backup, as far as this user may set them.
  - A missing library whose file system is not mounted is not created on the bare mount point; the module fails.
  - Once it has begun, a process that the same O(deployment) started earlier, and that outlived its task, can no longer
    change the library.
  - Needs only the host's own Python.
options:
  backup:
    description:
      - V(latest) for the newest backup whose library is valid and was not rolled back; snapshots do not count.
      - If the newest does not verify, or one is dated in the future because the clock was set, nothing is restored and
        the message names the files to choose from.
      - V(deployment) for the backup from before the last deployment, even if there is a later backup of the deployed
        library. Same as V(latest) if no deployment is known.
      - C(sha256:) and 64 hex digits for any backup with these bytes; nothing is done if the library has them.
      - A file name or path; a relative one is looked up in the backup folder, then beside the library.
    type: str
    default: latest
  only_replaced:
    description:
      - Restore exactly what the migration of O(deployment) replaced, according to the state beside the library, and
        ignore O(backup). If it replaced nothing, the library stays as it is, edited or not.
      - O(backup) is used if the library is missing, or if the state cannot be read.
    type: bool
    default: false
  expected:
    description:
      - SHA-256 that the library must have to be replaced; with any other bytes it stays as it is, and the module fails.
        A missing library is restored anyway.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
  - mobius.dhash.library.deployment
  - mobius.dhash.library.ownership
  - mobius.dhash.library.real_path
notes:
  - O(owner), O(group) and O(mode) are those of the snapshot; the library keeps its own.
seealso:
  - module: mobius.dhash.library_backup_info
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Undo the last deployment
  mobius.dhash.library_restore:
    path: /srv/mobius/library.json
    backup: deployment
  register: rollback

- name: Restore one backup
  mobius.dhash.library_restore:
    path: /srv/mobius/library.json
    backup: backups/library.json.bak.20240924T160000Z

- name: Undo a restore that was wrong
  mobius.dhash.library_restore:
    path: /srv/mobius/library.json
    backup: "{{ rollback.snapshot }}"
  when: rollback.snapshot is not none
"""

RETURN = r"""
restored_from:
  description: The backup whose bytes the library has now.
  returned: always
  type: str
  sample: /srv/mobius/backups/library.json.bak.20240924T160000Z
snapshot:
  description: The file with the replaced bytes; none if nothing was replaced.
  returned: always
  type: str
  sample: /srv/mobius/backups/library.json.pre-restore.20240924T161500Z
sha256:
  description: SHA-256 of the library afterwards.
  returned: always
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
sha256_before:
  description: SHA-256 of the library before; none when it was missing.
  returned: always
  type: str
  sample: fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9
edited:
  description:
    - Whether the replaced library had been edited since it was deployed or restored, as far as that is known.
      There is a warning as well, and RV(snapshot) has those bytes.
  returned: always
  type: bool
  sample: false
size:
  description: Size of the library afterwards, in bytes.
  returned: always
  type: int
  sample: 1048576
real_path:
  description: The library, links followed.
  returned: always
  type: str
  sample: /srv/mobius/releases/7/library.json
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.restore_replaced import restore_replaced
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import parse_mode


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            backup=dict(type="str", default="latest"),
            deployment=dict(type="str"),
            only_replaced=dict(type="bool", default=False),
            expected=dict(type="str"),
            owner=dict(type="str"),
            group=dict(type="str"),
            mode=dict(type="str", default="0640"),
            expected_real_path=dict(type="path"),
        ),
        required_if=[("only_replaced", True, ["deployment"])],
        supports_check_mode=True,
    )
    given = module.params
    call = restore_replaced if given["only_replaced"] else restore
    finish(
        module,
        lambda: call(
            given["path"],
            given["backup_dir"],
            given["backup"],
            check_mode=module.check_mode,
            deployment=given["deployment"],
            expected=given["expected"] or None,
            owner=given["owner"],
            group=given["group"],
            mode=parse_mode(given["mode"]),
            expected_real_path=given["expected_real_path"],
        ),
    )


if __name__ == "__main__":
    main()
