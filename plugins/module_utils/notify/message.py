# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One message, in the form that each kind of channel wants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Dict, List, Mapping, Sequence

from ..text import redact

SENDER = "mobius.dhash"
# Slack cuts at 40,000 characters, Teams refuses cards over 28 KB.
_LONGEST = 8000


@dataclass(frozen=True)
class Message:
    """``event`` is one of start, success, failure, rollback, monitoring; ``at`` is UTC, ISO 8601."""

    event: str
    subject: str
    text: str
    at: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: str, subject: str, text: str, at: str, facts: Mapping[str, Any]) -> Message:
        """A message without secrets and control characters, its subject on one line, bounded in length."""
        one_line = " ".join(redact(subject).split())
        return cls(event, one_line[:200], redact(text)[:_LONGEST], at, redact(dict(facts)))

    def lines(self) -> List[str]:
        """Text and facts as lines."""
        facts = [f"{name}: {_plain(value)}" for name, value in self.facts.items() if value not in (None, "", [], {})]
        return [*self.text.splitlines(), *facts]


def as_json(message: Message) -> Dict[str, Any]:
    """The document of a generic webhook."""
    return {
        "source": SENDER,
        "event": message.event,
        "subject": message.subject,
        "text": message.text,
        "at": message.at,
        "facts": dict(message.facts),
    }


def as_slack(message: Message) -> Dict[str, Any]:
    """Slack's incoming webhook; its three control characters are escaped, so that nothing becomes a mention."""
    lines = [f"*{_slack(message.subject)}*", *(_slack(line) for line in message.lines())]
    return {"text": "\n".join(lines)[:_LONGEST]}


def as_teams(message: Message) -> Dict[str, Any]:
    """An adaptive card, as the webhooks of Teams' workflows take it; text runs know no Markdown, and so no links."""
    body = [_plain_block(message.subject, bold=True)]
    body += [_plain_block(line) for line in message.lines()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def as_mail(message: Message, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """A plain-text mail.

    :raises ValueError: an address holds a line break.
    """
    mail = EmailMessage()
    mail["Subject"] = f"[{SENDER}] {message.subject}"
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain="mobius.dhash")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([*message.lines(), "", message.at]) + "\n")
    return mail


def _plain_block(text: str, *, bold: bool = False) -> Dict[str, Any]:
    run = {"type": "TextRun", "text": text[:1000], "weight": "bolder" if bold else "default"}
    return {"type": "RichTextBlock", "inlines": [run]}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
