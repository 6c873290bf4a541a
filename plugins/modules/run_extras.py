#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_extras
short_description: Decide whether a deployment needs the tasks of its extras
version_added: 1.0.0
description:
  - The extras are hooks, the prompt, maintenance mode and the check of staging. The role C(mobius.dhash.deploy) starts
    their tasks only if one host of the batch has a variable that may ask for one of them.
  - Runs on the controller and does not connect to the host.
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
seealso:
  - module: mobius.dhash.run_begin
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Decide whether hooks, a prompt, maintenance mode or staging are wanted
  mobius.dhash.run_extras:
  register: extras
"""

RETURN = r"""
wanted:
  description: Whether one host of the batch has a variable that may ask for an extra.
  returned: always
  type: bool
  sample: false
"""

# The action plugin of the same name does the work.
