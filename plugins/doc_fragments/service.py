# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that describe the service of the collection; the action group C(service) shares them."""

    DOCUMENTATION = r"""
options:
  library_path:
    description: Path of C(library.json), which the service serves.
    type: path
  host:
    description: Address that the service listens on.
    type: str
    default: 127.0.0.1
  port:
    description: Port that the service listens on.
    type: int
    default: 5001
  items:
    description: Selectors of the items; the default selectors when omitted.
    type: list
    elements: str
    default: []
  image_key:
    description: Member of an item that names its image.
    type: str
    default: image
  manager:
    description:
      - The manager of the service, a systemd unit or a background process.
      - V(auto) takes V(systemd) where it runs and root may be used.
    type: str
    choices: [auto, systemd, process]
    default: auto
  unit:
    description: Name of the systemd unit.
    type: str
    default: mobius-dhash
  user:
    description: System user and group of the unit.
    type: str
    default: mobius
  dir:
    description: Folder of the service's code, settings and pid file; without it C(/opt/mobius-dhash/service) as root
      and C(~/.local/share/mobius-dhash/service) otherwise.
    type: path
  log_dir:
    description: Folder of C(service.log) without systemd; C(logs/) beside the library when omitted.
    type: path
  python:
    description: Python on the host that has the packages of the service.
    type: path
  become:
    description:
      - Whether root may be used on the host, which decides the default folders and the manager.
      - This option does not become root by itself; the keyword C(become) of the task does.
    type: bool
    default: false
  _code:
    description: Source text of the service. The action plugin sets it; a task does not.
    type: dict
"""
