# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One bounded HTTP request: no redirect is followed, no secret is shown, and nothing takes longer than it may."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Callable, List, Mapping, NamedTuple, Optional, Set, TypeVar

from .errors import MobiusError

_SECRET_NAME = re.compile(r"(?i)token|key|secret|pass|auth|sig|credential|session")

MAX_BODY = 4 * 1024 * 1024
_Answered = TypeVar("_Answered")


class Response(NamedTuple):
    status: int
    content_type: str
    body: bytes


class NoResponse(Exception):
    """The service could not be asked, or did not answer in time."""


class InvalidResponse(Exception):
    """The service answered with something that is no usable HTTP answer."""


@dataclass(frozen=True)
class Access:
    """How to ask: ``timeout`` in seconds for the whole of one request."""

    timeout: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict)
    username: Optional[str] = None
    password: Optional[str] = None
    validate_certs: bool = True
    ca_path: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    use_proxy: bool = False
    max_body: int = MAX_BODY


class Location(NamedTuple):
    """A URL without its credentials, which are kept apart."""

    url: str
    username: Optional[str]
    password: Optional[str]


def split_credentials(url: str) -> Location:
    """Take ``user:password@`` out of a URL.

    :raises MobiusError: it is no http or https URL.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), None
    clean = not any(character <= " " or character == "\x7f" for character in url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not clean:
        raise MobiusError(
            "Not a URL that can be asked",
            _without_user(url),
            "give it as http://HOST:PORT/PATH or https://HOST:PORT/PATH",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = parts._replace(netloc=host if port is None else f"{host}:{port}", fragment="")
    user, password = (None if part is None else urllib.parse.unquote(part) for part in (parts.username, parts.password))
    return Location(urllib.parse.urlunsplit(bare), user, password)


def build_opener(access: Access) -> urllib.request.OpenerDirector:
    """An opener that hands back every answer as it is: no redirects, no error for a status, no other schemes.

    :raises MobiusError: a certificate file cannot be used.
    """
    director = urllib.request.OpenerDirector()
    handlers: List[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler(None if access.use_proxy else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_context(access)),
    ]
    for handler in handlers:
        director.add_handler(handler)
    return director


def get(director: urllib.request.OpenerDirector, url: str, access: Access) -> Response:
    """Ask once.

    :raises NoResponse: refused, unknown host, time-out, TLS failure.
    :raises InvalidResponse: not HTTP, or a body over ``max_body``.
    """
    return _bounded(director, url, access, None)


def post(director: urllib.request.OpenerDirector, url: str, access: Access, document: bytes) -> Response:
    """Send JSON once; raises as :func:`get`."""
    return _bounded(director, url, access, document)


def with_deadline(ask: Callable[[], _Answered], seconds: float) -> _Answered:
    """What ``ask`` returns or raises; it is left to itself when it takes longer.

    :raises TimeoutError: it took longer.
    """
    ended: Future[_Answered] = Future()

    def run() -> None:
        try:
            ended.set_result(ask())
        except BaseException as error:
            ended.set_exception(error)

    # A socket's time-out starts again with every byte; only a wall clock stops a server that drips.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended.done():
        raise TimeoutError
    return ended.result()


def _bounded(director: urllib.request.OpenerDirector, url: str, access: Access, document: Optional[bytes]) -> Response:
    try:
        return with_deadline(lambda: _ask(director, url, access, document), access.timeout)
    except Exception as error:
        raise _plain(error, access) from None


def _ask(director: urllib.request.OpenerDirector, url: str, access: Access, document: Optional[bytes]) -> Response:
    location = split_credentials(url)
    request = urllib.request.Request(location.url, data=document)
    request.add_header("Accept", "application/json, text/plain;q=0.9, */*;q=0.1")
    if document is not None:
        request.add_header("Content-Type", "application/json")
    user = access.username if access.username is not None else location.username
    if user is not None:
        password = access.password if access.password is not None else location.password or ""
        token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        request.add_header("Authorization", f"Basic {token}")
    for name, value in access.headers.items():
        request.add_header(name, str(value))
    with director.open(request, timeout=access.timeout) as answer:
        if answer is None:
            raise InvalidResponse("no HTTP answer")
        body = answer.read(access.max_body + 1)
        if len(body) > access.max_body:
            raise InvalidResponse(f"the answer is larger than {access.max_body} bytes")
        return Response(int(answer.status), str(answer.headers.get("Content-Type") or ""), body)


def _plain(error: BaseException, access: Access) -> Exception:
    """The error as a sentence that cannot hold a header or a password."""
    if isinstance(error, InvalidResponse):
        return error
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return NoResponse(f"no answer within {access.timeout:g} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NoResponse(f"its certificate was refused: {reason.verify_message}")
    if isinstance(reason, ssl.SSLError):
        return NoResponse(f"TLS failed: {reason.reason or type(reason).__name__}")
    if isinstance(reason, OSError):
        return NoResponse(reason.strerror or type(reason).__name__)
    if isinstance(error, HTTPException):
        return InvalidResponse(f"not an HTTP answer ({type(error).__name__})")
    if isinstance(error, (ValueError, UnicodeError)):
        return InvalidResponse(f"the request could not be made ({type(error).__name__}): check the headers")
    return NoResponse(type(error).__name__)


def _context(access: Access) -> ssl.SSLContext:
    for path in (access.ca_path, access.client_cert, access.client_key):
        if path is not None and not os.path.isfile(path):
            raise MobiusError("No such certificate file", path, "give the path of a PEM file on the host that asks")
    try:
        context = ssl.create_default_context(cafile=access.ca_path)
        if access.client_cert is not None:
            context.load_cert_chain(access.client_cert, access.client_key)
    except (ssl.SSLError, OSError) as error:
        raise MobiusError(
            "A certificate file cannot be used", access.client_cert or access.ca_path, str(error)
        ) from error
    if not access.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _without_user(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    head, slash, tail = rest.partition("/")
    path, query, _values = tail.partition("?")
    return ascii(scheme + mark + head.rpartition("@")[2] + slash + path + (query and "?..."))


def secrets_in(url: str) -> Set[str]:
    """Everything in a URL that may not be shown: its password as written, as meant, and inside the token made of it,
    and what its query gives under a name that speaks of a secret.
    """
    found = set()
    for part in urllib.parse.urlsplit(url).query.split("&"):
        name, _mark, value = part.partition("=")
        if value and _SECRET_NAME.search(name):
            found |= {value, urllib.parse.unquote_plus(value)}
    location = split_credentials(url)
    if location.password:
        pair = f"{location.username}:{location.password}".encode()
        found |= {location.password, str(urllib.parse.urlsplit(url).password), base64.b64encode(pair).decode("ascii")}
    return found
