# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text of any origin made safe to show and to keep: escaping, redaction, durations."""

from __future__ import annotations

import re
from typing import Any, Optional

# Joiners, which emoji and some scripts need, and spaces that are not ASCII.
_HARMLESS = "\u200c\u200d\u00a0\u2007\u2009\u202f\u3000"
_SUSPECT = re.compile("[^\\x20-\\x7e]")

_WORD = r"(?:authorization|token|password|passwd|secret|api[_-]?key|private[_-]?key|cookie|credentials?)"
# A password may contain an @ of its own: all of the authority up to the last one.
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


def printable(text: str, longest: Optional[int] = 1000, *, multiline: bool = False) -> str:
    """Text in which every character can be seen: controls, direction marks and lone surrogates become escapes.

    :param longest: cut after so many characters and state the full length; None for no limit.
    :param multiline: keep line feeds and tabs.
    """
    shown = text[:longest]
    if not shown.isprintable():
        keep = _HARMLESS + "\n\t" if multiline else _HARMLESS
        shown = _SUSPECT.sub(lambda match: _escaped(match.group(), keep), shown)
    return shown if longest is None or len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def format_duration(seconds: float) -> str:
    """A duration in at most two units: ``3 min 20 s``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def mask_secrets(text: str) -> str:
    """Text with every secret in it replaced by ``***``."""
    return _NAMED.sub(r"\1***", _WEBHOOK.sub(r"\1***", _URL_USER.sub("***@", text)))


def redact(value: Any) -> Any:
    """A copy of a value (text, dict, list) without secrets, in which every character of a text can be seen."""
    if isinstance(value, str):
        return printable(mask_secrets(value), None, multiline=True)
    if isinstance(value, dict):
        return {redact(key): "***" if _is_secret(key, entry) else redact(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(entry) for entry in value]
    return value


def _is_secret(key: Any, entry: Any) -> bool:
    return isinstance(entry, str) and entry != "" and isinstance(key, str) and bool(_SECRET_NAME.fullmatch(key))


def _escaped(character: str, keep: str) -> str:
    if character.isprintable() or character in keep:
        return character
    return character.encode("unicode_escape").decode("ascii")
