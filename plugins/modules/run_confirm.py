#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_confirm
short_description: Check the answer to the request for consent
version_added: 1.0.0
description:
  - Fails unless the answer is C(yes) or C(y).
  - Runs on the controller and does not connect to the host.
options:
  answer:
    description: The typed answer.
    type: str
    default: ""
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Ask
  ansible.builtin.pause:
    prompt: Type "yes" to migrate
  register: answer

- name: Stop without consent
  mobius.dhash.run_confirm:
    answer: "{{ answer.user_input | default('') }}"
"""

RETURN = r"""
changed:
  description: Always false.
  returned: always
  type: bool
  sample: false
"""

# The action plugin of the same name does the work.
