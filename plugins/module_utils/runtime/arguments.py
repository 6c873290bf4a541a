# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the modules for the Python environment."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .look import Runtime

SPEC: Dict[str, Dict[str, Any]] = {
    "source": {"type": "str", "choices": ["venv", "wheels", "system"], "default": "venv"},
    "venv": {"type": "path"},
    "lean": {"type": "bool", "default": False},
    "turbo": {"type": "bool", "default": False},
    "heif": {"type": "bool", "default": False},
    "with_service": {"type": "bool", "default": True},
    "base_python": {"type": "path"},
    "become": {"type": "bool", "default": False},
}
# From the action plugin. Long, not secret: hundreds of hashes do not belong in the log of the host.
PACKAGES: Dict[str, Dict[str, Any]] = {
    "_requirements": {"type": "str", "no_log": True},
    "_imports": {"type": "list", "elements": "str", "default": []},
}


def runtime_of(params: Mapping[str, Any]) -> Runtime:
    """Return the required environment."""
    return Runtime(
        source=params["source"],
        venv=params["venv"] or "",
        python=params["base_python"] or "",
        become=params["become"],
        requirements=params["_requirements"] or "",
        imports=params["_imports"],
    )
