#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_share_hash
short_description: Hash a share of the images of another host
version_added: 1.0.0
description:
  - Hashes the images of a share of M(mobius.dhash.dhash_share_plan), and writes the result of each to a file.
  - Runs in the background on the host and reports its progress every few seconds. When the play ends early, so does the
    hashing.
options:
  share:
    description: The share, on this host.
    type: path
    required: true
  dest:
    description: The file of results to write. It must not exist, and is readable by this user only.
    type: path
    required: true
  image_root:
    description:
      - The folder of the images as this host sees it. Not needed with O(pack).
      - An image that is missing or has another size is left to the owner of the library.
    type: path
  pack:
    description: A tar of the images, for a host without access to their folder.
    type: path
  deadline:
    description: Seconds after which no further image is started, V(0) for none. What was hashed until then is kept.
    type: float
    default: 0
  patience:
    description: Seconds without a query of its progress after which it cancels itself; V(0) for never.
    type: float
    default: 60
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.hashing.engine
attributes:
  check_mode:
    description: Skipped in check mode.
    support: none
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: mobius.dhash.dhash_share_plan
  - module: mobius.dhash.dhash_share_merge
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Hash a share from the storage that both hosts have
  mobius.dhash.dhash_share_hash:
    share: /tmp/share/1.share
    dest: /tmp/share/1.results
    image_root: /mnt/games/images
    deadline: 3600
  vars:
    ansible_python_interpreter: /opt/mobius-dhash/bin/python

- name: Hash a share whose images were sent
  mobius.dhash.dhash_share_hash:
    share: /tmp/share/1.share
    dest: /tmp/share/1.results
    pack: /tmp/share/1.tar
"""

RETURN = r"""
pictures:
  description: How many images the share has.
  returned: success
  type: int
  sample: 30000
hashed:
  description: Those that have a dHash now.
  returned: success
  type: int
  sample: 29990
failed_pictures:
  description: Those without one. The owner of the library tries them itself.
  returned: success
  type: int
  sample: 7
missing:
  description: Those that are missing or have another size.
  returned: success
  type: int
  sample: 3
left:
  description: Those that were not started before O(deadline).
  returned: success
  type: int
  sample: 0
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 412.7
dest:
  description: Same as O(dest).
  returned: success
  type: str
  sample: /tmp/share/1.results
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.hashing import hash_share
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE, options_of


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ENGINE,
            share=dict(type="path", required=True),
            dest=dict(type="path", required=True),
            image_root=dict(type="path"),
            pack=dict(type="path"),
            deadline=dict(type="float", default=0),
            patience=dict(type="float", default=60),
        ),
        required_one_of=[("image_root", "pack")],
    )
    given = module.params
    finish(
        module,
        lambda: hash_share(
            options_of({"path": given["share"], **given}),
            given["dest"],
            pack=given["pack"],
            idle_timeout=given["patience"],
            deadline=given["deadline"],
        ),
    )


if __name__ == "__main__":
    main()
