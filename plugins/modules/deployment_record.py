#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_record
short_description: Write down how a deployment or a rollback ended
version_added: 1.0.0
description:
  - Writes one JSON record and the same as readable lines into the log folder, each replaced whole, mode 0640.
  - Secrets in URLs and in C(password=)-like words are masked before anything is written.
  - A record is a log, no managed state, so the module never reports a change.
options:
  log_dir:
    description: Folder of the logs; made with mode 0750 when absent.
    type: path
    required: true
  deployment:
    description: Id of the deployment or rollback; becomes part of the file names.
    type: str
    required: true
  kind:
    description: What is recorded; the start of the file names.
    type: str
    choices: [deployment, rollback, monitoring]
    default: deployment
  status:
    description: How it ended, such as V(deployed), V(unchanged), V(refused), V(rolled_back) or V(rollback_failed).
    type: str
    required: true
  reason:
    description: One line on why it ended so.
    type: str
    default: ""
  failure:
    description: The failed step, task and message.
    type: dict
    default: {}
  timeline:
    description: Events in order, each with C(at) (UTC) and C(event).
    type: list
    elements: dict
    default: []
  facts:
    description: Whatever else belongs into the record.
    type: dict
    default: {}
extends_documentation_fragment:
  - mobius.dhash.attributes
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Write the record of a deployment
  mobius.dhash.deployment_record:
    log_dir: /srv/mobius/logs
    deployment: 20240924T160000Z-1a2b3c
    status: deployed
    facts:
      items: 60
"""

RETURN = r"""
record:
  description: The JSON record.
  returned: always
  type: str
  sample: /srv/mobius/logs/deployment-20240924T160000Z-1a2b3c.json
log:
  description: The same as readable lines.
  returned: always
  type: str
  sample: /srv/mobius/logs/deployment-20240924T160000Z-1a2b3c.log
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.record import write_record


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            log_dir=dict(type="path", required=True),
            deployment=dict(type="str", required=True),
            kind=dict(type="str", choices=["deployment", "rollback", "monitoring"], default="deployment"),
            status=dict(type="str", required=True),
            reason=dict(type="str", default=""),
            failure=dict(type="dict", default={}),
            timeline=dict(type="list", elements="dict", default=[]),
            facts=dict(type="dict", default={}),
        ),
        supports_check_mode=True,
    )
    given = module.params
    record = {name: given[name] for name in ("deployment", "kind", "status", "failure", "facts", "timeline")}
    record["message"] = given["reason"]
    finish(module, lambda: write_record(given["log_dir"], given["kind"], record, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
