#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_share_merge
short_description: Merge what hash workers hashed
version_added: 1.0.0
description:
  - Merges the results of the shares of M(mobius.dhash.dhash_share_plan) into the index of images, so that the next
    migration does not hash these images again, and removes the folder of the shares.
  - A share is accepted only when all of it can be read, it was hashed with the same version of Pillow, and each image
    of a sample has the same dHash here. Of an accepted share, images are merged whose size and time are equal here.
  - Rejected results are reported, and the migration hashes those images. The library is only read.
options:
  folder:
    description: The folder that M(mobius.dhash.dhash_share_plan) made, with C(NUMBER.results) beside each share.
    type: path
    required: true
  sample:
    description:
      - How many images of each share are hashed again here, chosen at random.
      - A sample detects a host that is often wrong; only a sample of the whole share detects every wrong hash.
    type: int
    default: 20
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.hashing.images
  - mobius.dhash.hashing.engine
attributes:
  diff_mode:
    description: The index of images is not a document.
    support: none
seealso:
  - module: mobius.dhash.dhash_share_plan
  - module: mobius.dhash.dhash_migrate
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Merge what the hash workers hashed
  mobius.dhash.dhash_share_merge:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
    folder: "{{ assigned.folder }}"
  vars:
    ansible_python_interpreter: /opt/mobius-dhash/bin/python
"""

RETURN = r"""
merged:
  description: Images that are in the index now.
  returned: success
  type: int
  sample: 119990
left:
  description: Images of the shares that the migration has to hash.
  returned: success
  type: int
  sample: 10
workers:
  description: The outcome of each share.
  returned: success
  type: list
  elements: dict
  contains:
    worker:
      description: The name of its host.
      type: str
    pictures:
      description: How many images it had.
      type: int
    merged:
      description: How many of them are in the index now.
      type: int
    refused:
      description: Why it was rejected; empty if it was accepted.
      type: str
  sample:
    - worker: worker-1
      pictures: 60000
      merged: 59995
      refused: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.merge import merge
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE, options_of


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ENGINE,
            path=dict(type="path", required=True),
            image_root=dict(type="path"),
            folder=dict(type="path", required=True),
            sample=dict(type="int", default=20),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: merge(options_of(given), given["folder"], sample=given["sample"], check_mode=module.check_mode),
    )


if __name__ == "__main__":
    main()
