#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: operator_report
short_description: Show what the modules of a playbook found, and the next commands
version_added: 1.0.0
description:
  - Shows one line for each fact, neither quoted nor folded, and fails if a result needs attention.
  - Runs on the controller and does not connect to the host.
options:
  kind:
    description: The kind of the results.
    type: str
    choices: [backups, cleanup, health, history, maintenance, service, verification]
    required: true
  results:
    description:
      - The results of the modules by name. C(listing) (of M(mobius.dhash.library_backup_info)) and C(deployed) (of
        M(mobius.dhash.deployment_info)) for V(backups), C(backups) and C(logs) (of
        M(mobius.dhash.library_backup_prune) and M(mobius.dhash.deployment_prune)) for V(cleanup), C(health) (of
        M(mobius.dhash.dhash_gate)) for V(health), C(history) (of M(mobius.dhash.deployment_history)) and C(format),
        C(table) or C(json), for V(history), C(maintenance) (of M(mobius.dhash.maintenance_mode)) and C(flag) for
        V(maintenance), C(state) for V(service), and C(verification) (of M(mobius.dhash.library_verify)) for
        V(verification).
    type: dict
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Look for the flag
  mobius.dhash.maintenance_mode:
    flag: /srv/mobius/library.json.maintenance
    state: status
  register: found

- name: Report it
  mobius.dhash.operator_report:
    kind: maintenance
    results:
      maintenance: "{{ found }}"
      flag: /srv/mobius/library.json.maintenance
"""

RETURN = r"""
lines:
  description: What was shown.
  returned: always
  type: list
  elements: str
  sample: ["maintenance  off: /srv/mobius/library.json.maintenance"]
"""

# The action plugin of the same name does the work.
