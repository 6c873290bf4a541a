# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a share that another host hashes: in the background there, with its progress shown here."""

from __future__ import annotations

import math
import os
import shlex

from ..plugin_utils.background import Background

_GRACE = 30


class ActionModule(Background):
    """Follow from here, except in check mode and where the task has an ``async`` of its own."""

    def work(self, arguments, task_vars):
        if self._task.check_mode or self._task.async_val:
            return self.execute(arguments, task_vars, wrap_async=self._task.async_val)
        return self.in_background(arguments, arguments.get("share"), _limit(arguments), task_vars)

    def forget(self, arguments):
        share = arguments["share"]
        folder, name = os.path.split(share)
        files = [share, arguments["dest"], *filter(None, [arguments.get("pack")])]
        # Of the folders only those that are empty then: others may be there.
        self._low_level_execute_command(
            f"rm -f {shlex.join(files)}; rmdir {shlex.join([f'{folder}/.{name}.dhash', folder])} 2>/dev/null"
        )


def _limit(arguments):
    """Seconds until the module is ended, which ends by itself when its last pictures are done; 0 for none."""
    try:
        deadline, last = float(arguments.get("deadline") or 0), float(arguments.get("image_timeout") or 30)
    except (TypeError, ValueError):
        return 0  # the module reports the error
    return math.ceil(deadline + last + _GRACE) if deadline > 0 else 0
