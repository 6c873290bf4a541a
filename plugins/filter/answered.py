# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import answered

DOCUMENTATION = r"""
name: answered
short_description: The value of a variable, or its default if it is unanswered
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Surveys of AWX and extra vars on the command line give V(null) or empty text for an unanswered question. This filter
    returns the default for both, and for blank text.
  - V(0), V(false), V([]) and V({}) are answers and are kept.
positional: default
options:
  _input:
    description: Value of the variable. Use C(default('')) before the filter if the variable may be undefined.
    type: raw
    required: true
  default:
    description:
      - Value to return if the variable is unanswered.
      - If it is a list, text becomes one, from JSON or from parts separated by commas or line ends.
      - If it is a mapping, text becomes one, from JSON or from C(name=value) pairs separated by commas or line ends.
      - Other text is returned unchanged, so that the option that receives it refuses it.
    type: raw
    required: true
  split:
    description: Whether text that is not JSON is separated at commas, if O(default) is a list.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Deploy with a number of workers that comes from a survey
  hosts: all
  roles:
    - role: mobius.dhash.deploy
      vars:
        deploy_workers: "{{ survey_workers | default('') | mobius.dhash.answered(0) }}"
"""

RETURN = r"""
_value:
  description: The value, or the default.
  type: raw
"""


class FilterModule:
    """Filters of this collection."""

    def filters(self):
        return {"answered": answered}
