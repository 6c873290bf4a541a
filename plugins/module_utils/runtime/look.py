# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether the host has the Python environment that hashing needs; changes nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Sequence

from ..errors import MobiusError
from .environment import SYSTEM_REMEDY, fingerprints, inspect
from .host import Host
from .interpreter import can_make_environments, describe, probe


@dataclass(frozen=True)
class Runtime:
    """The requested environment; empty strings mean the defaults of the host.

    ``requirements``: text of a requirements file with hashes. ``imports``: modules that must load.
    """

    source: str
    venv: str
    python: str
    become: bool
    requirements: str
    imports: Sequence[str]

    def path(self, host: Host) -> str:
        """Return the path of the virtual environment, existing or not."""
        return os.path.abspath(self.venv or f"{host.default_folder(self.become)}/venv")


def look(wanted: Runtime, host: Host) -> Dict[str, Any]:
    """Return the state of the environment.

    :returns: ``path`` (empty for the host's own packages), ``python``, ``ready``, ``reason`` when it is not ready,
        ``missing`` (``ensurepip`` if the Python cannot create environments) and ``remedy``.
    """
    if wanted.source == "system":
        return _look_at_packages(wanted)
    path = wanted.path(host)
    found = {"path": path, "python": str(Path(path) / "bin" / "python"), "missing": "", "remedy": ""}
    try:
        base = describe(wanted.python or None)
    except MobiusError as error:
        return {**found, "ready": False, "reason": str(error), "remedy": error.remedy or ""}
    reason, _versions = inspect(path, fingerprints(wanted.requirements, base), wanted.imports)
    if reason and not can_make_environments(base):
        found["missing"] = "ensurepip"
    return {**found, "ready": not reason, "reason": reason}


def check_packages(wanted: Runtime) -> Dict[str, Any]:
    """Return the host's own packages in the form of :func:`environment.ensure`.

    :raises MobiusError: something does not load.
    """
    python = wanted.python or sys.executable
    found = probe(python, wanted.imports)
    if found.problem:
        raise MobiusError(f"The host's own packages are not enough: {found.problem}", python, SYSTEM_REMEDY)
    return {"changed": False, "path": "", "python": python, "versions": found.versions, "reason": "", "missing": ""}


def _look_at_packages(wanted: Runtime) -> Dict[str, Any]:
    found = {"path": "", "python": wanted.python or sys.executable, "missing": "", "remedy": ""}
    try:
        check_packages(wanted)
    except MobiusError as error:
        return {
            **found,
            "ready": False,
            "reason": f"{error.what}: {error.where}",
            "missing": "packages",
            "remedy": error.remedy or "",
        }
    return {**found, "ready": True, "reason": ""}
