#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance_mode
short_description: Turn maintenance mode on or off by a flag file
version_added: 1.0.0
description:
  - The flag is a small JSON file, mode 0644, that a web server or another service looks for.
  - An existing flag stays unchanged, because it holds the time at which the mode was turned on.
options:
  flag:
    description: Path of the flag file.
    type: path
    required: true
  path:
    description: Path of C(library.json). The flag may not be the library, a backup of it or a part of its state.
    type: path
  state:
    description:
      - V(present) for on, V(absent) for off, V(status) only to report.
      - Only a flag that this module made, or an empty file, is removed; anything else is refused.
    type: str
    choices: [present, absent, status]
    default: present
  reason:
    description: The reason, for readers of the flag.
    type: str
    default: ""
  deployment:
    description:
      - Id of the deployment that turns it on.
      - With O(state=absent) only the flag of this deployment is removed; without an id, any flag is.
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

- name: Turn off what a deployment turned on, and leave the mode of anyone else
  mobius.dhash.maintenance_mode:
    flag: /srv/mobius/library.json.maintenance
    state: absent
    deployment: 20240924T160000Z-1a2b3c
"""

RETURN = r"""
"on":
  description: Whether the mode is on afterwards.
  returned: always
  type: bool
  sample: true
content:
  description: The content of the flag; empty if the mode is off.
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
            path=dict(type="path"),
            state=dict(type="str", choices=["present", "absent", "status"], default="present"),
            reason=dict(type="str", default=""),
            deployment=dict(type="str", default=""),
        ),
        supports_check_mode=True,
    )
    given = module.params

    def switch():
        result = set_flag(
            given["flag"],
            on={"present": True, "absent": False, "status": None}[given["state"]],
            reason=given["reason"],
            deployment=given["deployment"],
            library=given["path"] or "",
            check_mode=module.check_mode,
        )
        if result["on"] and given["deployment"] and result["content"].get("deployment") == given["deployment"]:
            result["journal"] = {"maintenance_flag": given["flag"], "maintenance_run": given["deployment"]}
        return result

    finish(module, switch)


if __name__ == "__main__":
    main()
