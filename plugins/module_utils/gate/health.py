# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a health response by its HTTP status and its body."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, List, Optional, Sequence, Tuple

from ..errors import MobiusError
from ..http import Response
from ..json import is_number, load_json
from ..text import printable, redact
from .samples import BAD, NOT_OK, OK

STATUS_CODES = ("200",)
#: Healthy status words, in any case; other words are unhealthy.
WORDS = (
    *("healthy", "ok", "okay", "up", "pass", "passed", "passing", "green", "alive", "ready", "running", "success"),
    *("successful", "good", "live", "online", "available", "active", "operational", "serving", "true", "yes"),
)
# Only for a body that is one plain word; other text, such as a page, is not evaluated.
_UNHEALTHY = frozenset(
    ("unhealthy", "down", "fail", "failed", "failing", "failure", "error", "red", "dead", "critical", "unavailable")
    + ("offline", "stopped", "starting", "stopping", "degraded", "false", "no", "not ok", "not ready", "out_of_service")
)
# A status must be one of the accepted words or codes; the other members fail only on a clear no, because they have
# other meanings as well (a state of 42, a list named up).
_STATUS = "status"
_OTHERS = ("state", "health", "healthy", "ok", "success", "result", "condition", "overall", "up", "ready", "alive")
_INNER = (_STATUS, *_OTHERS, "code", "value", "name", "text")
_REASONS = ("reasons", "reason", "message", "error", "errors", "detail", "details", "output")
_LONGEST = 300
_RANGE = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?|([1-5])xx", re.IGNORECASE)


@dataclass(frozen=True)
class HealthRules:
    """The accepted HTTP statuses as (first, last), and words in lower case."""

    codes: Tuple[Tuple[int, int], ...] = ((200, 200),)
    words: Tuple[str, ...] = WORDS

    @classmethod
    def of(cls, codes: Optional[Sequence[Any]], words: Optional[Sequence[Any]]) -> HealthRules:
        """Create the rules from options; missing or only empty ones mean the default.

        :param codes: such as 200, "204", "200-299" or "2xx".
        :raises MobiusError: not a status code.
        """
        given = [str(code).strip() for code in codes or () if str(code).strip()]
        accepted = tuple(_range(code) for code in given or STATUS_CODES)
        spoken = tuple(dict.fromkeys(_word(str(word)) for word in words or () if str(word).strip()))
        return cls(accepted, spoken or WORDS)

    def accepts_code(self, code: int) -> bool:
        return any(first <= code <= last for first, last in self.codes)

    def describe_codes(self) -> str:
        return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in self.codes)


DEFAULT_RULES = HealthRules()


def judge_health(response: Response, rules: HealthRules = DEFAULT_RULES) -> Tuple[str, str]:
    """Return OK, or NOT_OK or BAD with the observed and the accepted values.

    If the body has no health information, such as a page or an empty body, the HTTP status decides.
    """
    if not rules.accepts_code(response.status):
        document, _problem = _json_of(response)
        status = document.get(_STATUS) if isinstance(document, dict) else None
        stated = [status] if isinstance(status, str) else []
        return NOT_OK, _joined(describe_status(response.status, rules.describe_codes()), stated + _reasons(document))
    document, problem = _json_of(response)
    if problem:
        word = _word(response.text())
        if word and word not in rules.words:
            return BAD, f"the body is not valid JSON ({problem}), although its type is {_type_of(response)}"
        return OK, ""
    refused = _refusal(document, rules)
    if refused is None:
        return OK, ""
    name, value = refused
    shown = printable(redact(json.dumps(value, ensure_ascii=False, default=str)), 80)
    seen = f"answered {response.status} with {f'{name} ' if name else ''}{shown}"
    return NOT_OK, _joined(f"{seen}, accepted: {', '.join(rules.words)}", _reasons(document))


