#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_watch
short_description: Watch a host of a fleet run after a batch
version_added: 1.0.0
description:
  - Starts M(mobius.dhash.dhash_gate) in the background for a host whose options were noted with
    O(mobius.dhash.dhash_gate#module:note_from), and judges it when it has ended. All hosts are started before the first
    is judged, so that they are watched at the same time.
  - The verdict is noted in the journal of the fleet run, where the lookup P(mobius.dhash.rollout#lookup) finds it.
  - To be delegated to the host itself, or to V(localhost) where the controller samples.
options:
  host:
    description: The host that is watched.
    type: str
    required: true
  phase:
    description:
      - V(start) starts the watch, V(judge) waits for its end. V(failed), to be called in a C(rescue), notes that the
        host cannot be watched, which is an inconclusive verdict.
    type: str
    choices: [start, judge, failed]
    required: true
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
seealso:
  - module: mobius.dhash.dhash_gate
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Start the watch of each host
  mobius.dhash.rollout_watch:
    host: "{{ item.host }}"
    phase: start
  loop: "{{ query('mobius.dhash.rollout', 'watched') }}"
  delegate_to: "{{ item.where }}"
"""

RETURN = r"""
host:
  description: The host that was judged.
  returned: when it was judged
  type: str
  sample: games-1
verdict:
  description: V(pass), V(fail) or V(inconclusive).
  returned: when it was judged
  type: str
  sample: pass
reasons:
  description: Why.
  returned: when it was judged
  type: list
  elements: str
  sample: ["5 of 5 samples were good"]
"""

# The action plugin of the same name does the work.
