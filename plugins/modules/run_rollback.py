#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_rollback
short_description: Roll a library back in one call
version_added: 1.0.0
description:
  - Keeps the evidence of the failure, takes the lock if the run does not hold it, and restores a backup as
    M(mobius.dhash.library_restore) does. The evidence never stops the restore.
  - Within a run the action plugin waits for a lost host, and sets what follows from the run's journal, which are the
    backup of a deployment that rolls back, the evidence, and the watched deployment.
  - Waits up to two minutes for an interrupted migration to end.
options:
  backup:
    description: As O(mobius.dhash.library_restore#module:backup).
    type: str
    default: deployment
  lock:
    description: Whether to take the lock; otherwise the run holds it already.
    type: bool
    default: true
  only_replaced:
    description: Restore only what the migration of this run replaced.
    type: bool
    default: false
  expected:
    description: SHA-256 that the library must have to be restored; any when omitted.
    type: str
  watched:
    description:
      - C(deployment), C(sha256) and C(status) of the deployment that was watched. If the library is not as that
        deployment left it, nothing is rolled back and RV(nothing) has the reason.
    type: dict
  fleet:
    description:
      - Id of a fleet run. Where the library is not as that fleet run left it, nothing is rolled back and RV(nothing)
        has the reason. The action plugin sets it.
    type: str
  evidence:
    description:
      - C(log_dir), C(failure), C(timeline), C(samples), C(logs) and C(units) of the evidence; none when omitted.
    type: dict
  reconnect_timeout:
    description: Seconds to wait for a lost host. Handled on the controller.
    type: int
    default: 300
  evidence_dest:
    description: Folder on the controller that the evidence is copied to. Handled on the controller.
    type: str
  on_inconclusive:
    description: Whether to roll back after an inconclusive watch. Handled on the controller.
    type: str
    choices: [hold, rollback, fail]
    default: hold
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.run.lock
  - mobius.dhash.library
  - mobius.dhash.library.backup_dir
seealso:
  - module: mobius.dhash.library_restore
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Roll back to before the last deployment
  mobius.dhash.run_rollback:
    path: /srv/mobius/library.json
    backup: deployment
    run:
      id: 20240924T170000Z-4d5e6f
      kind: rollback
"""

RETURN = r"""
restored_from:
  description: The backup that was restored.
  returned: when one was chosen
  type: str
  sample: /srv/mobius/backups/library.json.bak.20240924T160000Z
snapshot:
  description: The snapshot with the replaced bytes; none if nothing was replaced.
  returned: when one was chosen
  type: str
  sample: /srv/mobius/backups/library.json.pre-restore.20240924T170000Z
sha256:
  description: SHA-256 of the library now.
  returned: when one was chosen
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
edited:
  description: Whether the replaced library had been edited since it was deployed.
  returned: when one was chosen
  type: bool
  sample: false
nothing:
  description:
    - Why nothing was rolled back, with C(reason), C(message) and C(earlier), the backup before; none otherwise.
  returned: always
  type: dict
  sample: {"reason": "edited", "message": "the library was edited after the deployment", "earlier": null}
owed:
  description: What an earlier run left undone for this library, of C(verify), C(restart) and C(health).
  returned: always
  type: list
  elements: str
  sample: []
evidence:
  description: C(folder) and C(files) of the evidence, or the C(error) that kept it from being written.
  returned: always
  type: dict
  sample: {"folder": "/srv/mobius/logs/evidence-20240924T160000Z-1a2b3c", "files": ["failure.json"], "error": null}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish, parse_break
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.journals import unit_journals
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.rollback import roll_back


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            backup=dict(type="str", default="deployment"),
            lock=dict(type="bool", default=True),
            only_replaced=dict(type="bool", default=False),
            expected=dict(type="str"),
            watched=dict(type="dict"),
            fleet=dict(type="str"),
            evidence=dict(type="dict"),
            lock_ttl=dict(type="int", default=900),
            lock_break=dict(type="str", default="false"),
            lock_wait=dict(type="float", default=0),
            lock_pid=dict(type="int"),
            run=dict(type="dict"),
            # The action plugin acts on these.
            reconnect_timeout=dict(type="int", default=300),
            evidence_dest=dict(type="str"),
            on_inconclusive=dict(type="str", choices=["hold", "rollback", "fail"], default="hold"),
        ),
        supports_check_mode=True,
    )
    given = module.params
    evidence = dict(given["evidence"]) if given["evidence"] else None
    if evidence is not None:
        evidence["texts"] = unit_journals(module, evidence.pop("units", []))
    lock = {
        "ttl": given["lock_ttl"],
        "force": parse_break(given["lock_break"]),
        "pid": given["lock_pid"],
        "wait": given["lock_wait"],
    }
    finish(
        module,
        lambda: roll_back(
            given["path"],
            given["backup_dir"],
            given["backup"],
            run=given["run"] or {"id": "by hand", "kind": "rollback"},
            lock=lock if given["lock"] else None,
            evidence=evidence,
            watched=given["watched"],
            fleet=given["fleet"],
            only_replaced=given["only_replaced"],
            expected=given["expected"] or None,
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
