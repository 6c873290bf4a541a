# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides the outcome of a migration beside the images, in a form that can be compared between hosts."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

#: Settings by which a migration on one host is the same as on another.
NAMES = (
    *("items", "image_key", "hash_mode", "confidence_threshold", "max_failure_rate"),
    *("max_pixels", "image_timeout"),
)


def settings_of(given: Mapping[str, Any]) -> Dict[str, Any]:
    """The settings of :data:`NAMES` in one spelling each: extra variables arrive as text."""
    return {name: _plain(given[name]) for name in NAMES if name in given}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> List[str]:
    """The names whose values differ."""
    return [name for name in NAMES if one.get(name) != other.get(name)]


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [str(each) for each in value]
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value)
