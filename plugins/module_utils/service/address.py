# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Query the service's own endpoint from its host: no proxy, no redirect, a small answer."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from typing import NamedTuple

from ..json import load_object

_ANY = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
_LONGEST = 256 * 1024


class Answer(NamedTuple):
    """``instance`` and ``build`` as reported by the service, or the problem."""

    instance: str = ""
    build: str = ""
    problem: str = ""


def reachable(host: str) -> str:
    """The address at which a program that listens on ``host`` is reached from the same machine."""
    return _ANY.get(host, host)


def local_url(host: str, port: int, path: str) -> str:
    """URL of a program that listens on ``host`` and ``port``, as seen from the same machine."""
    address = reachable(host)
    return f"http://[{address}]:{port}{path}" if ":" in address else f"http://{address}:{port}{path}"


def ask(host: str, port: int, timeout: float = 5.0) -> Answer:
    """Who answers at ``/health``; an unhealthy service counts as an answer (503)."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=timeout)
    # A socket timeout restarts with every byte; only a deadline stops a program that sends slowly.
    clock = threading.Timer(timeout, _hang_up, [connection])
    try:
        connection.connect()
        clock.start()
        connection.request("GET", "/health", headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(_LONGEST)
    except (OSError, http.client.HTTPException) as error:
        return Answer(problem=str(error) or type(error).__name__)
    finally:
        clock.cancel()
        connection.close()
    if answer.status not in (200, 503):
        return Answer(problem=f"it answers {answer.status} {answer.reason}"[:100])
    return _read(body)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _read(body: bytes) -> Answer:
    try:
        document = load_object(body.decode("utf-8-sig"))
    except ValueError:
        document = {}
    if not isinstance(document.get("instance"), str):
        return Answer(problem="another program answers")
    return Answer(document["instance"], str(document.get("build") or ""))
