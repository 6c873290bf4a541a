# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the messages of a run from the controller."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ...module_utils.clock import timestamp
from ...module_utils.notify.message import Message
from ...module_utils.notify.send import notify
from ...module_utils.text import redact
from ...modules.deployment_notify import CHANNEL
from .controller import job_of
from .ends import Hosts
from .notification import Notice

_SPEC = {
    "channels": {"type": "list", "elements": "dict", "options": CHANNEL, "default": []},
    "timeout": {"type": "float", "default": 10.0},
}


def hosts_of(task_vars: Mapping[str, Any]) -> Hosts:
    """The hosts of the play that a task belongs to."""
    names = ("ansible_play_hosts_all", "ansible_play_hosts", "ansible_play_batch")
    return Hosts(*(list(task_vars.get(name) or ()) for name in names))


def send(action: Any, notice: Optional[Notice], channels: Any, timeout: Any, facts: Mapping[str, Any]) -> None:
    """Send ``notice`` through the channels; a channel that fails is a warning and nothing more.

    :param action: the action plugin, for check mode and for its display.
    :param notice: None sends nothing.
    """
    if notice is None or not channels:
        return
    given = ArgumentSpecValidator(_SPEC).validate({"channels": channels, "timeout": timeout or 10})
    if given.error_messages:
        action._display.warning(f"Notification failed: {redact('; '.join(given.error_messages))}")
        return
    valid = given.validated_parameters
    known = {**notice.facts, **facts, **_job_facts()}
    message = Message.of(notice.event, notice.subject, notice.text, timestamp(), known)
    result = notify(message, valid["channels"], timeout=valid["timeout"], check_mode=bool(action._task.check_mode))
    for warning in result["warnings"]:
        action._display.warning(warning)


def _job_facts() -> Dict[str, str]:
    """``job`` and ``job_url`` of the automation that runs this; empty at a terminal."""
    job = job_of() or {}
    named = {"job": f"{job['system']} {job['id']}" if job else "", "job_url": job.get("url", "")}
    return {name: value for name, value in named.items() if value}
