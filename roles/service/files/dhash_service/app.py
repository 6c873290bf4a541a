# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four routes, and their responses when something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from typing import Any, AsyncIterator, Dict, List, Optional

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .library import HEALTHY, Library, View
from .metrics import Metrics
from .settings import Settings

NAME = "mobius.dhash"
LIMIT = 1000
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Queried every few seconds by gates and monitors; logged only when something is wrong.
_PROBES = ("/health", "/metrics", "/metrics/dhash")
_HEX = re.compile(r"[0-9a-fA-F]{16}")

_log = logging.getLogger("dhash_service")


class Service:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._library = Library(settings)
        self.metrics = Metrics()

    async def health(self, request: Request) -> Response:
        view = await self._library.look()
        document = {
            "status": view.status,
            "reasons": view.reasons,
            "service": NAME,
            "instance": self._settings.instance,
            "build": self._settings.build,
            **_deployed(view),
            **_counted(view),
        }
        return _json(document, 200 if view.status == HEALTHY else 503)

    async def hash_metrics(self, request: Request) -> Response:
        view = await self._library.look()
        metrics = view.metrics
        measured = all(value is not None for value in metrics.values())
        return _json({**metrics, "measured": measured, **_deployed(view), **_counted(view)})

    async def prometheus(self, request: Request) -> Response:
        text = self.metrics.text(await self._library.look())
        return Response(text, media_type=CONTENT_TYPE_LATEST, headers=_HEADERS)

    async def similar(self, request: Request) -> Response:
        dhash = _one(request, "dhash")
        if dhash is None or not _HEX.fullmatch(dhash):
            raise _bad("dhash", "give 16 hex digits, as in dhash=0123456789abcdef")
        distance = _number(request, "distance", 6, 0, 64)
        limit = _number(request, "limit", 100, 1, LIMIT)
        view = await self._library.look()
        if view.reading is None or view.reading.index is None:
            reasons = view.reasons or ["the library is being read"]
            return _json({"error": "; ".join(reasons), "status": view.status}, 503, {"Retry-After": "1"})
        found = await asyncio.to_thread(view.reading.index.search, int(dhash, 16), distance, limit)
        return _json(
            {
                "dhash": dhash.lower(),
                "distance": distance,
                "total": found.total,
                "truncated": found.total > len(found.items),
                "items": found.items,
                "sha256": view.reading.sha256,
            }
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        # Begun at once, so that the first request need not wait for a large library.
        await self._library.look(wait=0.0)
        yield
        self._library.close()


def make_app(settings: Settings) -> Starlette:
    service = Service(settings)
    routes = [
        Route("/health", service.health),
        Route("/metrics/dhash", service.hash_metrics),
        Route("/metrics", service.prometheus),
        Route("/similar", service.similar),
    ]
    known = [route.path for route in routes]
    return Starlette(
        routes=routes,
        lifespan=service.lifespan,
        middleware=[Middleware(_Watched, metrics=service.metrics, known=known)],
        exception_handlers={HTTPException: _refused, 500: _broken},
    )


class _Watched:
    """Counts and times each request, and logs those that say something."""

    def __init__(self, app: ASGIApp, metrics: Metrics, known: List[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, status, time.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # One label for all that is unknown: a scanner must not fill the memory with paths.
        path = scope["path"] if scope["path"] in self._known else "other"
        self._metrics.requests.labels(path, str(status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        if status >= 400 or scope["path"] not in _PROBES:
            _log.info("%s %a %d %.0f ms", scope["method"], scope["path"][:200], status, seconds * 1000)


def _deployed(view: View) -> Dict[str, Any]:
    known = view.deployed
    return {
        "deployment": known["deployment"],
        "deployed": known["status"],
        "migrated_at": known["migrated_at"],
    }


def _counted(view: View) -> Dict[str, Any]:
    return {**view.counts, "sha256": view.reading.sha256 or None if view.reading is not None else None}


def _json(document: Dict[str, Any], status: int = 200, headers: Optional[Dict[str, str]] = None) -> Response:
    return JSONResponse(document, status, {**_HEADERS, **(headers or {})})


def _one(request: Request, name: str) -> Optional[str]:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise _bad(name, "give it once")
    return values[0] if values else None


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = _one(request, name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise _bad(name, f"give a whole number from {least} to {most}")
    return int(text)


def _bad(parameter: str, remedy: str) -> HTTPException:
    return HTTPException(400, f"{parameter}: {remedy}")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, dict(error.headers or {}))


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("%a failed", request.url.path[:200], exc_info=error)
    return _json({"error": "internal error: see the log of the service"}, 500)
