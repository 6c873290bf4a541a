#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_finish
short_description: End a deployment, a rollback or a watch
version_added: 1.0.0
description:
  - Ends the run that M(mobius.dhash.run_begin) began. In one call on the host it turns maintenance mode off, releases
    the lock, writes the metrics file and the report (as JSON, as text and as a page), removes what is past its
    retention, reads what the host holds, and appends the run to the history of the library.
  - Then it shows the operator the outcome, the state of the host and the next commands, and sends the message at the
    end, once for all hosts.
  - Fails if the run failed, or if it left a lock or a maintenance flag behind. To be called outside of the block whose
    C(rescue) rolls back, so that the failure counts for C(max_fail_percentage).
options:
  path:
    description: The library; within a run the action plugin sets it.
    type: path
    required: true
  log_dir:
    description: Folder of the report.
    type: path
    required: true
  metrics_file:
    description: File for node_exporter's textfile collector; none when empty.
    type: path
  maintenance_flag:
    description: The flag of the maintenance mode; C(PATH.maintenance) when omitted.
    type: path
  stays_on_after:
    description:
      - Failed steps after which maintenance mode stays on, V(rollback), V(after_rollback), the name of any step, or
        V(all). Handled on the controller.
    type: list
    elements: str
    default: []
  lift_maintenance:
    description: Whether a flag of this run is removed. The action plugin sets it.
    type: bool
    default: true
  retention:
    description:
      - C(keep_days), C(keep_last), C(keep_daily), C(keep_weekly) and C(keep_monthly) of backups, C(log_keep_days),
        C(log_keep_last) and C(max_evidence) of logs, as numbers. Nothing is removed when omitted.
    type: dict
  backup:
    description: The backup that a rollback would use; it is verified. The action plugin sets it.
    type: str
    default: deployment
  report_members:
    description: The report. The action plugin sets it.
    type: dict
    default: {}
  owed:
    description: What the library still needs. The action plugin sets it.
    type: list
    elements: str
  settled:
    description: What an earlier run left undone and this one completed. The action plugin sets it.
    type: list
    elements: str
    default: []
  rollback_backup:
    description: The requested backup of a manual rollback. Handled on the controller.
    type: str
  restartable:
    description: Whether there is a service to restart. Handled on the controller.
    type: bool
    default: false
  in_rollout:
    description:
      - Whether the play ends with M(mobius.dhash.rollout_end), which then fails the host in place of this task, after a
        rollback by the scope. Handled on the controller.
    type: bool
    default: false
  lock_ttl:
    description: Seconds after which a lock expires that could not be released. Handled on the controller.
    type: int
    default: 900
  limits:
    description: Limits on the metrics by name, which the report draws. Handled on the controller.
    type: dict
    default: {}
  report_dest:
    description:
      - Folder on the controller for a page of all hosts of the play, relative to the playbook; none when empty.
      - It is written when the last host of a batch ends, and again by each later batch. Handled on the controller.
    type: str
  run:
    description:
      - C(id), C(kind) and C(status) of the run, and C(collection) and C(settings) for the history. The action plugin
        sets it.
    type: dict
extends_documentation_fragment:
  - mobius.dhash.attributes
  - mobius.dhash.run.messages
  - mobius.dhash.library.backup_dir
seealso:
  - module: mobius.dhash.run_begin
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: End the run
  mobius.dhash.run_finish:
    path: /srv/mobius/library.json
    log_dir: /srv/mobius/logs
"""

RETURN = r"""
id:
  description: The id of the run.
  returned: always
  type: str
  sample: 20240924T160000Z-1a2b3c
status:
  description: How the run ended, such as V(deployed), V(unchanged), V(refused), V(rolled_back) or V(rollback_failed).
  returned: always
  type: str
  sample: deployed
headline:
  description: The outcome in a sentence.
  returned: always
  type: str
  sample: Deployed. Every image that could be read has its dHash.
facts:
  description: Counts, checksums and paths of the run.
  returned: always
  type: dict
  sample: {"items": 60, "hashed": 58, "backup": "/srv/mobius/backups/library.json.bak.20240924T160000Z"}
next:
  description: Commands that resolve the situation on the host; none after a run that succeeded.
  returned: always
  type: list
  elements: str
  sample: []
report:
  description: The JSON report on the host.
  returned: always
  type: str
  sample: /srv/mobius/logs/deployment-20240924T160000Z-1a2b3c.json
page:
  description: The report as an HTML page on the host; null in check mode and where it could not be written.
  returned: always
  type: str
  sample: /srv/mobius/logs/deployment-20240924T160000Z-1a2b3c.html
history:
  description: C(number) and C(sha256) of the entry of this run in the history of the library; none in check mode.
  returned: always
  type: dict
  sample: {"number": 12, "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}
removed:
  description: What the retention removed, each with C(path) and C(reason).
  returned: always
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.finish import finish_run


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            backup_dir=dict(type="path"),
            log_dir=dict(type="path", required=True),
            metrics_file=dict(type="path"),
            maintenance_flag=dict(type="path"),
            lift_maintenance=dict(type="bool", default=True),
            retention=dict(type="dict"),
            backup=dict(type="str", default="deployment"),
            report_members=dict(type="dict", default={}),
            owed=dict(type="list", elements="str"),
            settled=dict(type="list", elements="str", default=[]),
            run=dict(type="dict"),
            # The action plugin acts on these.
            stays_on_after=dict(type="list", elements="str", default=[]),
            rollback_backup=dict(type="str"),
            restartable=dict(type="bool", default=False),
            in_rollout=dict(type="bool", default=False),
            lock_ttl=dict(type="int", default=900),
            limits=dict(type="dict", default={}),
            report_dest=dict(type="str"),
            notify=dict(type="list", elements="dict", default=[], no_log=True),
            notify_timeout=dict(type="float", default=10.0),
        ),
        supports_check_mode=True,
    )
    given = module.params
    finish(
        module,
        lambda: finish_run(
            given["path"],
            run=given["run"] or {"id": "by hand", "kind": "deployment", "status": "unknown"},
            report=given["report_members"],
            log_dir=given["log_dir"],
            backup_dir=given["backup_dir"],
            backup=given["backup"],
            flag=given["maintenance_flag"],
            lift=given["lift_maintenance"],
            owed=given["owed"],
            settled=given["settled"],
            metrics_file=given["metrics_file"] or "",
            retention=given["retention"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
