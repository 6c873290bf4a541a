#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_note
short_description: Note in the journal of a run what its steps cannot note by themselves
version_added: 1.0.0
description:
  - With O(step), failures from here on belong to that step. The roles call it before a hook.
  - With O(step) and O(done), the step has succeeded; for a step that is not a module of this collection, such as a
    restart by the host's own command.
  - Without O(step), in a C(rescue), notes the failed task and its message.
  - Runs on the controller and does not connect to the host. Outside of a run it does nothing.
options:
  step:
    description: A step of the run, such as V(migrate).
    type: str
  done:
    description: Whether the step has succeeded.
    type: bool
    default: false
  reached:
    description:
      - Return whether the run reached a hook of this step, or any step on the host, and how it would end now.
    type: str
  hook:
    description: In a C(rescue), notes that this hook failed, which makes the run fail and rolls nothing back.
    type: str
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Run a task of our own as a part of the verification
  block:
    - name: Name the step
      mobius.dhash.run_note:
        step: verify

    - name: Run the smoke test
      ansible.builtin.command: /srv/mobius/smoke-test
      changed_when: false
  rescue:
    - name: Note what failed
      mobius.dhash.run_note:
"""

RETURN = r"""
reached:
  description: Whether the run got that far.
  returned: with O(reached)
  type: bool
  sample: true
status:
  description: How the run would end now.
  returned: with O(reached)
  type: str
  sample: deployed
changed:
  description: Always false.
  returned: always
  type: bool
  sample: false
"""

# The action plugin of the same name does the work.
