# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run notes in its lock about who started it, and its warning after waiting for another holder."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ..storage.lease import describe


def lock_info(run: Mapping[str, Any]) -> Dict[str, str]:
    """``started by``, ``job`` and ``url`` of a run, as :func:`..storage.lock.acquire` keeps them.

    :param run: its ``controller``: ``user``, ``host`` and ``job`` (``system``, ``id``, ``url``, ``user``).
    """
    controller = run.get("controller") or {}
    job = controller.get("job") or {}
    user = job.get("user") or controller.get("user")
    known = {
        "started by": f"{user}@{controller.get('host')}" if user else "",
        "job": f"{job.get('system')} {job.get('id')}" if job else "",
        "url": job.get("url") or "",
    }
    return {name: str(value) for name, value in known.items() if value}


def waited(lock: Dict[str, Any]) -> List[str]:
    """For whom a run has waited, as a warning; empty where the lock was free.

    :param lock: what :func:`..storage.lock.acquire` returns.
    """
    holder = lock.get("waited_for")
    return [f"Waited {lock['waited']:g} s for {describe(holder)} to end."] if holder else []
