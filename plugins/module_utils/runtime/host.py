# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the host: its user, OS family and service manager."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from pathlib import Path
from typing import NamedTuple, Set

_FAMILIES = (
    ("Debian", {"debian", "ubuntu"}),
    ("RedHat", {"rhel", "fedora", "centos"}),
    ("Suse", {"suse", "opensuse"}),
    ("Alpine", {"alpine"}),
    ("Archlinux", {"arch"}),
)


class Host(NamedTuple):
    """``os_family`` like Ansible's fact (empty if unknown); ``service_manager``: systemd or other."""

    uid: int
    name: str
    home: str
    os_family: str
    service_manager: str

    def as_root(self, become: bool) -> bool:
        """Whether root is available: as the user, or by become."""
        return become or self.uid == 0

    def default_folder(self, become: bool) -> str:
        """Return the folder for the collection's own files on this host."""
        return "/opt/mobius-dhash" if self.as_root(become) else f"{self.home}/.local/share/mobius-dhash"


def look(release: str = "/etc/os-release", booted: str = "/run/systemd/system") -> Host:
    """The host and the user that this process runs as."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
        name, home = entry.pw_name, entry.pw_dir
    except KeyError:
        # Containers may run as a user without an entry.
        name, home = str(uid), os.environ.get("HOME") or "/"
    systemd = Path(booted).is_dir() and shutil.which("systemctl") is not None
    return Host(uid, name, home.rstrip("/") or "/", os_family(release), "systemd" if systemd else "other")


def os_family(release: str = "/etc/os-release") -> str:
    """Return the OS family from an os-release file, empty if unknown."""
    words = _identifiers(release)
    return next((family for family, names in _FAMILIES if words & names), "")


def _identifiers(release: str) -> Set[str]:
    try:
        text = Path(release).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    # "opensuse-leap" and the like count as their first part.
    found = " ".join(re.findall(r"^ID(?:_LIKE)?=[\"']?([^\"'\n]+)", text, re.MULTILINE)).split()
    return {word.partition("-")[0] for word in found}
