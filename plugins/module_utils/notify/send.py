# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one message to every subscribed channel; a channel that fails does not affect the others."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping, Sequence

from ..errors import MobiusError
from ..http import Access, HttpError, Response, build_opener, post, proxy_note
from ..text import configured_secrets, printable, redact
from .forms import as_mail, ascii_address, document_of
from .mail import STARTTLS, NotSent, Server, deliver
from .message import Message

Channel = Mapping[str, Any]
_LONGEST_ANSWER = 200


def notify(
    message: Message, channels: Sequence[Channel], *, timeout: float = 10.0, check_mode: bool = False
) -> Dict[str, Any]:
    """Send a message.

    :param channels: see the module ``deployment_notify``.
    :param timeout: seconds for each channel.
    :returns: ``channels``, each with ``channel``, ``sent`` and ``reason``, and ``warnings``. No channel raises.
    """
    results: List[Dict[str, Any]] = []
    failed: Dict[str, List[str]] = {}
    for number, channel in enumerate(channels, 1):
        name = channel.get("name") or f"{channel['type']} {number}"
        reason = _unwanted(message, channel, check_mode)
        if not reason:
            reason = _attempt(message, channel, timeout)
            if reason:
                failed.setdefault(reason, []).append(name)
        results.append({"channel": name, "sent": not reason, "reason": reason})
    # Channels with the same cause, such as a network outage, share one warning.
    warnings = [f"Notification failed: {reason} ({', '.join(names)})" for reason, names in failed.items()]
    return {"changed": False, "channels": results, "warnings": warnings}


def secrets_of(channels: Sequence[Channel]) -> Collection[str]:
    """Return the secrets of the channels: passwords, headers, and the secret parts of their URLs."""
    return configured_secrets(list(channels))


def _unwanted(message: Message, channel: Channel, check_mode: bool) -> str:
    events = channel.get("events") or []
    if events and message.event not in events:
        return f"not subscribed to {message.event}"
    return "check mode" if check_mode else ""


def _attempt(message: Message, channel: Channel, timeout: float) -> str:
    """Send the message, and return why it was not sent, or an empty string."""
    try:
        if channel["type"] == "email":
            _mail(message, channel, timeout)
        else:
            _post(message, channel, timeout)
    except (NotSent, HttpError) as error:
        return str(error)
    except MobiusError as error:
        # The location may be the URL, and the URL of a webhook is its password.
        return error.what if error.remedy is None else f"{error.what}: {error.remedy}"
    except (ValueError, UnicodeError, OSError) as error:
        return f"the message could not be created ({type(error).__name__})"
    return ""


def _post(message: Message, channel: Channel, timeout: float) -> None:
    url = _required(channel, "url")
    access = Access(
        timeout=timeout,
        headers={str(name): str(value) for name, value in (channel.get("headers") or {}).items()},
        username=channel.get("username"),
        password=channel.get("password"),
        validate_certs=channel.get("validate_certs", True),
        ca_path=channel.get("ca_path"),
        use_proxy=channel.get("use_proxy", True),
    )
    document = document_of(channel["type"], message, channel.get("max_size"))
    response = post(build_opener(access, url), url, access, document)
    # Teams' connectors answer 200 even if delivery failed, and report it in the body.
    if not 200 <= response.status < 300 or b"delivery failed" in response.body[:_LONGEST_ANSWER]:
        raise NotSent(f"answered {response.status}{_answer(response, channel)}{proxy_note(url, access)}")


def _answer(response: Response, channel: Channel) -> str:
    """Return a service's reason for rejecting a message, such as Slack's invalid_payload; HTML pages are left out."""
    text = " ".join(response.body[: _LONGEST_ANSWER + 1].decode("utf-8", "replace").split())
    if not text or len(response.body) > _LONGEST_ANSWER or text.startswith("<"):
        return ""
    return f": {printable(redact(text, secrets_of([channel])))}"


def _mail(message: Message, channel: Channel, timeout: float) -> None:
    host, sender, recipients = (_required(channel, name) for name in ("host", "sender", "to"))
    server = Server(
        host=host,
        port=channel.get("port"),
        security=channel.get("security") or STARTTLS,
        username=channel.get("username"),
        password=channel.get("password"),
        validate_certs=channel.get("validate_certs", True),
        ca_path=channel.get("ca_path"),
        timeout=timeout,
    )
    deliver(
        as_mail(message, sender, recipients),
        server,
        ascii_address(sender),
        [ascii_address(each) for each in recipients],
    )


def _required(channel: Channel, name: str) -> Any:
    value = channel.get(name)
    if not value:
        raise NotSent(f"the channel has no {name}: set it")
    return value
