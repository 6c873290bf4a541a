#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_begin
short_description: Begin a deployment, a rollback or a watch
version_added: 1.0.0
description:
  - Gives the run an id and starts its journal on the controller. Until M(mobius.dhash.run_finish), the modules of this
    collection note each step in it, and a lost host is a failed step, so that C(rescue) runs.
  - Checks the variables as M(mobius.dhash.variables_check) does, the maintenance window, and the settings of Ansible
    that would end a run in the middle.
  - Refuses to begin on a host after an earlier batch has lost one.
  - Sends the start message, once for all hosts.
  - Runs on the controller and does not connect to the host.
options:
  kind:
    description: The kind of run.
    type: str
    choices: [deployment, rollback, monitoring]
    default: deployment
  path:
    description: The library.
    type: path
    required: true
  window:
    description: When it may begin, as C(mobius_maintenance_window); always when empty.
    type: dict
    default: {}
  ignore_window:
    description: Begin outside of O(window) as well.
    type: bool
    default: false
  confirm:
    description: Whether the operator will be asked to confirm; refused in a job without a terminal.
    type: bool
    default: false
  hooks:
    description:
      - Task files by C(before_STEP) and C(after_STEP). A relative one is looked up in the folder of the inventory, in
        that of the playbook and its parent, and in the current folder.
    type: dict
    default: {}
  ci:
    description:
      - The commit that CI must have passed, with C(provider) (V(github), V(gitlab) or empty), C(url), C(repository),
        C(commit), C(token), C(contexts), C(timeout), C(ca_path) and C(validate_certs). The controller queries it,
        once for all hosts; anything but green is refused.
    type: dict
    default: {}
  settings:
    description:
      - Settings that affect the outcome besides the images, of C(items), C(image_key), C(hash_mode),
        C(confidence_threshold), C(max_failure_rate), C(max_pixels) and C(image_timeout). The history keeps them.
    type: dict
    default: {}
  evidence_dest:
    description:
      - Folder on the controller that evidence would be copied to. Refused in a job whose container would be removed
        with it.
    type: str
    default: ""
  by_scope:
    description:
      - Whether a rollback is a part of the fleet run under way. If so, a lost host does not keep others from it.
    type: bool
    default: false
  fleet:
    description:
      - Id of the fleet run. A rollback restores the hosts that this fleet run deployed, and skips all others. A
        deployment continues it; when empty, one is chosen for all hosts of this C(ansible-playbook).
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
  - mobius.dhash.run.messages
seealso:
  - module: mobius.dhash.run_finish
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Begin a deployment
  mobius.dhash.run_begin:
    kind: deployment
    path: /srv/mobius/library.json
  register: run
"""

RETURN = r"""
id:
  description: The id of the run.
  returned: always
  type: str
  sample: 20240924T160000Z-1a2b3c
kind:
  description: The kind of run.
  returned: always
  type: str
  sample: deployment
path:
  description: The library.
  returned: always
  type: str
  sample: /srv/mobius/library.json
started_at:
  description: When it began, in UTC.
  returned: always
  type: str
  sample: "2024-09-24T16:00:00Z"
hooks:
  description: The absolute paths of O(hooks).
  returned: success
  type: dict
  sample: {"after_migrate": "/srv/project/hooks/smoke.yml"}
fleet:
  description: The fleet run that the run belongs to, or rolls back; empty for none.
  returned: always
  type: str
  sample: 20240924T160000Z-9f8e7d
skip:
  description: Whether nothing was begun, because the tags of the play choose no step of a deployment.
  returned: success
  type: bool
  sample: false
steps:
  description: What M(mobius.dhash.run_prepare) does where the tags leave out the migration; empty for a whole run.
  returned: success
  type: list
  elements: str
  sample: [preflight, lock, backup]
chosen:
  description: The steps of the deployment that are run; all of them without tags.
  returned: success
  type: list
  elements: str
  sample: [dry_run, health, migrate]
settings:
  description: O(settings) in one spelling.
  returned: success
  type: dict
  sample: {"hash_mode": "exact", "confidence_threshold": "0.7"}
check_mode:
  description: Whether the run only predicts.
  returned: always
  type: bool
  sample: false
"""

# The action plugin of the same name does the work.
