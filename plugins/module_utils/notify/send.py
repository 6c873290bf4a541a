# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends one message to every channel that wants it; a channel that fails is told and stops nothing."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..errors import MobiusError
from ..http import Access, InvalidResponse, NoResponse, build_opener, post
from .mail import STARTTLS, NotSent, Server, deliver
from .message import Message, as_json, as_mail, as_slack, as_teams

Channel = Mapping[str, Any]
_FORMS: Mapping[str, Callable[[Message], Dict[str, Any]]] = {"webhook": as_json, "slack": as_slack, "teams": as_teams}


def notify(
    message: Message, channels: Sequence[Channel], *, timeout: float = 10.0, check_mode: bool = False
) -> Dict[str, Any]:
    """Send ``message``.

    :param channels: see the module ``deployment_notify``.
    :param timeout: seconds for each channel.
    :returns: ``channels``, each with ``channel``, ``sent`` and ``reason``, and ``warnings``. No channel raises.
    """
    results: List[Dict[str, Any]] = []
    warnings: List[str] = []
    for number, channel in enumerate(channels, 1):
        name = channel.get("name") or f"{channel['type']} {number}"
        reason = _unwanted(message, channel, check_mode)
        if not reason:
            reason = _tried(message, channel, timeout)
            if reason:
                warnings.append(f"Nobody was told through {name}: {reason}")
        results.append({"channel": name, "sent": not reason, "reason": reason})
    return {"changed": False, "channels": results, "warnings": warnings}


def _unwanted(message: Message, channel: Channel, check_mode: bool) -> str:
    events = channel.get("events") or []
    if events and message.event not in events:
        return f"it does not want {message.event}"
    return "check mode" if check_mode else ""


def _tried(message: Message, channel: Channel, timeout: float) -> str:
    """Why it was not sent; empty when it was."""
    try:
        if channel["type"] == "email":
            _mail(message, channel, timeout)
        else:
            _post(message, channel, timeout)
    except (NotSent, NoResponse, InvalidResponse) as error:
        return str(error)
    except MobiusError as error:
        # Where it happened may be the URL, and the URL of a webhook is its password.
        return error.what
    except (ValueError, UnicodeError, OSError) as error:
        return f"it could not be made ({type(error).__name__})"
    return ""


def _post(message: Message, channel: Channel, timeout: float) -> None:
    url = _given(channel, "url")
    access = Access(
        timeout=timeout,
        headers={str(name): str(value) for name, value in (channel.get("headers") or {}).items()},
        username=channel.get("username"),
        password=channel.get("password"),
        validate_certs=channel.get("validate_certs", True),
        ca_path=channel.get("ca_path"),
        use_proxy=channel.get("use_proxy", True),
    )
    document = json.dumps(_FORMS[channel["type"]](message)).encode("ascii")
    answer = post(build_opener(access), url, access, document)
    if not 200 <= answer.status < 300:
        raise NotSent(f"answered {answer.status}")


def _mail(message: Message, channel: Channel, timeout: float) -> None:
    host, sender, recipients = (_given(channel, name) for name in ("host", "sender", "to"))
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
    deliver(as_mail(message, sender, recipients), server, sender, recipients)


def _given(channel: Channel, name: str) -> Any:
    value = channel.get(name)
    if not value:
        raise NotSent(f"it has no {name}")
    return value
