#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: operator_message
short_description: Show lines to the operator as they are
version_added: 1.0.0
description:
  - Shows lines neither quoted nor folded in every result format, so that a command among them can be pasted.
  - Secrets are masked.
  - Runs on the controller and does not connect to the host.
options:
  lines:
    description: The lines.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Show the state to the operator
  mobius.dhash.operator_message:
    lines:
      - The library holds the bytes from before.
      - "next         ansible-playbook playbooks/health.yml"
"""

RETURN = r"""
lines:
  description: What was shown.
  returned: always
  type: list
  elements: str
  sample: [The library holds the bytes from before.]
"""

# The action plugin of the same name does the work.
