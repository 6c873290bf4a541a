# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of ``library_duplicates``: it chooses the Python."""

from __future__ import annotations

from ..plugin_utils.run.action import StepAction


class ActionModule(StepAction):
    """Execute the module with the Python that its option names."""
