#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_info
short_description: Report what is deployed
version_added: 1.0.0
description:
  - Reads the state of the last deployment or rollback, which is kept beside the library.
  - Reports who holds the lock, and with O(backup) whether that backup could be restored.
  - Needs nothing but the host's own Python.
options:
  backup:
    description:
      - The backup that a rollback would use, as O(mobius.dhash.library_restore#module:backup). It is
        verified but not restored. When omitted, no backup is read.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: See what is deployed
  mobius.dhash.deployment_info:
    path: /srv/mobius/library.json
  register: deployed

- name: Show it
  ansible.builtin.debug:
    msg: "{{ deployed.current.deployment | default('nothing') }} is deployed"

- name: See whether it could be rolled back
  mobius.dhash.deployment_info:
    path: /srv/mobius/library.json
    backup: deployment
"""

RETURN = r"""
current:
  description:
    - The state; empty if there is none. C(status) is V(deployed) or V(rolled_back).
    - C(previous) is the state before it, C(rejected) the SHA-256 of deployments that were rolled back.
  returned: always
  type: dict
  sample: {"deployment": "20240924T160000Z-1a2b3c", "status": "deployed", "sha256": "2c26b4…"}
sha256:
  description: SHA-256 of the library; none when it is missing.
  returned: always
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
as_recorded:
  description: Whether the library still has the bytes of the state.
  returned: always
  type: bool
  sample: true
baseline:
  description: Length of the review queue before the last deployment; none if it was not measured.
  returned: always
  type: float
  sample: 4.0
lock:
  description: Who holds the lock; none when it is free.
  returned: always
  type: dict
  sample: {"id": "20240924T160000Z-1a2b3c", "user": "deploy", "host": "games-1", "expires_at": "2024-09-24T16:15:00Z"}
rollback_target:
  description: The rollback target that O(backup) names, with C(verified) and C(reason); none without O(backup).
  returned: always
  type: dict
  sample:
    path: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 2c26b4…
    verified: true
    reason: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            backup=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    finish(module, lambda: deployed(params["path"], params["backup_dir"], params["backup"]))


if __name__ == "__main__":
    main()
