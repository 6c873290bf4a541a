# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identify a process by pid and start time, because a pid may be reused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Optional

from ..json import MAX_PID

_PROC = Path("/proc")


def start_of(pid: int) -> Optional[str]:
    """Return the start time of a process as opaque text; None if it does not exist or is a zombie."""
    if not 0 < pid <= MAX_PID:
        return None
    if (_PROC / "self" / "stat").exists():
        return _start_from_proc(pid)
    return _start_from_ps(pid)


def boot_id() -> str:
    """Return a text that changes with each boot, empty if the system has none."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def command_of(pid: int) -> str:
    """Return the shortened command line of a process for messages; empty if it is not visible."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return ascii(b" ".join(word for word in words if word).decode("utf-8", "replace"))[1:-1][:120]


def _start_from_proc(pid: int) -> Optional[str]:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may contain spaces and parentheses; fields are counted after the last one.
    fields = text.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in ("Z", "X", "x") else started


def _start_from_ps(pid: int) -> Optional[str]:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        # run_command belongs to an AnsibleModule, and there is none here.
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # pylint: disable=ansible-bad-function
    except OSError:
        return None
    state, _unused, started = answer.stdout.strip().partition(" ")
    return None if answer.returncode or not started or state.startswith("Z") else started.strip()
