#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_status
short_description: Report the state of a library, of the last run and of the rollback target
version_added: 1.0.0
description:
  - Reads the library, the state, the journal of the last run, the lock, the rollback target and the maintenance flag,
    and shows them with the next commands.
  - Reports whether a run is in progress, was interrupted, rejected the library or left something undone, and whether
    any process is still writing.
  - Fails if the library is missing, unreadable, not valid JSON or rejected, if a run was interrupted or left something
    undone, if no rollback is possible although something is deployed, or if maintenance mode was left on by a run that
    has ended.
  - Needs only the host's own Python, and writes nothing.
options:
  backup:
    description: The backup that a rollback would use, as O(mobius.dhash.library_restore#module:backup).
    type: str
    default: deployment
  maintenance_flag:
    description: The flag of the maintenance mode; C(PATH.maintenance) when omitted.
    type: path
extends_documentation_fragment:
  - mobius.dhash.attributes.info
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
seealso:
  - module: mobius.dhash.deployment_info
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Report the state of the library
  mobius.dhash.deployment_status:
    path: /srv/mobius/library.json
"""

RETURN = r"""
state:
  description:
    - One of C(deployed), C(rolled back), C(edited), C(none known), C(under way), C(interrupted), C(rejected),
      C(incomplete), C(missing), C(unreadable) and C(invalid).
  returned: always
  type: str
  sample: interrupted
problems:
  description: Why the module failed; empty if it did not.
  returned: always
  type: list
  elements: str
  sample: [deployment 20240924T160000Z-1a2b3c was interrupted]
next:
  description: Commands that complete what was left undone, the best one first.
  returned: always
  type: list
  elements: str
  sample: [ansible-playbook playbooks/deploy.yml -i inventories/production --limit games-1]
status:
  description: What was found on the host.
  returned: success
  type: dict
  contains:
    library:
      description:
        - C(path), C(real_path), C(sha256), C(size), C(mode), C(owner), C(group), C(problem) (where it stops being valid
          JSON) and C(error).
      type: dict
    current:
      description: The state, as RV(mobius.dhash.deployment_info#module:current).
      type: dict
    as_deployed:
      description: Whether the library has the bytes of the state.
      type: bool
    run:
      description:
        - The last run with C(id), C(kind), C(status), C(started_at), C(ended_at), C(controller), the last C(step),
          C(controller_alive), C(module_alive), C(owed) and the run that is C(unfinished).
      type: dict
    writer:
      description: C(pid) and C(command) of the process that is writing to the library; none where there is none.
      type: dict
    lock:
      description: Who holds the lock; none when it is free.
      type: dict
    target:
      description: The rollback target, as RV(mobius.dhash.deployment_info#module:rollback_target).
      type: dict
    before:
      description: The backup from before the run to be completed, in the same form; else none.
      type: dict
    maintenance:
      description: C(on), C(flag) and C(content) of the maintenance flag.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.status import status_of


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            backup=dict(type="str", default="deployment"),
            maintenance_flag=dict(type="path"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(module, lambda: status_of(given["path"], given["backup_dir"], given["backup"], given["maintenance_flag"]))


if __name__ == "__main__":
    main()
