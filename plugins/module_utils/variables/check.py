# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the operator's variables before anything is changed."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any, Collection, Dict, Iterable, Iterator, List, Mapping

from ..errors import MobiusError
from ..text import redact
from .answered import is_unanswered
from .loopback import beside_the_host
from .table import IRREVERSIBLE, OTHERS, REQUIRED, SECRET, VARIABLES

REMEDY = "correct it in the inventory, the survey or the extra vars, then start again; nothing was changed"
_TEMPLATE = re.compile(r"{{|{%")
_SHOWN = 80
_ALIKE = 0.85
# A token of the inventory's own is likely meant for something else.
_SUGGESTED = [name for name in VARIABLES if not name.endswith("_token")]
_HEALTH = {name: f"mobius_health_{name}" for name in ("consecutive", "interval", "timeout")}
_HEALTH_DEFAULTS = {"consecutive": 3, "interval": 1, "timeout": 60}
#: Variables of a role whose name is not the inventory's with the role's prefix.
_RENAMED: Dict[str, str] = {
    **{f"cleanup_keep_{each}": f"mobius_backup_keep_{each}" for each in ("days", "last", "daily", "weekly", "monthly")},
    **{
        f"monitor_{each}": f"mobius_health_{each}"
        for each in ("headers", "username", "password", "ca_path", "client_cert", "client_key", "validate_certs")
    },
    "hash_workers_processes": "mobius_workers",
    "account_home": "mobius_owner_home",
    "account_shell": "mobius_owner_shell",
    "deploy_window": "mobius_maintenance_window",
    "deploy_ignore_window": "mobius_maintenance_ignore_window",
    "deploy_maintenance": "mobius_maintenance_enabled",
    "monitor_metric_paths": "mobius_figures",
    "monitor_over": "mobius_limits_over",
    "maintenance_state": "mobius_maintenance",
    "runtime_service": "mobius_service_enabled",
    "notify_channels": "mobius_notify",
}


def variable_of(role: str, name: str) -> str:
    """Return the inventory's name for a role's variable, or an empty string if it is internal to the role."""
    rest = name[len(role) + 1 :]
    for candidate in (_RENAMED.get(name, ""), f"mobius_{role}_{rest}", f"mobius_{rest}"):
        if candidate in VARIABLES:
            return candidate
    return ""


def check(
    given: Mapping[str, Any],
    role: str = "",
    *,
    far: bool = False,
    names: Iterable[str] = (),
    extra_vars: Iterable[str] = (),
) -> Dict[str, Any]:
    """Check every variable of this collection among ``given``. Null and empty text mean the default.

    :param given: by name; other variables are ignored.
    :param role: a role of this collection, whose own variables are checked as well.
    :param far: whether the host is another machine than the controller.
    :param names: names of further variables of the host; their values are not checked.
    :param extra_vars: names given on the command line or by a survey, each of which must be known.
    :returns: ``checked``, the number of variables, and ``warnings`` about unknown names.
    :raises MobiusError: names every invalid variable, its value, and the accepted values.
    """
    answered = {name: value for name, value in given.items() if not _is_default(name, value)}
    named = [(name, name) for name in sorted(answered) if name in VARIABLES]
    if role:
        own = (name for name in sorted(given) if name.startswith(f"{role}_"))
        named += [(name, known) for name, known in ((name, variable_of(role, name)) for name in own) if known]
    wrong: Dict[str, str] = {}
    for name, known in named:
        expected = _judge(known, given[name])
        if expected and known not in wrong:
            shown = name if known in answered else f"{known} ({name})"
            wrong[known] = f"{shown} is {_shown(known, given[name])}, must be {expected}"
    faults = [*wrong.values(), *_together(answered, wrong)]
    if far and role == "monitor" and not faults:
        faults = [*beside_the_host(answered)]
    unknown = [*_unknown({*given, *names}, set(extra_vars))]
    if role in IRREVERSIBLE:
        faults += unknown
    if faults:
        raise MobiusError("; ".join(faults), remedy=REMEDY)
    return {"changed": False, "checked": len(named), "warnings": unknown}


def _is_default(name: str, value: Any) -> bool:
    return name.startswith("mobius_") and name not in REQUIRED and is_unanswered(value)


def _judge(known: str, value: Any) -> str:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if known not in SECRET and any(isinstance(part, str) and _TEMPLATE.search(part) for part in parts):
        return "a plain value: this template was not evaluated"
    return VARIABLES[known](value)


def _shown(known: str, value: Any) -> str:
    if known in SECRET:
        return "a secret, which is not shown"
    if value == "":
        return "empty"
    text = json.dumps(redact(value), ensure_ascii=False, default=repr)
    text = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _together(given: Mapping[str, Any], wrong: Mapping[str, str]) -> List[str]:
    """Return conflicts between variables that would otherwise only show when the health is judged."""
    if any(name in wrong for name in _HEALTH.values()):
        return []
    plan = {short: float(given.get(name, _HEALTH_DEFAULTS[short])) for short, name in _HEALTH.items()}
    fitting = int(plan["timeout"] / plan["interval"]) + 1
    if plan["consecutive"] <= fitting:
        return []
    return [
        f"{', '.join(_HEALTH.values())} conflict: {plan['consecutive']:g} good answers in a row are required, "
        f"but only {fitting} fit into {plan['timeout']:g} s"
    ]


def _plain(name: str) -> str:
    """A name without what a hurried person confuses: MOBIUS_BACKUP, mobius-backup."""
    return re.sub(r"[-. ]", "_", name.lower())


def _unknown(names: Iterable[str], extra_vars: Collection[str]) -> Iterator[str]:
    """Names that nobody reads: those like a variable's, and whatever was given for this run alone.

    Other names in an inventory are ignored.
    """
    odd = {name for name in extra_vars if _plain(name).startswith("mobius")}
    for name in sorted({*names, *odd}):
        if (name.startswith("mobius_") or name in odd) and name not in VARIABLES and name not in OTHERS:
            alike = get_close_matches(_plain(name), _SUGGESTED, 1, _ALIKE)
            if alike:
                yield f"{name} is not a variable of this collection. Did you mean {alike[0]}?"
            elif name in extra_vars:
                yield f"{name} is not a variable of this collection, see docs/variables.md"
