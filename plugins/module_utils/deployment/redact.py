# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets and control characters are taken out of text before it is kept."""

from __future__ import annotations

import re
from typing import Any

_WORD = r"(?:authorization|token|password|passwd|secret|api[_-]?key|private[_-]?key|cookie|credentials?)"
# A password may hold an @ of its own: all of the authority up to the last one.
_URL_USER = re.compile(r"(?<=://)[^/?#\s\"']*@")
# The path of such a webhook is its password.
_WEBHOOK = re.compile(
    r"(?i)(?<=://)((?:hooks\.slack\.com|[\w.-]+\.webhook\.office\.com|[\w.-]+\.logic\.azure\.com(?::\d+)?|"
    r"discord(?:app)?\.com/api/webhooks)/)[^\s\"']+"
)
_NAMED = re.compile(
    rf"(?i)((?<![a-z0-9])(?:[\w-]*[_-])?{_WORD}[\"']?\s*[=:]\s*[\"']?)"
    r"(?:(?:bearer|basic|digest|token)\s+)?[^\s,;&\"']+"
)
_SECRET_NAME = re.compile(rf"(?i)(?:^|.*[_-]){_WORD}")
# What a terminal obeys, what turns text round, what cannot be seen, and half characters.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def redact(value: Any) -> Any:
    """``value`` with every string in it freed of secrets; control characters are shown as escapes."""
    if isinstance(value, str):
        text = _NAMED.sub(r"\1***", _WEBHOOK.sub(r"\1***", _URL_USER.sub("***@", value)))
        return _CONTROL.sub(_escaped, text)
    if isinstance(value, dict):
        return {redact(key): "***" if _is_secret(key, entry) else redact(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(entry) for entry in value]
    return value


def _is_secret(key: Any, entry: Any) -> bool:
    return isinstance(entry, str) and entry != "" and isinstance(key, str) and bool(_SECRET_NAME.fullmatch(key))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
