# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that describe the Python environment for hashing; the action group C(runtime) shares them."""

    DOCUMENTATION = r"""
options:
  source:
    description:
      - Where the packages come from. V(venv) and V(wheels) build a virtual environment, from a package index or from a
        folder of wheels.
      - V(system) uses the packages of the host's own Python.
    type: str
    choices: [venv, wheels, system]
    default: venv
  venv:
    description: Path of the virtual environment; without it C(/opt/mobius-dhash/venv) as root and
      C(~/.local/share/mobius-dhash/venv) otherwise.
    type: path
  lean:
    description: Pillow alone, without ImageHash.
    type: bool
    default: false
  turbo:
    description: The package that decodes PNG images faster, where there are wheels of it.
    type: bool
    default: false
  heif:
    description: The package that decodes HEIC and HEIF images.
    type: bool
    default: false
  with_service:
    description: Whether to include the packages of the HTTP service.
    type: bool
    default: true
  base_python:
    description: Python on the host to build the environment from, or, with O(source=system), that has the packages; by
      default the one that Ansible uses.
    type: path
  become:
    description: Whether root may be used on the host, which decides the default of O(venv).
    type: bool
    default: false
  _requirements:
    description: The pinned packages. The action plugin sets it; a task does not.
    type: str
  _imports:
    description: What the packages must be able to import. The action plugin sets it; a task does not.
    type: list
    elements: str
    default: []
"""
