#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: variables_check
short_description: Check the variables of this collection before anything is changed
version_added: 1.0.0
description:
  - Checks every variable of the host that begins with C(mobius_), and inside a role of this collection the role's own.
  - Names each invalid variable, its value, and the accepted values. Secret values are not shown.
  - Numbers and booleans may arrive as text from surveys and C(-e). Paths must be absolute.
  - In the role C(monitor), refuses a watch from the controller that would query a loopback address, unless the host is
    the controller itself.
  - Warns about a name that is similar to that of a variable.
  - Runs on the controller and does not connect to the host.
options:
  scope:
    description:
      - V(role) checks only the role's own variables, so that a rollback is not refused for variables it does not use.
    type: str
    choices: [all, role]
    default: all
  required:
    description: Variables that must be set to a value.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Check the variables
  mobius.dhash.variables_check:
"""

RETURN = r"""
checked:
  description: How many variables there were.
  returned: success
  type: int
  sample: 7
"""

# The action plugin of the same name does the work.
