# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's paths, settings, start script and address, derived from its options and the host."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from ..errors import MobiusError
from ..runtime.environment import MARKER as RUNTIME_MARKER
from ..runtime.host import Host
from .address import local_url

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Options:
    """The service as the variables describe it; empty texts stand for the defaults of the host."""

    library_path: str
    host: str = "127.0.0.1"
    port: int = 5001
    items: Optional[List[str]] = None
    image_key: str = "image"
    manager: str = "auto"
    unit: str = "mobius-dhash"
    user: str = "mobius"
    dir: str = ""
    log_dir: str = ""
    python: str = ""
    become: bool = False


@dataclass(frozen=True)
class Service:
    """The service on one host. ``systemd``: a unit, else a background process of the user of the play."""

    options: Options
    systemd: bool
    folder: str
    python: str
    log_file: str

    @property
    def app(self) -> str:
        """Folder of its code and settings."""
        return f"{self.folder}/app"

    @property
    def pid_file(self) -> str:
        """Names the background process."""
        return f"{self.folder}/run/service.pid"

    @property
    def unit_file(self) -> str:
        """The systemd unit."""
        return f"/etc/systemd/system/{self.options.unit}.service"

    @property
    def group(self) -> Optional[str]:
        """Group that the code and settings are readable for; None for the user's own."""
        return self.options.user if self.systemd else None

    @property
    def argv(self) -> List[str]:
        """The command that runs it in the foreground."""
        return ["/bin/sh", f"{self.app}/run.sh"]

    @property
    def url(self) -> str:
        """Its health endpoint as seen from the host."""
        return local_url(self.options.host, self.options.port, "/health")

    @property
    def instance(self) -> str:
        """Its id in its own answers, which distinguishes it from another program on the port."""
        name = f"{self.options.library_path}:{self.options.port}"
        return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def local_only(self) -> bool:
        """Whether only this host can reach it."""
        return self.options.host in _LOOPBACK

    @property
    def manager(self) -> str:
        """What keeps it running."""
        return "systemd" if self.systemd else "process"

    @property
    def log(self) -> str:
        """Where its log is, as a command that shows it."""
        return f"journalctl -u {self.options.unit}" if self.systemd else f"tail {shlex.quote(self.log_file)}"

    def files(self, code: Mapping[str, Any]) -> Dict[str, Any]:
        """``code`` with the files that depend on the host: settings and start script."""
        settings = {
            "library_path": self.options.library_path,
            "items": self.options.items or [],
            "image_key": self.options.image_key or "image",
            "host": self.options.host,
            "port": self.options.port,
            "instance": self.instance,
            "log_file": None if self.systemd else self.log_file,
        }
        script = (
            "# Written by the role service.\n"
            f"export PYTHONPATH={shlex.quote(self.app)} PYTHONDONTWRITEBYTECODE=1\n"
            f"exec {shlex.quote(self.python)} -m dhash_service --config {shlex.quote(self.app + '/config.json')}\n"
        )
        return {**code, "config.json": settings, "run.sh": script}

    @property
    def runtime_marker(self) -> str:
        """A value that changes when the service's environment is rebuilt."""
        return str(Path(self.python).parent.parent / RUNTIME_MARKER)


def check(service: Service) -> None:
    """Refuse to install a service that could not run.

    :raises MobiusError: there is no library to serve, or no Python to run with.
    """
    if not service.options.library_path:
        raise MobiusError("The service has no library to serve", remedy="set mobius_library_path")
    if not service.python:
        raise MobiusError(
            "The service has no Python to run with",
            remedy="run the role mobius.dhash.runtime before this one, or set mobius_python",
        )


def resolve(options: Options, host: Host, python: str = "") -> Service:
    """The service on ``host``; ``python`` is used where the options name none."""
    automatic = host.service_manager == "systemd" and host.as_root(options.become)
    systemd = options.manager == "systemd" or (options.manager in ("auto", "") and automatic)
    # A background process belongs to the play's user; only the unit needs root.
    folder = options.dir or f"{host.default_folder(options.become and systemd)}/service"
    logs = options.log_dir or f"{os.path.dirname(options.library_path)}/logs"
    return Service(options, systemd, folder, options.python or python, f"{logs}/service.log")
