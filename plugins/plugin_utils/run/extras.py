# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extras of a deployment, which most do without: hooks, prompt, maintenance mode, and the check of staging.

Whether they are wanted is read from the variables as they were given. A template counts, because its value may depend
on tasks that have not run yet.
"""

from __future__ import annotations

from typing import Any, List, Mapping

from ...module_utils.variables.answered import is_unanswered
from ...module_utils.variables.check import variable_of
from ..variables import constant_default

_VARIABLES = {
    name: variable_of("deploy", name)
    for name in ("deploy_hooks", "deploy_confirm", "deploy_maintenance", "deploy_staging_days")
}
_OFF = ("false", "no", "off", "0", "{}", "[]")


def wanted_extras(task_vars: Mapping[str, Any]) -> List[str]:
    """The variables of a host, not templated, that may ask for an extra; none for most hosts."""
    wanted = []
    for own, shared in _VARIABLES.items():
        if shared in task_vars and not _is_off(task_vars[shared]):
            wanted.append(shared)
        elif own in task_vars and not _is_declared(task_vars[own], shared) and not _is_off(task_vars[own]):
            wanted.append(own)
    return wanted


def _is_declared(value: Any, shared: str) -> bool:
    """Whether a value is the role's own default, which takes the inventory's variable."""
    default = constant_default(value)
    return default is not None and default[0] == shared


def _is_off(value: Any) -> bool:
    return is_unanswered(value) or str(value).strip().lower() in _OFF
