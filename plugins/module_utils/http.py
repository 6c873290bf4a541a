# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request with limits: no redirect is followed, no secret is shown, time and size are bounded.

``ansible.module_utils.urls.open_url`` is not used: it builds a TLS context for every request, including http (36 ms),
replaces urllib's opener for the whole process, takes 35 ms longer to import and adds 15 kB to each module, and would
still need our own limits on time and size.
"""

from __future__ import annotations

import base64
import fnmatch
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Callable, List, Mapping, NamedTuple, Optional, TypeVar

from .errors import MobiusError
from .text import mask_secrets

MAX_BODY = 4 * 1024 * 1024
_Result = TypeVar("_Result")


class Response(NamedTuple):
    """``status`` as sent, ``content_type`` as sent or empty, ``body`` decompressed."""

    status: int
    content_type: str
    body: bytes

    def text(self) -> str:
        """Decode the body by its byte order mark, content type, or JSON's rule, else as UTF-8. Never fails."""
        declared = re.search(r"(?i)charset\s*=\s*[\"']?([\w.:-]+)", self.content_type)
        encoding: str = json.detect_encoding(self.body)
        if declared and encoding == "utf-8":
            encoding = declared[1]
        try:
            return self.body.decode(encoding, "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8", "replace")


class HttpError(Exception):
    """A request without a usable response; the text is a sentence without secrets."""


class NoResponse(HttpError):
    """The service could not be reached, or did not respond in time."""


class InvalidResponse(HttpError):
    """The service sent something that is not a usable HTTP response."""


@dataclass(frozen=True)
class Access:
    """How to send a request: ``timeout`` in seconds for the whole of it, ``max_body`` in bytes."""

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
    """A URL without its credentials, which are stored separately."""

    url: str
    username: Optional[str]
    password: Optional[str]


