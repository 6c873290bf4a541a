#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: library_preflight
short_description: Check that a deployment may begin
version_added: 1.0.0
description:
  - Checks the library, the image root, permissions, free space and the backups, and compiles the schema with the
    files that it refers to.
  - In every folder that the deployment will write to, files with the names that it will use are created, synced,
    renamed and removed again. Check mode does not create files and checks only what can be read.
  - A library that is a mount point of its own, such as a single bind-mounted file, is refused. It cannot be replaced
    atomically, and an interrupted write in place would corrupt it, in a rollback as well.
  - Fails with every problem at once, so that one run shows them all.
options:
  path:
    description: The library.
    type: path
    required: true
  image_root:
    description: Folder that image paths resolve under.
    type: path
    required: true
  items:
    description: Selectors of the items, such as C(components[]); empty for the default selectors.
    type: list
    elements: str
    default: []
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  backup_dir:
    description: Folder of the backups; C(backups/) beside the library when not given.
    type: path
  log_dir:
    description: Folder of the logs; C(logs/) beside the library when not given.
    type: path
  schema:
    description: JSON Schema that the result must satisfy; none when empty.
    type: path
  metrics_file:
    description: File for node_exporter that the deployment will write; none when empty.
    type: path
  replaces:
    description: Further files that the deployment will replace, such as the report of its dry run.
    type: list
    elements: path
    default: []
  owner:
    description: User that new backups will belong to; that of the library when omitted.
    type: str
  group:
    description: Group that new backups will belong to; that of the library when omitted.
    type: str
attributes:
  check_mode:
    description: Checks without creating files.
    support: full
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.attributes.info
  - mobius.dhash.library.real_path
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: See whether a deployment may begin
  mobius.dhash.library_preflight:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
"""

RETURN = r"""
sha256:
  description: SHA-256 of the library.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
size:
  description: Size of the library in bytes.
  returned: success
  type: int
  sample: 14532
item_count:
  description: How many items the selectors find.
  returned: success
  type: int
  sample: 60
real_path:
  description: The library, links followed; for C(expected_real_path) of later modules.
  returned: success
  type: str
  sample: /srv/mobius/releases/7/library.json
rollback:
  description: The verified backup that a rollback can use.
  returned: when the library is missing or broken, and there is one
  type: dict
  contains:
    backup:
      description: The backup.
      type: str
    sha256:
      description: SHA-256 of its bytes.
      type: str
    created:
      description: The time in its name, UTC.
      type: str
  sample:
    backup: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    created: "2024-09-24T16:00:00Z"
as_deployed:
  description: Whether the bytes are those that the last deployment left, and the backup behind it verifies.
  returned: success
  type: bool
backup:
  description: Path and SHA-256 of the backup that the last deployment was made from; none unless RV(as_deployed).
  returned: success
  type: dict
  sample:
    path: /srv/mobius/backups/library.json.bak.20240924T160000Z
    sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.preflight import preflight


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            image_root=dict(type="path", required=True),
            items=dict(type="list", elements="str", default=[]),
            image_key=dict(type="str", default="image", no_log=False),
            backup_dir=dict(type="path"),
            log_dir=dict(type="path"),
            schema=dict(type="path"),
            metrics_file=dict(type="path"),
            replaces=dict(type="list", elements="path", default=[]),
            owner=dict(type="str"),
            group=dict(type="str"),
            expected_real_path=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    beside = os.path.dirname(given["path"])
    finish(
        module,
        lambda: preflight(
            given["path"],
            image_root=given["image_root"],
            items=given["items"],
            image_key=given["image_key"],
            backup_dir=given["backup_dir"] or os.path.join(beside, "backups"),
            log_dir=given["log_dir"] or os.path.join(beside, "logs"),
            schema=given["schema"],
            metrics_file=given["metrics_file"],
            replaces=given["replaces"],
            owner=given["owner"],
            group=given["group"],
            expected_real_path=given["expected_real_path"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
