# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extract values from the Prometheus text format and OpenMetrics.

prometheus_client's parsers are used if installed. The parser below covers the whole grammar for hosts without them, and
for documents that an older or stricter parser rejects because of one line.
"""

from __future__ import annotations

import math
import re
from importlib import import_module
from typing import Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

_Pair = Tuple[str, float]

_STRING = r'"(?:[^"\\]|\\.)*"'
_BLANK = r"[ \t]*"
# Whatever a label's value contains, only a line feed ends a line, and only a brace outside quotes ends the labels.
_LABELS = rf'\{{(?:[^"}}]|{_STRING})*\}}'
_NUMBER = r"[+-]?[0-9.][0-9a-zA-Z.+-]*|[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
_LINE = re.compile(
    rf"{_BLANK}(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)?(?:{_BLANK}(?P<labels>{_LABELS}){_BLANK}|[ \t]+)"
    # After the value a timestamp, and an exemplar of OpenMetrics.
    rf"(?P<value>{_NUMBER})(?:[ \t]+(?:{_NUMBER}))?{_BLANK}(?:#.*)?"
)
_TERM = re.compile(rf"\s*(?P<term>{_STRING}|[A-Za-z_][A-Za-z0-9_.:]*)\s*(?P<value>=\s*{_STRING})?\s*(?:,|\}}|\Z)")
_NAME = re.compile(r"[ \t]*([A-Za-z_:][A-Za-z0-9_:]*)")
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


class Parsed(NamedTuple):
    """The worst value of each name over all labels (the largest; NaN is worst), the number of metric lines, and the
    first invalid line.
    """

    values: Dict[str, float]
    samples: int
    invalid_line: str


def parse(text: str, *, openmetrics: bool = False) -> Parsed:
    """Parse a document; an invalid line makes only the metric that it names NaN.

    :param openmetrics: whether the content type is OpenMetrics.
    """
    pairs = by_library(text, openmetrics=openmetrics)
    return Parsed(worst_of(pairs), len(pairs), "") if pairs is not None else by_grammar(text)


def by_library(text: str, *, openmetrics: bool = False) -> Optional[Tuple[_Pair, ...]]:
    """Parse with prometheus_client; None if it is not installed or rejects the document."""
    try:
        library = import_module("prometheus_client.openmetrics.parser" if openmetrics else "prometheus_client.parser")
        families = library.text_string_to_metric_families(text)
        return tuple((sample.name, float(sample.value)) for family in families for sample in family.samples)
    except Exception:
        # Any exception: its parsers raise IndexError and others on some invalid documents.
        return None


def by_grammar(text: str) -> Parsed:
    """Parse with the grammar above."""
    values: Dict[str, float] = {}
    samples, invalid = 0, ""
    for line in _lines(text):
        pair = _sample(line)
        if pair is None:
            invalid = invalid or line
            named = _NAME.match(line)
            pair = (named.group(1), math.nan) if named else None
        else:
            samples += 1
        if pair is not None:
            values.update(worst_of([pair], values))
    return Parsed(values, samples, invalid)


def is_metric(line: str) -> bool:
    """Whether a line is a metric with a value."""
    return _sample(line) is not None


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        content = line.strip(" \t\r\ufeff")
        if content and not content.startswith("#"):
            yield content


def _sample(line: str) -> Optional[_Pair]:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name = match["name"] or _quoted_name(match["labels"] or "")
    value = _float(match["value"])
    return None if not name or value is None else (name, value)


def _quoted_name(labels: str) -> str:
    """The name in ``{"http.server.duration", route="/"}``: the term without a value."""
    position, found = 1, ""
    while position < len(labels):
        term = _TERM.match(labels, position)
        if term is None or term.end() == position:
            break
        if term["value"] is None and term["term"].startswith('"'):
            found = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), term["term"][1:-1])
        position = term.end()
    return found


def _float(text: str) -> Optional[float]:
    try:
        return float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        return None


def worst_of(pairs: Iterable[_Pair], known: Optional[Dict[str, float]] = None) -> Dict[str, float]:
    """The worst value of each name, those of ``known`` included."""
    worst: Dict[str, float] = {}
    for name, value in pairs:
        before = worst.get(name, (known or {}).get(name))
        if before is None or math.isnan(value) or value > before:
            worst[name] = value
    return worst
