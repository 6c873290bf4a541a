#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_resume
short_description: Check whether a resumed fleet run has anything left to do on a host
version_added: 1.0.0
description:
  - Reads the status of the host. Where the fleet run has deployed the library, it is as that left it, and nothing is
    owed for it, the host is noted as skipped, and why.
  - Changes nothing on the host.
options:
  path:
    description: The library.
    type: path
    required: true
  backup_dir:
    description: Folder of the backups; C(backups) beside the library when omitted.
    type: path
  fleet:
    description: Id of the fleet run.
    type: str
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes.info
seealso:
  - module: mobius.dhash.run_begin
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Take up only what is missing
  mobius.dhash.rollout_resume:
    path: /srv/mobius/library.json
    fleet: 20240924T160000Z-9f8e7d
  register: resumed
"""

RETURN = r"""
skip:
  description: Whether nothing is left to do.
  returned: always
  type: bool
  sample: true
why:
  description: Why it is skipped; empty where it is not.
  returned: always
  type: str
  sample: fleet run 20240924T160000Z-9f8e7d deployed it at 2024-09-24T16:01:00Z, and it is unchanged since
"""

# The action plugin of the same name does the work.
