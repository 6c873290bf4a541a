#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_info
short_description: Tell what is deployed
version_added: 1.0.0
description:
  - Reads the record of the last deployment or rollback that is kept beside the library.
  - Needs nothing but the host's own Python.
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: See what is deployed
  mobius.dhash.deployment_info:
    path: /srv/mobius/library.json
  register: deployed

- name: Tell it
  ansible.builtin.debug:
    msg: "{{ deployed.current.deployment | default('nothing') }} is deployed"
"""

RETURN = r"""
current:
  description:
    - The record; empty where there is none. C(status) is V(deployed) or V(rolled_back).
    - C(previous) is the record before, C(rejected) the SHA-256 of deployments that were rolled back.
  returned: always
  type: dict
  sample: {"deployment": "20240924T160000Z-1a2b3c", "status": "deployed", "sha256": "2c26b4…"}
sha256:
  description: SHA-256 of the library; none when it is missing.
  returned: always
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
as_recorded:
  description: Whether the library still has the bytes on record.
  returned: always
  type: bool
  sample: true
baseline:
  description: Length of the review queue before the last deployment; none when that was not measured.
  returned: always
  type: float
  sample: 4.0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed


def main() -> None:
    module = AnsibleModule(argument_spec=dict(path=dict(type="path", required=True)), supports_check_mode=True)
    finish(module, lambda: deployed(module.params["path"]))


if __name__ == "__main__":
    main()