def split_credentials(url: str) -> Location:
    """Take ``user:password@`` out of a URL.

    :raises MobiusError: not an http or https URL.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), None
    clean = not any(character <= " " or character == "\x7f" for character in url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not clean:
        raise MobiusError(
            "Invalid URL", ascii(mask_secrets(url)), "use http://HOST:PORT/PATH or https://HOST:PORT/PATH"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = parts._replace(netloc=host if port is None else f"{host}:{port}", fragment="")
    user, password = (None if part is None else urllib.parse.unquote(part) for part in (parts.username, parts.password))
    return Location(urllib.parse.urlunsplit(bare), user, password)


def build_opener(access: Access, *urls: str) -> urllib.request.OpenerDirector:
    """Return an opener that returns every response unchanged: no redirects, no error for a status, no other schemes.

    :param urls: the URLs to open; TLS is set up only when one of them, or a proxy, needs it.
    :raises MobiusError: a certificate file is missing or invalid.
    """
    for path in (access.ca_path, access.client_cert, access.client_key):
        if path is not None and not os.path.isfile(path):
            raise MobiusError("No such certificate file", path, "use the path of a PEM file on the host that connects")
    proxies = urllib.request.getproxies() if access.use_proxy else {}
    handlers: List[urllib.request.BaseHandler] = [urllib.request.ProxyHandler(proxies), urllib.request.HTTPHandler()]
    if any(url.lower().startswith("https:") for url in (*urls, *proxies.values())):
        handlers.append(urllib.request.HTTPSHandler(context=_context(access)))
    director = urllib.request.OpenerDirector()
    for handler in handlers:
        director.add_handler(handler)
    return director


def get(director: urllib.request.OpenerDirector, url: str, access: Access) -> Response:
    """Send one GET request.

    :raises NoResponse: refused, unknown host, timeout, TLS failure.
    :raises InvalidResponse: not HTTP, or a body over ``max_body``.
    """
    return _bounded(director, url, access, None)


def post(director: urllib.request.OpenerDirector, url: str, access: Access, document: bytes) -> Response:
    """Send one POST request with a JSON document; raises the same errors as :func:`get`."""
    return _bounded(director, url, access, document)


def proxy_note(url: str, access: Access) -> str:
    """Return a note for the error of a request that went to a proxy of the environment; empty if it did not.

    It names the proxy without its credentials, and the entries of ``no_proxy`` that were probably meant to cover the
    host: Python supports neither networks nor wildcards there.
    """
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme) if access.use_proxy else None
    host = parts.hostname or ""
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    address = proxy.rpartition("://")[2].rpartition("@")[2].rstrip("/")
    note = f" (through the proxy {address} of {parts.scheme}_proxy"
    ignored = [entry for entry in _no_proxy_entries() if _was_meant(entry, host)]
    if ignored:
        return f"{note}; no_proxy lists {', '.join(ignored)}, which Python ignores: add {host} itself)"
    return f"{note}; add {host} to no_proxy, or set use_proxy to false, to connect directly)"


def with_deadline(call: Callable[[], _Result], seconds: float) -> _Result:
    """Return or raise the outcome of ``call``, which is abandoned after ``seconds``.

    :raises TimeoutError: it took longer.
    """
    ended: Future[_Result] = Future()

    def run() -> None:
        try:
            ended.set_result(call())
        except BaseException as error:
            ended.set_exception(error)

    # A socket timeout restarts with every byte; only a deadline stops a server that sends slowly.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended.done():
        raise TimeoutError
    return ended.result()


def _bounded(director: urllib.request.OpenerDirector, url: str, access: Access, document: Optional[bytes]) -> Response:
    try:
        return with_deadline(lambda: _send(director, url, access, document), access.timeout)
    except MobiusError:
        raise
    except Exception as error:
        described = _describe(error, access)
        # urllib reports a refusal by the proxy like one by the service.
        raise type(described)(f"{described}{proxy_note(url, access)}") from None


def _send(director: urllib.request.OpenerDirector, url: str, access: Access, document: Optional[bytes]) -> Response:
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
            raise InvalidResponse("no HTTP response")
        body = _decompressed(answer.read(access.max_body + 1), answer.headers.get("Content-Encoding"), access.max_body)
        if len(body) > access.max_body:
            raise InvalidResponse(f"the response is larger than {access.max_body} bytes")
        return Response(int(answer.status), str(answer.headers.get("Content-Type") or ""), body)


def _decompressed(body: bytes, encoding: Optional[str], most: int) -> bytes:
    """Decompress the body: some proxies compress although the request does not allow it."""
    if (encoding or "").strip().lower() not in ("gzip", "x-gzip", "deflate") or len(body) > most:
        return body
    try:
        return zlib.decompressobj(wbits=47).decompress(body, most + 1)
    except zlib.error:
        raise InvalidResponse(f"the response is not valid {encoding}") from None


def _describe(error: BaseException, access: Access) -> HttpError:
    """Describe the error in a sentence without headers or passwords."""
    if isinstance(error, HttpError):
        return error
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return NoResponse(f"no response within {access.timeout:g} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NoResponse(f"certificate rejected: {reason.verify_message}")
    if isinstance(reason, ssl.SSLError):
        return NoResponse(f"TLS failed: {reason.reason or type(reason).__name__}")
    if isinstance(reason, OSError):
        return NoResponse(_of_the_system(reason))
    if isinstance(error, HTTPException):
        return InvalidResponse(f"not an HTTP response ({type(error).__name__})")
    if isinstance(error, (ValueError, UnicodeError)):
        return InvalidResponse(f"the request could not be built ({type(error).__name__}): check the headers")
    return NoResponse(type(error).__name__)


def _no_proxy_entries() -> List[str]:
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return [entry.strip() for entry in listed.split(",") if entry.strip()]


def _was_meant(entry: str, host: str) -> bool:
    if "/" not in entry:
        return fnmatch.fnmatch(host, entry.lower())
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        # A name may resolve to an address in that network.
        return not host.replace(".", "").isdigit()


def _of_the_system(error: OSError) -> str:
    # A proxy's refusal to open a tunnel has a text but no error number.
    text = str(error) if str(error).startswith("Tunnel connection failed") else ""
    return error.strerror or mask_secrets(text) or type(error).__name__


def _context(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.ca_path)
        if access.client_cert is not None:
            context.load_cert_chain(access.client_cert, access.client_key)
    except (ssl.SSLError, OSError) as error:
        raise MobiusError("Invalid certificate file", access.client_cert or access.ca_path, str(error)) from error
    if not access.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
