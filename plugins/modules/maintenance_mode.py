#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance_mode
short_description: Turn maintenance mode on or off by a flag file
version_added: 1.0.0
description:
  - The flag is a small JSON file, mode 0644, that a web server or another service looks for.
  - A flag that is there already stays as it is, so that it tells since when.
options:
  flag:
    description: Path of the flag file.
    type: path
    required: true
  state:
    description: V(present) for on, V(absent) for off.
    type: str
    choices: [present, absent]
    default: present
  reason:
    description: Why, for who reads the flag.
    type: str
    default: ""
  deployment:
    description: Id of the deployment that turns it on.
    type: str
    default: ""
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Turn it on
  mobius.dhash.maintenance_mode:
    flag: /srv/mobius/library.json.maintenance
    reason: A deployment changes the library

- name: Turn it off
  mobius.dhash.maintenance_mode:
    flag: /srv/mobius/library.json.maintenance
    state: absent
"""

RETURN = r"""
"on":
  description: Whether the mode is on afterwards.
  returned: always
  type: bool
  sample: true
content:
  description: What the flag says; empty when the mode is off.
  returned: always
  type: dict
  sample: {"reason": "A deployment changes the library", "deployment": "", "since": "2024-09-24T16:00:00Z"}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.maintenance.flag import set_flag


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            flag=dict(type="path", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            reason=dict(type="str", default=""),
            deployment=dict(type="str", default=""),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: set_flag(
            given["flag"],
            on=given["state"] == "present",
            reason=given["reason"],
            deployment=given["deployment"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
