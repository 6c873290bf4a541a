# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out what listens on a TCP port."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Optional

from ..errors import MobiusError
from .identity import command_of

_LISTEN = "0A"


def check_free(host: str, port: int) -> None:
    """Refuse a port that is in use.

    :raises MobiusError: it is in use (by which process, if visible), or this host does not have the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _explain(error, host, port) from error


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether something accepts connections there."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def listener(port: int) -> Optional[int]:
    """Return the pid of the process that listens on a port, or None if it is not visible."""
    inodes = _inodes(port)
    if not inodes:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _holds(process, inodes):
            return int(process.name)
    return None


def _explain(error: OSError, host: str, port: int) -> MobiusError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        pid = listener(port)
        by = f"by process {pid} ({command_of(pid)})" if pid else "by another program"
        return MobiusError(
            f"The port is taken {by}", where, "stop that program, or set mobius_service_port to a free port"
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL):
        return MobiusError("This host has no such address", where, "set mobius_service_host to an address of the host")
    if error.errno == errno.EACCES:
        return MobiusError("This user may not listen on the port", where, "set mobius_service_port to one above 1023")
    return MobiusError(f"The port cannot be used: {error.strerror}", where)


def _inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(os.readlink(entry) in inodes for entry in (process / "fd").iterdir())
    except OSError:
        return False
