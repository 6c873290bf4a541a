# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message, and its shortening to a channel's limit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Collection, List, Mapping, TypeVar

from ..text import redact

SENDER = "mobius.dhash"
_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 100_000
_LONGEST_LINE = 2000
_Form = TypeVar("_Form")


@dataclass(frozen=True)
class Message:
    """``event`` is one of start, success, failure, rollback, monitoring; ``at`` is UTC, ISO 8601."""

    event: str
    subject: str
    text: str
    at: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, event: str, subject: str, text: str, at: str, facts: Mapping[str, Any], secrets: Collection[str] = ()
    ) -> Message:
        """A message without secrets and control characters, its subject on one line, bounded in length.

        :param secrets: values to mask, from ``configured_secrets``.
        """
        one_line = " ".join(redact(subject, secrets).split())
        # Cut twice: the first cut may leave part of a secret, which cannot be masked; the second removes it.
        lines = [_cut(line) for line in redact(text[: 2 * _LONGEST_TEXT], secrets)[:_LONGEST_TEXT].splitlines()]
        known = {str(name): _short(value) for name, value in redact(dict(facts), secrets).items()}
        return cls(event, _cut(one_line, _LONGEST_SUBJECT), "\n".join(lines), at, known)

    def lines(self) -> List[str]:
        """Text and facts as lines."""
        facts = [f"{name}: {_plain(value)}" for name, value in self.facts.items() if value not in (None, "", [], {})]
        return [*self.text.splitlines(), *facts]

    def shortened(self, lines: int, facts: int) -> Message:
        """Return at most this many lines of text and facts, and how many are left out."""
        text, known = self.text.splitlines(), list(self.facts.items())
        kept = text[:lines]
        if len(text) > lines:
            kept.append(f"… {len(text) - lines:,} more lines")
        if len(known) > facts:
            kept.append(f"… {len(known) - facts:,} more facts")
        return replace(self, text="\n".join(kept), facts=dict(known[:facts]))


def fitted(message: Message, form: Callable[[Message], _Form], fits: Callable[[_Form], bool]) -> _Form:
    """Format as much of a message as fits; text is cut before facts, the subject is always kept.

    :param fits: judges the finished form, so escaping and framing count.
    """
    whole = form(message)
    if fits(whole):
        return whole
    lines, facts = len(message.text.splitlines()), len(message.facts)
    most = _largest(lines, lambda number: fits(form(message.shortened(number, facts))))
    if most >= 0:
        return form(message.shortened(most, facts))
    return form(message.shortened(0, max(0, _largest(facts, lambda number: fits(form(message.shortened(0, number)))))))


def encoded(document: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON document as sent, in ASCII."""
    return json.dumps(document).encode("ascii")


def units(text: str) -> int:
    """The length of a text in UTF-16 code units, as chat services count characters."""
    return len(text) + sum(character > "\uffff" for character in text)


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to ``most`` that fits, -1 for none; what fits a number fits smaller ones."""
    low, high = -1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _cut(line: str, longest: int = _LONGEST_LINE) -> str:
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _short(value: Any) -> Any:
    """A fact, cut to one line when it is too long."""
    return value if len(_plain(value)) <= _LONGEST_LINE else _cut(_plain(value))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
