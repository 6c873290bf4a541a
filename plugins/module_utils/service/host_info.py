# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect in one call what a deployment needs to know about a host."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..runtime import host as hosts
from ..runtime import look as runtime
from . import look as service
from .manager import Run, manager_of
from .plan import Options, check, resolve


def collect(
    wanted: Optional[runtime.Runtime], options: Optional[Options], code: Mapping[str, str], run: Run
) -> Dict[str, Any]:
    """Return the user, the system, and the requested parts.

    :param code: SHA-256 of each file of the service's code.
    :returns: ``user``, ``os_family``, ``service_manager``, ``python``, ``ready_roles`` (those with
        nothing to do) and, for the parts, ``runtime`` and ``service``.
    :raises MobiusError: the service has no library to serve, or no Python to run with.
    """
    host = hosts.look()
    result: Dict[str, Any] = {
        "changed": False,
        "user": {"uid": host.uid, "name": host.name, "home": host.home},
        "os_family": host.os_family,
        "service_manager": host.service_manager,
        "python": "",
    }
    if wanted is not None:
        result["runtime"] = runtime.look(wanted, host)
        result["python"] = result["runtime"]["python"]
    if options is not None:
        one = resolve(options, host, result["python"])
        check(one)
        found = service.look(one, code, manager_of(one, run))
        if wanted is not None and not result["runtime"]["ready"]:
            found["ready"] = False
            found["reason"] = found["reason"] or "its Python environment is not ready"
        result["service"] = found
    ready = [part for part in ("runtime", "service") if result.get(part, {}).get("ready")]
    result["ready_roles"] = [f"mobius.dhash.{part}" for part in ready]
    return result
