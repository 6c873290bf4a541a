# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the modules for the service."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .plan import Options

SPEC: Dict[str, Dict[str, Any]] = {
    "library_path": {"type": "path"},
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 5001},
    "items": {"type": "list", "elements": "str", "default": []},
    "image_key": {"type": "str", "default": "image", "no_log": False},
    "manager": {"type": "str", "choices": ["auto", "systemd", "process"], "default": "auto"},
    "unit": {"type": "str", "default": "mobius-dhash"},
    "user": {"type": "str", "default": "mobius"},
    "dir": {"type": "path"},
    "log_dir": {"type": "path"},
    "python": {"type": "path"},
    "become": {"type": "bool", "default": False},
}
# From the action plugin. Long, not secret: source files do not belong in the log of the host.
CODE: Dict[str, Dict[str, Any]] = {"_code": {"type": "dict", "no_log": True}}


def options_of(params: Mapping[str, Any]) -> Options:
    """Return the options of the service; an empty one means its default."""
    given = {name: params[name] for name in SPEC if params[name] not in (None, "", [])}
    given.setdefault("library_path", "")
    return Options(**given)
