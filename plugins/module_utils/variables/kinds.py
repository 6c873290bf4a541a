# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of values. Surveys and ``-e`` give text, so a number or a boolean may arrive as text.

Each kind is called with a value and returns a description of the accepted values, or an empty string for a valid one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Callable, Tuple
from urllib.parse import urlsplit

from .answered import to_list, to_mapping

Kind = Callable[[Any], str]

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TRUTH = ("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n")
# Ansible would expand the variables of some host's environment in them.
_ENVIRONMENT = re.compile(r"\$(\w|\{\w+\})")
_LONGEST_PATH = 4000


@dataclass(frozen=True)
class Number:
    least: float = 0
    most: float = math.inf
    whole: bool = False
    or_empty: bool = False

    def __call__(self, value: Any) -> str:
        if self.or_empty and value == "":
            return ""
        spelled = _WHOLE if self.whole else _NUMBER
        numeric = isinstance(value, int if self.whole else (int, float)) and not isinstance(value, bool)
        if numeric or (isinstance(value, str) and spelled.fullmatch(value)):
            try:
                number = float(value)
            except OverflowError:
                number = math.nan
            if math.isfinite(number) and self.least <= number <= self.most:
                return ""
        limits = f"from {self.least:.15g} to {self.most:.15g}"
        if math.isinf(self.most):
            limits = f"of at least {self.least:g}"
        return f"a {'whole ' if self.whole else ''}number {limits}"


def whole(least: int = 0, most: float = math.inf) -> Number:
    return Number(least, most, whole=True)


@dataclass(frozen=True)
class Choice:
    words: Tuple[str, ...]

    def __call__(self, value: Any) -> str:
        return "" if value in self.words else f"one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Text:
    """One line that ``pattern`` must match completely; ``expected`` describes it."""

    expected: str = "text of one line"
    pattern: str = ".+"

    def __call__(self, value: Any) -> str:
        good = isinstance(value, str) and not _CONTROL.search(value) and re.fullmatch(self.pattern, value, re.DOTALL)
        return "" if good else self.expected


@dataclass(frozen=True)
class Path:
    """An absolute path, because a relative one would differ between tasks and users."""

    or_empty: bool = True
    suffix: str = ""

    def __call__(self, value: Any) -> str:
        if self.or_empty and value == "":
            return ""
        expected = "an absolute path" + (f" that ends in {self.suffix}" if self.suffix else "")
        if not isinstance(value, str) or not value.startswith("/") or not value.endswith(self.suffix):
            return f"{expected}, without ~ and without shell variables"
        if _ENVIRONMENT.search(value):
            return f"{expected} without shell variables"
        if _CONTROL.search(value) or len(value) > _LONGEST_PATH:
            return f"{expected} of one line, in UTF-8"
        return ""


@dataclass(frozen=True)
class Url:
    or_empty: bool = True

    def __call__(self, value: Any) -> str:
        if self.or_empty and value == "":
            return ""
        expected = "an http or https URL, such as http://127.0.0.1:5001/health"
        if not isinstance(value, str) or _CONTROL.search(value) or " " in value:
            return expected
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        return "" if good else expected


def truth(value: Any) -> str:
    given = value.lower() if isinstance(value, str) else value
    return "" if isinstance(value, bool) or given in _TRUTH or given in (0, 1) else "true or false (yes, no, on, off)"


def one_line(value: Any) -> str:
    """Text that may be empty."""
    return "" if value == "" else Text()(value)


def words(value: Any) -> str:
    """A list of texts, or one text with commas in between."""
    parts = to_list(value) if value != "" else []
    good = isinstance(parts, (list, tuple)) and all(
        isinstance(part, str) and not _CONTROL.search(part) for part in parts
    )
    return "" if good else "a list of strings"


def mapping(value: Any) -> str:
    """Also as JSON, or as text such as ``name=value,name=value``."""
    return "" if isinstance(to_mapping(value), dict) else "a mapping of names and values"
