# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables from surveys and ``-e``: unanswered questions, and lists and mappings as text."""

from __future__ import annotations

import json
import re
from typing import Any, List

from ..errors import MobiusError
from ..json import load_json

_BATCH = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(\.[0-9]{1,6})?%")
_REMEDY = "correct it in the survey or the extra vars, then start again; nothing was changed"
_SEPARATOR = re.compile(r"[,\n]")


def is_unanswered(value: Any) -> bool:
    """Whether a value is unanswered: null or blank text. 0, false and empty collections are answers."""
    return value is None or (isinstance(value, str) and not value.strip())


def answered(value: Any, default: Any, *, split: bool = True) -> Any:
    """Return the value that is meant.

    :param default: returned if ``value`` is unanswered. If it is a list or a mapping, text is converted to one.
    :param split: whether text that is not JSON is a list separated by commas.
    """
    if is_unanswered(value):
        return default
    if isinstance(default, dict):
        return to_mapping(value)
    return to_list(value, split=split) if isinstance(default, (list, tuple)) else value


def batches(value: Any, default: Any) -> Any:
    """Return numbers of hosts and percentages for ``serial`` of a play, which Ansible itself does not check.

    :raises MobiusError: ``value`` is neither.
    """
    given = answered(value, [])
    sizes = list(given) if isinstance(given, (list, tuple)) else [given]
    for size in sizes:
        if isinstance(size, bool) or not _BATCH.fullmatch(str(size).strip()):
            raise MobiusError(
                f"mobius_serial is {json.dumps(value, default=str)[:80]}, must be numbers of hosts or "
                "percentages, such as 1,10%,100%",
                remedy=_REMEDY,
            )
    return [str(size).strip() for size in sizes] or default


def to_list(value: Any, *, split: bool = True) -> Any:
    """A list from JSON or comma text; anything else unchanged."""
    if not isinstance(value, str):
        return value
    parsed = _parsed(value)
    if isinstance(parsed, list):
        return parsed
    return _parts(value) if split and not isinstance(parsed, dict) else value


def to_mapping(value: Any) -> Any:
    """A mapping from JSON or from text such as ``name=value,name=value``; anything else unchanged."""
    if not isinstance(value, str):
        return value
    parsed = _parsed(value)
    if isinstance(parsed, dict):
        return parsed
    pairs = [part.partition("=") for part in _parts(value)]
    if not pairs or not all(name.strip() and sign for name, sign, _rest in pairs):
        return value
    return {name.strip(): rest.strip() for name, _sign, rest in pairs}


def _parsed(text: str) -> Any:
    try:
        return load_json(text)
    except ValueError:
        return None


def _parts(text: str) -> List[str]:
    return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]
