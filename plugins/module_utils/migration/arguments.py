# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that the hashing modules share, as Ansible's argument specification."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Dict

from .options import Options

HASHING: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "image_root": {"type": "path"},
    "items": {"type": "list", "elements": "str", "default": []},
    "image_key": {"type": "str", "default": "image", "no_log": False},
    "workers": {"type": "int", "default": 0},
    "image_timeout": {"type": "float", "default": 30},
    "max_pixels": {"type": "int", "default": 178956970},
    "max_memory": {"type": "int"},
    "max_failure_rate": {"type": "float", "default": 5},
    "confidence_threshold": {"type": "float", "default": 0.7},
    "rehash": {"type": "str", "choices": ["changed", "missing", "all"], "default": "changed"},
    "log_dir": {"type": "path"},
}


def options_of(params: Dict[str, Any]) -> Options:
    """The options among a module's parameters."""
    return Options(**{each.name: params[each.name] for each in fields(Options)})
