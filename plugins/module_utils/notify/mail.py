# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivers one mail to an SMTP server, within a deadline and with its certificate verified."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Dict, Mapping, Optional, Sequence

from ..http import with_deadline

STARTTLS = "starttls"
TLS = "tls"
NONE = "none"
_PORTS = {STARTTLS: 587, TLS: 465, NONE: 25}


class NotSent(Exception):
    """The message was not accepted; the text has the reason and contains no secret."""


@dataclass(frozen=True)
class Server:
    """``port`` None is the default of ``security``; ``timeout`` in seconds for the whole delivery."""

    host: str
    port: Optional[int] = None
    security: str = STARTTLS
    username: Optional[str] = None
    password: Optional[str] = None
    validate_certs: bool = True
    ca_path: Optional[str] = None
    timeout: float = 10.0


def deliver(mail: EmailMessage, server: Server, sender: str, recipients: Sequence[str]) -> None:
    """Send, and return once the server has accepted the mail for every recipient.

    :raises NotSent: no response in time, TLS, login, or a recipient was rejected.
    """
    try:
        refused = with_deadline(lambda: _send(mail, server, sender, recipients), server.timeout)
    except Exception as error:
        raise _describe(error, server) from None
    if refused:
        raise NotSent(f"{len(refused)} of {len(recipients)} recipients rejected ({_codes(refused)})")


def _send(mail: EmailMessage, server: Server, sender: str, recipients: Sequence[str]) -> Dict[str, object]:
    port = server.port or _PORTS[server.security]
    context = _context(server)
    connected: smtplib.SMTP
    if server.security == TLS:
        connected = smtplib.SMTP_SSL(server.host, port, timeout=server.timeout, context=context)
    else:
        connected = smtplib.SMTP(server.host, port, timeout=server.timeout)
    with connected:
        if server.security == STARTTLS:
            connected.starttls(context=context)
        if server.username is not None:
            if server.security == NONE:
                raise NotSent("a password is not sent without TLS: set security to starttls or tls")
            connected.login(server.username, server.password or "")
        return dict(connected.send_message(mail, sender, list(recipients)))


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.ca_path)
    if not server.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _describe(error: BaseException, server: Server) -> NotSent:
    """Describe the error; only the server's code is quoted, because its text could repeat the message."""
    if isinstance(error, NotSent):
        return error
    if isinstance(error, smtplib.SMTPException):
        return NotSent(_of_smtp(error))
    if isinstance(error, TimeoutError):
        return NotSent(f"no response within {server.timeout:g} s")
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotSent(f"certificate rejected: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return NotSent(f"TLS failed: {error.reason or type(error).__name__}")
    if isinstance(error, OSError):
        return NotSent(error.strerror or type(error).__name__)
    return NotSent(type(error).__name__)


def _of_smtp(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"the server does not support {_missing(error)}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"login rejected ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server rejected the message ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"all recipients rejected ({_codes(error.recipients)})"
    return f"not a usable SMTP response ({type(error).__name__})"


def _missing(error: smtplib.SMTPNotSupportedError) -> str:
    text = str(error)
    if "STARTTLS" in text:
        return "STARTTLS: set security to tls or none"
    if "AUTH" in text:
        return "a login: leave out username and password"
    return "addresses outside ASCII (SMTPUTF8)"


def _codes(refused: Mapping[str, Any]) -> str:
    return ", ".join(sorted({str(reply[0]) for reply in refused.values()}))
