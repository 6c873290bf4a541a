# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of one host, templated and checked on the controller."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from typing import Any, Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

from ..module_utils.errors import MobiusError
from ..module_utils.text import configured_secrets
from ..module_utils.variables.answered import to_list, to_mapping
from ..module_utils.variables.check import REMEDY, check, variable_of
from ..module_utils.variables.table import SECRET, VARIABLES

_OURS = "mobius.dhash."
# The default of a role's variable, as all roles declare it; most of them are constants.
_DEFAULT = re.compile(r"{{ (\w+) \| default\(''\) \| mobius\.dhash\.answered\((.+?)(?:, split=false)?\) }}")
_LITERALS = {"true": "True", "false": "False"}
_STRUCTURED = frozenset(("mobius_notify", "mobius_health_headers", "mobius_runtime_environment"))


def check_variables(
    task_vars: Mapping[str, Any], templar: Any, *, role_only: bool = False, is_remote: bool = False
) -> Dict[str, Any]:
    """Check what the host is given for this collection, and inside one of its roles for that role.

    :param role_only: check the values of the role alone, and the names of all.
    :param is_remote: the host is another machine than the controller.
    :returns: the result of :func:`..module_utils.variables.check.check`.
    :raises MobiusError: a variable is invalid or cannot be templated.
    """
    # What another role is given in its own entry of the play cannot be seen from here; it checks for itself.
    name = str(task_vars.get("ansible_role_name") or "")
    role = name[len(_OURS) :] if name.startswith(_OURS) else ""
    prefixes: Tuple[str, ...] = () if role and role_only else ("mobius_",)
    prefixes += (f"{role}_",) if role else ()
    # A variable that the role takes may be undefined inside, which default() in the role would hide.
    used = {variable_of(role, name) for name in task_vars if role and name.startswith(f"{role}_")}
    given = {name: _value(name, task_vars, templar) for name in task_vars if name in used or name.startswith(prefixes)}
    names = [str(name) for name in task_vars if name.startswith("mobius_")]
    return check(given, role, far=is_remote, names=names, extra_vars=load_extra_vars(DataLoader()))


def require_variables(names: Sequence[str], task_vars: Mapping[str, Any], templar: Any) -> None:
    """
    :raises MobiusError: a variable that the playbook cannot do without is not set, or empty.
    """
    missing = [name for name in names if name not in task_vars or _value(name, task_vars, templar) in (None, "")]
    if missing:
        raise MobiusError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            remedy=f"set it in the inventory, or give it with -e {missing[0]}=...",
        )


def secrets_of(task_vars: Mapping[str, Any], templar: Any) -> FrozenSet[str]:
    """Every secret in the variables of this collection, as ``text.configured_secrets`` returns them."""
    values = {}
    for name in VARIABLES:
        if name in task_vars and (name in SECRET or name.endswith("_url")):
            # What cannot be evaluated is refused elsewhere, and holds no value that could be shown.
            with suppress(MobiusError):
                value = _value(name, task_vars, templar)
                # These may arrive as text.
                values[name] = to_list(to_mapping(value), split=False) if name in _STRUCTURED else value
    return configured_secrets(values)


def constant_default(value: Any) -> Optional[Tuple[str, Any]]:
    """The inventory's variable and the constant of a role's default; None for any other value."""
    declared = _DEFAULT.fullmatch(value) if isinstance(value, str) else None
    if declared:
        with suppress(SyntaxError, ValueError):
            return declared[1], ast.literal_eval(_LITERALS.get(declared[2], declared[2]))
    return None


def _value(name: str, task_vars: Mapping[str, Any], templar: Any) -> Any:
    default = constant_default(task_vars[name])
    # Ansible compiles a template each time that it reads it.
    if default and default[0] not in task_vars:
        return default[1]
    try:
        return templar.template(task_vars[name])
    except AnsibleError as error:
        # Only the reason: the text around it may hold a secret.
        reason = str(getattr(error, "message", error)).splitlines()[0][:200]
        raise MobiusError(f"{name} cannot be evaluated: {reason}", remedy=REMEDY) from error
