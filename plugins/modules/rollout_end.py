#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout_end
short_description: End a fleet run on a host
version_added: 1.0.0
description:
  - Fails where the run of this host failed, where its watch did not pass, where it was rolled back by the scope, and
    where it was never begun because the fleet run had stopped.
  - The last task of a play whose runs end with O(mobius.dhash.run_finish#module:in_rollout). Until then every host
    stays in the play, so that the scope of a rollback reaches all of them.
options: {}
extends_documentation_fragment:
  - mobius.dhash.attributes.controller
seealso:
  - module: mobius.dhash.rollout_report
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Fail where the fleet run failed
  mobius.dhash.rollout_end:
"""

RETURN = r"""
changed:
  description: Always false.
  returned: always
  type: bool
  sample: false
"""

# The action plugin of the same name does the work.
