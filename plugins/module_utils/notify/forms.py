# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Format a message for each kind of channel, within its size limit."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .message import SENDER, Message, encoded, fitted, units

Document = Dict[str, Any]

# Teams rejects a message over 28 KB; the limit of a generic webhook is unknown.
TEAMS_BYTES = 28_000
WEBHOOK_BYTES = 28_000
# Slack: characters in a section, sections in a message, characters in all.
SLACK_SECTION, SLACK_SECTIONS, SLACK_TOTAL = 3000, 50, 40_000
# Mattermost accepts 16,383 characters, Discord 2,000; Google Chat 4,096.
MATTERMOST_UNITS, DISCORD_UNITS, GOOGLE_CHAT_UNITS = 16_000, 2000, 4000
_ZERO_WIDTH_SPACE = "\u200b"


def as_json(message: Message, most: int = WEBHOOK_BYTES) -> Document:
    """The document of a generic webhook, of at most ``most`` bytes."""
    return fitted(message, _json, lambda document: len(encoded(document)) <= most)


def as_slack(message: Message, most: int = SLACK_TOTAL) -> Document:
    """A message for Slack's incoming webhook, of at most ``most`` characters.

    Slack's three control characters are escaped, so nothing becomes a mention. Text longer than one section is sent in
    several; ``text`` is then what a notification shows.
    """
    return fitted(message, _slack, lambda document: _fits_slack(document, most))


def as_teams(message: Message, most: int = TEAMS_BYTES) -> Document:
    """An adaptive card of at most ``most`` bytes, as the workflows of Teams accept it.

    Text runs do not support Markdown, and so no links.
    """
    return fitted(message, _teams, lambda document: len(encoded(document)) <= most)


def as_discord(message: Message, most: int = DISCORD_UNITS) -> Document:
    """A message for a Discord webhook, of at most ``most`` characters, that mentions nobody."""
    return fitted(
        message,
        lambda part: {"content": _fenced(part), "allowed_mentions": {"parse": []}},
        lambda document: units(document["content"]) <= most,
    )


def as_mattermost(message: Message, most: int = MATTERMOST_UNITS) -> Document:
    """A message for a Mattermost webhook, of at most ``most`` characters; a code block mentions nobody."""
    return _fenced_text(message, most)


def as_google_chat(message: Message, most: int = GOOGLE_CHAT_UNITS) -> Document:
    """A message for a Google Chat webhook, of at most ``most`` characters."""
    return _fenced_text(message, most)


def as_mail(message: Message, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """A plain-text mail in 7-bit lines of at most 78 characters, which every relay accepts.

    :raises ValueError: an address contains a line break.
    """
    # The policy encodes other text as quoted-printable or base64 for every server.
    mail = EmailMessage(policy.SMTP.clone(cte_type="7bit"))
    mail["Subject"] = f"[{SENDER}] {message.subject}"
    mail["From"] = ascii_address(sender)
    mail["To"] = ", ".join(map(ascii_address, recipients))
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain="mobius.dhash")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([*message.lines(), "", message.at]) + "\n")
    return mail


def ascii_address(address: str) -> str:
    """Encode an address's domain for DNS, because a relay without SMTPUTF8 rejects any other."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return local + at + domain.encode("idna").decode("ascii")
    except UnicodeError:
        return address


FORMS: Mapping[str, Callable[..., Document]] = {
    "webhook": as_json,
    "slack": as_slack,
    "teams": as_teams,
    "discord": as_discord,
    "mattermost": as_mattermost,
    "google_chat": as_google_chat,
}


def document_of(kind: str, message: Message, most: Optional[int] = None) -> bytes:
    """The body to post to a channel of this kind; ``most`` replaces the limit of the kind."""
    form = FORMS[kind]
    return encoded(form(message) if most is None else form(message, most))


def _json(message: Message) -> Document:
    return {
        "source": SENDER,
        "event": message.event,
        "subject": message.subject,
        "text": message.text,
        "at": message.at,
        "facts": dict(message.facts),
    }


def _slack(message: Message) -> Document:
    lines = [f"*{_escaped(message.subject)}*"]
    lines += [part for line in message.lines() for part in _parts(line, SLACK_SECTION)]
    text = "\n".join(lines)
    if units(text) <= SLACK_SECTION:
        return {"text": text}
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": each}} for each in _sections(lines)]
    return {"text": lines[0], "blocks": sections}


def _fits_slack(document: Document, most: int) -> bool:
    sections = document.get("blocks", [])
    total = units(document["text"]) + sum(units(section["text"]["text"]) for section in sections)
    return len(sections) <= SLACK_SECTIONS and total <= most


def _sections(lines: Sequence[str]) -> List[str]:
    sections, size = [lines[0]], units(lines[0])
    for line in lines[1:]:
        size += units(line) + 1
        if size <= SLACK_SECTION:
            sections[-1] += f"\n{line}"
        elif line:
            sections.append(line)
            size = units(line)
    return sections


def _parts(line: str, most: int) -> List[str]:
    """A line, escaped, in parts that fit into one section; none ends inside an escape."""
    whole = _escaped(line)
    if units(whole) <= most:
        return [whole]
    parts, size = [""], 0
    for character in line:
        written = _escaped(character)
        size += units(written)
        if size > most:
            parts.append("")
            size = units(written)
        parts[-1] += written
    return parts


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(message: Message) -> Document:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_run(message.subject, weight="bolder"), *(_run(line) for line in message.lines())],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _run(text: str, **style: str) -> Document:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _fenced_text(message: Message, most: int) -> Document:
    return fitted(message, lambda part: {"text": _fenced(part)}, lambda document: units(document["text"]) <= most)


def _fenced(message: Message) -> str:
    """Put subject and lines into a code block, in which Markdown and mentions have no effect."""
    lines = [message.subject, *message.lines()]
    block = "\n".join(lines).replace("```", f"`{_ZERO_WIDTH_SPACE}``").replace("<", f"<{_ZERO_WIDTH_SPACE}")
    return f"```\n{block}\n```"
