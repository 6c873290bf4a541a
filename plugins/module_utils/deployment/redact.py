# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets and control characters are taken out of text before it is kept."""

from __future__ import annotations

import re
from typing import Any

_URL_USER = re.compile(r"(?<=://)[^/@\s]+@")
_NAMED = re.compile(
    r"(?i)\b(authorization|token|password|passwd|secret|api[_-]?key)(\s*[=:]\s*)(?:bearer\s+)?[^\s,;&\"']+"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def redact(value: Any) -> Any:
    """``value`` with every string in it freed of secrets; control characters are shown as escapes."""
    if isinstance(value, str):
        text = _NAMED.sub(r"\1\2***", _URL_USER.sub("***@", value))
        return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
    if isinstance(value, dict):
        return {redact(key): redact(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(entry) for entry in value]
    return value
