#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_prune
short_description: Remove old logs, reports and evidence
version_added: 1.0.0
description:
  - Removes files of runs from the log folder that no rule keeps, and gives the reason for each file kept and removed.
    These are logs of migrations and dry runs, reports of deployments, rollbacks and watches, and evidence.
  - Regardless of the rules, the newest of each kind stays, and so do files of the current deployment and the one
    before it, and files dated in the future (the clock was set back).
  - Only a proven age counts; while the clock is not trusted, nothing is removed and a warning gives the reason, as in
    M(mobius.dhash.library_backup_prune).
  - A matching name is not enough. Anything that is not a plain file, does not have the expected content, belongs to
    another library, or is an evidence folder with foreign files, is left alone.
options:
  log_dir:
    description: Folder of the logs; C(logs) beside the library when omitted.
    type: path
  keep_days:
    description: Days, counted back from now, for which everything stays.
    type: int
    default: 30
  keep_last:
    description: How many of each kind stay at any age. The newest stays even with V(0).
    type: int
    default: 10
  max_evidence:
    description:
      - Limit in bytes for all evidence together. The oldest is removed first at any age; V(0) for no limit.
    type: int
    default: 4294967296
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.library
  - mobius.dhash.library.deployment
seealso:
  - module: mobius.dhash.library_backup_prune
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Keep a quarter of a year of logs, and at most 1 GiB of evidence
  mobius.dhash.deployment_prune:
    path: /srv/mobius/library.json
    keep_days: 90
    max_evidence: 1073741824
"""

RETURN = r"""
removed:
  description: What was removed, newest first, with the reason.
  returned: always
  type: list
  elements: dict
  contains: &artifact
    path:
      description: The file, or the folder of the evidence.
      type: str
    kind:
      description: V(migration), V(dry-run), V(deployment), V(rollback), V(monitoring) or V(evidence).
      type: str
    created:
      description: The time in its name, UTC.
      type: str
    size:
      description: Its size in bytes.
      type: int
    reason:
      description: Why.
      type: str
  sample:
    - path: /srv/mobius/logs/migration-20240701T160000Z.log
      kind: migration
      created: "2024-07-01T16:00:00Z"
      size: 812
      reason: older than 30 days
kept:
  description: What was kept, newest first, with the reason.
  returned: always
  type: list
  elements: dict
  contains: *artifact
  sample:
    - path: /srv/mobius/logs/migration-20240924T160000Z.log
      kind: migration
      created: "2024-09-24T16:00:00Z"
      size: 812
      reason: the newest migration
freed:
  description: Bytes that were freed.
  returned: always
  type: int
  sample: 812
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prune import Rules, prune


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            log_dir=dict(type="path"),
            deployment=dict(type="str"),
            keep_days=dict(type="int", default=30),
            keep_last=dict(type="int", default=10),
            max_evidence=dict(type="int", default=4294967296),
        ),
        supports_check_mode=True,
    )
    given = module.params

    def call():
        rules = Rules(given["keep_days"], given["keep_last"], given["max_evidence"])
        return prune(
            given["path"], given["log_dir"], rules=rules, check_mode=module.check_mode, deployment=given["deployment"]
        )

    finish(module, call)


if __name__ == "__main__":
    main()
