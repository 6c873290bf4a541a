#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_report
short_description: Show how a fleet run ended on each host
version_added: 1.0.0
description:
  - Shows one table for all hosts of this C(ansible-playbook), with outcome, items, images hashed, items open for
    review, seconds and report, then the totals, why the fleet run stopped, and the next commands.
  - Sets the same as the variable C(mobius_rollout), as M(ansible.builtin.set_stats) does, so that AWX keeps it as an
    artifact of the job and gives it to the next node of a workflow.
  - Sends a message where a watch did not pass, or where hosts were rolled back after their deployment.
  - To be called once for all hosts, with C(run_once).
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
  - mobius.dhash.run.messages
seealso:
  - module: mobius.dhash.rollout_end
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Report the fleet run
  mobius.dhash.rollout_report:
  run_once: true
"""

RETURN = r"""
ansible_stats:
  description: C(data) with C(mobius_rollout), see docs/fleets.md.
  returned: always
  type: dict
  sample: {"data": {"mobius_rollout": {"fleet": "20240924T160000Z-9f8e7d", "succeeded": true}}, "per_host": false}
"""

# The action plugin of the same name does the work.
