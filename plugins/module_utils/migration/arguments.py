# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specification that the hashing modules share."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Dict

from .options import Options

ITEMS: Dict[str, Dict[str, Any]] = {
    "items": {"type": "list", "elements": "str", "default": []},
    "image_key": {"type": "str", "default": "image", "no_log": False},
    "rehash": {"type": "str", "choices": ["changed", "missing", "all"], "default": "changed"},
}
ENGINE: Dict[str, Dict[str, Any]] = {
    # Used by the action plugin.
    "python": {"type": "path"},
    "workers": {"type": "int", "default": 0},
    "image_timeout": {"type": "float", "default": 30},
    "max_pixels": {"type": "int", "default": 178956970},
    "max_memory": {"type": "int"},
    "mode": {"type": "str", "choices": ["exact", "fast"], "default": "exact"},
}
HASHING: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "image_root": {"type": "path"},
    **ITEMS,
    **ENGINE,
    "max_failure_rate": {"type": "float", "default": 5},
    "confidence_threshold": {"type": "float", "default": 0.7},
    "log_dir": {"type": "path"},
}
#: Of the verification that follows a migration at once.
VERIFY: Dict[str, Dict[str, Any]] = {
    "complete": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "schema": {"type": "path"},
    "sample": {"type": "int", "default": 0},
}


def options_of(params: Dict[str, Any]) -> Options:
    """Build the options from a module's parameters; missing ones have their defaults."""
    return Options(**{each.name: params[each.name] for each in fields(Options) if each.name in params})
