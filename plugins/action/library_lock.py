# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the lock: only the controller knows the process whose end releases the lock."""

from __future__ import annotations

from ..plugin_utils.run.action import StepAction


class ActionModule(StepAction):
    """Execute the module as a step; on a local connection it gets the pid of ansible-playbook."""
