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
  - Looks at every variable of the host that begins with C(mobius_), and inside a role of this collection at the role's
    own.
  - Names each that makes no sense, its value, and what it has to be. Values of variables that hold secrets are not
    shown.
  - Numbers and truth values may arrive as text, as surveys and C(-e) give them. Paths have to be absolute.
  - In the role C(monitor), refuses a watch from the controller that would ask a loopback address, unless the host is
    the controller itself.
  - Warns of a name that is nearly that of a variable.
  - Runs on the controller and asks nothing of the host.
options:
  scope:
    description:
      - V(role) looks at the role's own variables alone, so that a way back is not refused for what it does not use.
    type: str
    choices: [all, role]
    default: all
  required:
    description: Variables that have to be set, and not to nothing.
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
