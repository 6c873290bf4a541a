#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_share_plan
short_description: Assign the images of a library to several hosts
version_added: 1.0.0
description:
  - Finds the images that a migration would hash now, and assigns them to this host and its hash workers, by the
    number of their processors, large images spread evenly.
  - Each share is a file in a temporary folder beside the state of the library. M(mobius.dhash.dhash_share_hash) hashes
    it, and M(mobius.dhash.dhash_share_merge) merges the results and removes the folder.
  - The library is only read.
options:
  helpers:
    description: The hash workers, each as M(mobius.dhash.dhash_worker_info) describes it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The host's name, for messages.
        type: str
        required: true
      processors:
        description: Processes that it hashes with.
        type: int
        required: true
      maker:
        description: What its hashes depend on. A worker that differs from this host gets no share.
        type: str
        required: true
  host:
    description: This host's own name, for messages.
    type: str
    default: ""
  min_seconds:
    description: Estimated seconds of hashing by this host alone, below which nothing is shared.
    type: float
    default: 60
  send:
    description:
      - Pack the images of the hash workers too, one tar each, for hosts that share no storage with this one.
      - The tars take as much space as the images, here and on every host that they pass, until the folder is removed.
    type: bool
    default: false
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.hashing.images
  - mobius.dhash.hashing.items
  - mobius.dhash.hashing.engine
attributes:
  check_mode:
    description: Assigns as the real run does, and writes no files.
  diff_mode:
    description: Temporary files are not a difference.
    support: none
seealso:
  - module: mobius.dhash.dhash_worker_info
  - module: mobius.dhash.dhash_share_hash
  - module: mobius.dhash.dhash_share_merge
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Assign the images to this host and two hash workers
  mobius.dhash.dhash_share_plan:
    path: /srv/mobius/library.json
    image_root: /srv/mobius/images
    host: games-1
    helpers:
      - {name: worker-1, processors: 16, maker: 1/12.3.0}
      - {name: worker-2, processors: 8, maker: 1/12.3.0}
  register: assigned
  vars:
    ansible_python_interpreter: /opt/mobius-dhash/bin/python
"""

RETURN = r"""
pictures:
  description: How many images have to be hashed; 0 if no worker is suitable.
  returned: success
  type: int
  sample: 120000
bytes:
  description: Their size.
  returned: success
  type: int
  sample: 61203283968
seconds:
  description: About how long this host would take alone, from hashing a few of them.
  returned: success
  type: float
  sample: 1612.5
image_root:
  description: The image root, links resolved.
  returned: success
  type: str
  sample: /srv/mobius/images
folder:
  description: Where the shares are; empty when nothing is shared.
  returned: success
  type: str
  sample: /srv/mobius/.library.json.dhash/shares-x8wq2k1p
shares:
  description: The shares, this host's own first; none when nothing is shared.
  returned: success
  type: list
  elements: dict
  contains:
    number:
      description: Its number.
      type: int
    worker:
      description: The name of its host.
      type: str
    own:
      description: Whether that is this host itself.
      type: bool
    pictures:
      description: How many images it has.
      type: int
    bytes:
      description: Their size.
      type: int
    timeout:
      description: Seconds after which it is late, four times the estimate plus a minute.
      type: int
    file:
      description: The share.
      type: str
    pack:
      description: The tar of its images; empty unless O(send).
      type: str
  sample:
    - number: 0
      worker: games-1
      own: true
      pictures: 30000
      bytes: 15300820992
      timeout: 1672
      file: /srv/mobius/.library.json.dhash/shares-x8wq2k1p/0.share
      pack: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.hash_workers.plan import plan
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE, ITEMS, options_of


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            ITEMS,
            **ENGINE,
            path=dict(type="path", required=True),
            image_root=dict(type="path"),
            helpers=dict(
                type="list",
                elements="dict",
                default=[],
                options=dict(
                    name=dict(type="str", required=True),
                    processors=dict(type="int", required=True),
                    maker=dict(type="str", required=True),
                ),
            ),
            host=dict(type="str", default=""),
            min_seconds=dict(type="float", default=60),
            send=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: plan(
            options_of(given),
            given["helpers"],
            host=given["host"],
            min_seconds=given["min_seconds"],
            send=given["send"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
