# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether the service is installed and healthy; changes nothing."""

from __future__ import annotations

import os
import pwd
from typing import Any, Dict, Mapping, NamedTuple

from . import address, tree, unit
from .manager import Manager, State
from .plan import Service


class Found(NamedTuple):
    """``reason``: why it is not as required, empty if it is."""

    state: State
    installed: bool
    answering: bool
    reason: str


def look(service: Service, code: Mapping[str, str], manager: Manager) -> Dict[str, Any]:
    """The state of the service; ``code`` holds the SHA-256 of each file of its code.

    :returns: ``manager``, ``installed`` (exactly as it should be), ``running``, ``answering``, ``ready`` (all of them),
        ``reason`` when it is not ready, ``user_exists``, ``pid``, ``unit``, ``url``, ``instance`` and ``log``.
    """
    found = _find(service, code, manager)
    return {
        "manager": service.manager,
        "installed": found.installed,
        "running": found.state.running,
        "answering": found.answering,
        "ready": not found.reason,
        "reason": found.reason,
        "user_exists": not service.systemd or user_exists(service.options.user),
        "pid": found.state.pid,
        **facts(service),
    }


def facts(service: Service) -> Dict[str, Any]:
    """Return what is known about the service without a check."""
    return {
        "unit": service.options.unit if service.systemd else "",
        "url": service.url,
        "instance": service.instance,
        "log": service.log,
    }


def user_exists(name: str) -> bool:
    """Whether the host has a user of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def stamps(service: Service) -> Dict[str, str]:
    """Return what counts as part of the installed service besides its files: the Python environment and the unit."""
    found = {service.runtime_marker: tree.stamp(service.runtime_marker)}
    if service.systemd:
        found["unit"] = tree.digests({"unit": unit_text(service)})["unit"]
    return found


def unit_text(service: Service) -> str:
    """The unit that the service should have."""
    return unit.text(service, unit.look_at_library(service.options.library_path))


def is_right(service: Service, answer: address.Answer) -> bool:
    """Whether the answer is from this service with the installed code and settings."""
    return answer.instance == service.instance and answer.build == tree.build(service.app)


def _find(service: Service, code: Mapping[str, str], manager: Manager) -> Found:
    state = manager.look()
    wrong = _not_installed(service, code)
    answer = address.ask(service.options.host, service.options.port) if state.running else address.Answer()
    answering = answer.instance == service.instance
    reason = wrong or _not_well(service, state, answer)
    return Found(state, not wrong, answering, reason)


def _not_installed(service: Service, code: Mapping[str, str]) -> str:
    if service.systemd and not user_exists(service.options.user):
        return f"the user {service.options.user} does not exist"
    if not os.path.exists(service.argv[-1]) and not os.path.exists(os.path.join(service.app, tree.MARKER)):
        return "it is not installed yet"
    wanted = {**code, **tree.digests(service.files({}))}
    try:
        difference = tree.compare(service.app, wanted, stamps(service), service.group)
    except PermissionError as error:
        return f"the installed service cannot be read: {error.filename}"
    if difference:
        more = f" and {len(difference.lines) - 3} more" if len(difference.lines) > 3 else ""
        return f"the installation differs: {', '.join(difference.lines[:3])}{more}"
    if service.systemd and tree.stamp(service.unit_file) != stamps(service)["unit"]:
        return f"the unit differs: {service.unit_file}"
    return ""


def _not_well(service: Service, state: State, answer: address.Answer) -> str:
    if not state.running:
        return "it is not running"
    if answer.problem:
        return f"{service.url} is not answered by it: {answer.problem}"
    if answer.instance != service.instance:
        return f"{service.url} is answered by the service of another library"
    if answer.build != tree.build(service.app):
        return "it runs an earlier installation"
    return "" if state.enabled else "it is not started at boot"
