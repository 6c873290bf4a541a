#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: staging_gate
short_description: Refuse a deployment that has not passed on the staging hosts
version_added: 1.0.0
description:
  - Compares this run with the histories of the staging hosts. On each of them the last deployment must have passed
    within O(days), with the same version of the collection, the same settings and the same Pillow, and must not have
    been rolled back since.
  - Pillow is compared with the one that the dry run of this run has found, settings with those that
    M(mobius.dhash.run_begin) was given.
  - Runs on the controller and does not connect to the host.
options:
  histories:
    description: The results of M(mobius.dhash.deployment_history) in a loop over the staging hosts.
    type: list
    elements: dict
    required: true
  days:
    description: Maximum age of that deployment, in days.
    type: float
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
seealso:
  - module: mobius.dhash.deployment_history
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Read the history of the staging hosts
  mobius.dhash.deployment_history:
    path: /srv/mobius/library.json
  delegate_to: "{{ item }}"
  loop: "{{ groups.mobius_staging }}"
  register: staging

- name: Refuse what has not passed there
  mobius.dhash.staging_gate:
    histories: "{{ staging.results }}"
    days: 7
"""

RETURN = r"""
passed:
  description: By staging host, the run that passed there.
  returned: success
  type: list
  elements: str
  sample: ["staging-1: 20240924T160000Z-1a2b3c"]
"""

# The action plugin of the same name does the work.
