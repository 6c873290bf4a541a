# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd unit: the process may read the library and answer requests, and nothing else."""

from __future__ import annotations

import grp
import os
import re
from pathlib import Path
from typing import List, NamedTuple

from .plan import Service

# Folders that the unit hides from its process; the paths it reads below them are mounted read-only.
_HIDDEN = re.compile(r"/(home|root|run/user|tmp|var/tmp)/")
_TEXT = """\
# Written by the role service.
[Unit]
Description=MOBIUS dHash: health, metrics and look-ups
After=network.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
User={user}
Group={user}
{group}ExecStart=/bin/sh {script}
Restart=on-failure
RestartSec=2
TimeoutStopSec=15
UMask=0077
SyslogIdentifier={unit}

# It reads the library and answers; it needs nothing else.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
{shown}PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
{addresses}
[Install]
WantedBy=multi-user.target
"""


class Served(NamedTuple):
    """The library on the host: the paths that lead to it, and the group of the file (empty when there is none)."""

    paths: List[str]
    group: str


def look_at_library(path: str) -> Served:
    """The library and the file behind it, when it is a link."""
    real = os.path.realpath(path)
    try:
        gid = Path(real).stat().st_gid
    except OSError:
        return Served([path], "")
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return Served(list(dict.fromkeys([path, real])), group)


def text(service: Service, served: Served) -> str:
    """The unit of a service that reads ``served``."""
    user = service.options.user
    python_home = os.path.dirname(os.path.dirname(os.path.dirname(service.python)))
    folders = [os.path.dirname(path) for path in served.paths] + [service.app, python_home]
    shown = sorted({folder for folder in folders if _HIDDEN.match(folder)})
    group = f"# The group that may read the library.\nSupplementaryGroups={served.group}\n"
    return _TEXT.format(
        user=user,
        unit=service.options.unit,
        group=group if served.group and served.group != user else "",
        script=_quote(f"{service.app}/run.sh"),
        home="tmpfs" if shown else "yes",
        shown="".join(f"BindReadOnlyPaths={_mount('-' + folder)}\n" for folder in shown),
        addresses="IPAddressDeny=any\nIPAddressAllow=localhost\n" if service.local_only else "",
    )


def _quote(path: str) -> str:
    return '"' + _escape(path).replace("$", "$$") + '"'


def _mount(path: str) -> str:
    return '"' + _escape(path).replace(":", "\\:") + '"'


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
