#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhash_worker_info
short_description: Report what a hash worker can do
version_added: 1.0.0
description:
  - Reports how many processes this host hashes with, and what its hashes depend on besides the image.
  - M(mobius.dhash.dhash_share_plan) uses it to assign images.
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.attributes.info
  - mobius.dhash.hashing.engine
seealso:
  - module: mobius.dhash.dhash_share_plan
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Report what this host can do
  mobius.dhash.dhash_worker_info:
  register: about
  vars:
    ansible_python_interpreter: /opt/mobius-dhash/bin/python
"""

RETURN = r"""
processors:
  description: Processes that hash at the same time.
  returned: success
  type: int
  sample: 8
maker:
  description: What hashes depend on besides the image, as one word. Only hashes with equal words may be mixed.
  returned: success
  type: str
  sample: 1/12.3.0
pillow:
  description: Version of Pillow.
  returned: success
  type: str
  sample: 12.3.0
imagehash:
  description: Version of ImageHash; null where it is not installed. The hashes do not depend on it.
  returned: success
  type: str
  sample: 4.3.2
pillow_heif:
  description: Version of pillow-heif, which opens HEIC images. If it is installed, the hashes depend on it.
  returned: when it is installed
  type: str
  sample: 1.8.1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE, options_of
from ansible_collections.mobius.dhash.plugins.module_utils.migration.hashing import facts


def main() -> None:
    module = AnsibleModule(argument_spec=dict(ENGINE), supports_check_mode=True)
    finish(module, lambda: facts(options_of({"path": "", **module.params})))


if __name__ == "__main__":
    main()
