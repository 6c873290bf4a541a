# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the hashing modules share, as Ansible's argument specification."""

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
    # The action plugin acts on this one.
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


def options_of(params: Dict[str, Any]) -> Options:
    """The options among a module's parameters; those that it has not got are as by default."""
    return Options(**{each.name: params[each.name] for each in fields(Options) if each.name in params})