def describe_status(status: int, accepted: str) -> str:
    """Describe an HTTP status that is not accepted, and those that are."""
    redirect = " (a redirect, not followed)" if 300 <= status < 400 else ""
    return f"answered {status}{redirect}, accepted: {accepted}"


def _range(code: str) -> Tuple[int, int]:
    match = _RANGE.fullmatch(code)
    if match is None:
        raise MobiusError(f"Invalid HTTP status: {ascii(code)}", None, "use codes such as 200, 204, 200-299 or 2xx")
    if match[3]:
        return int(match[3]) * 100, int(match[3]) * 100 + 99
    return int(match[1]), int(match[2] or match[1])


def _type_of(response: Response) -> str:
    return printable(response.content_type.partition(";")[0].strip(), 60)


def _json_of(response: Response) -> Tuple[Any, str]:
    """Return the parsed body, or why it is not the JSON that its type promises.

    A body that is one plain word is returned as that word.
    """
    text = response.text().strip("\ufeff \t\r\n\x00")
    claimed = "json" in response.content_type.lower()
    if not text:
        return None, ""
    try:
        if claimed or text[0] in '{["' or text[:1].isdigit():
            return load_json(text), ""
    except ValueError as error:
        if claimed:
            return None, printable(str(error), 60)
    return (text if _word(text) in _UNHEALTHY else None), ""


def _refusal(document: Any, rules: HealthRules) -> Optional[Tuple[str, Any]]:
    """Return (name, value) of the member that reports an unhealthy service, or None."""
    if not isinstance(document, dict):
        return ("", document) if _is_no(document, rules) else None
    members = {str(name).lower(): value for name, value in document.items()}
    for name in (_STATUS, *_OTHERS):
        value = members.get(name)
        if isinstance(value, dict):
            inner = {str(key).lower(): entry for key, entry in value.items()}
            value = next((inner[key] for key in _INNER if _is_given(inner.get(key))), None)
        if _is_given(value) and (not _is_yes(value, rules) if name == _STATUS else _is_no(value, rules)):
            return name, value
    return None


def _is_given(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float, list)) and value not in ("", [])


def _is_no(value: Any, rules: HealthRules) -> bool:
    """Whether a value is clearly a no: false, one of the words for it, an HTTP status that is not accepted."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return 100 <= value < 600 and not _is_yes(value, rules)
    return isinstance(value, str) and _word(value) in _UNHEALTHY and not _is_yes(value, rules)


def _is_yes(value: Any, rules: HealthRules) -> bool:
    if isinstance(value, list):
        return all(_is_yes(each, rules) for each in value)
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return is_number(value) and (rules.accepts_code(int(value)) or f"{value:g}" in rules.words)
    word = _word(str(value))
    if word in rules.words or _is_accepted_code(word, rules):
        return True
    # "OK: all checks passed", but not "ok with errors".
    first = re.match(r"(\w+)\s*[:,;(\u2013\u2014-]", word)
    return bool(first and first[1] in rules.words)


def _is_accepted_code(word: str, rules: HealthRules) -> bool:
    """Whether a text is an accepted HTTP status, alone ("200") or with its phrase ("200 ok")."""
    code = re.fullmatch(r"([1-5][0-9]{2})(?: (.+))?", word, re.ASCII)
    if code is None or not rules.accepts_code(int(code[1])):
        return False
    return code[2] is None or code[2] in {status.phrase.lower() for status in HTTPStatus if status == int(code[1])}


def _word(text: str) -> str:
    return text.strip("\ufeff \t\r\n\x00\"'.!").lower()


def _reasons(document: Any) -> List[str]:
    if not isinstance(document, dict):
        return []
    found: List[str] = []
    for name in _REASONS:
        value = document.get(name)
        found += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each]
    return found


def _joined(seen: str, reasons: List[str]) -> str:
    reasons_shown = [printable(redact(reason), 100) for reason in dict.fromkeys(reasons)]
    return f"{seen}; reasons: {', '.join(reasons_shown)}"[:_LONGEST] if reasons_shown else seen
