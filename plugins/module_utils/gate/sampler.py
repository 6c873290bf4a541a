# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes one sample: asks health and metrics and says what came back."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..clock import timestamp
from ..http import Access, InvalidResponse, NoResponse, Response, build_opener, get, split_credentials
from .documents import NoDocument, read_figures
from .samples import BAD, NOT_ASKED, NOT_OK, OK, UNREACHABLE, Sample

_HEALTHY = ("healthy", "ok", "up", "pass", "passing", "green", "alive", "ready")
_NOTE = 300


class Sampler:
    """Asks ``health_url``, and ``metrics_url`` where there is one; ``paths`` tells where its figures are found."""

    def __init__(
        self, health_url: str, metrics_url: Optional[str], access: Access, paths: Optional[Mapping[str, str]] = None
    ) -> None:
        self._health_url = health_url
        self._metrics_url = metrics_url
        self._access = access
        self._paths = dict(paths or {})
        for url in (health_url, metrics_url):
            if url is not None:
                split_credentials(url)
        self._opener = build_opener(access, *(url for url in (health_url, metrics_url) if url is not None))

    def take(self, elapsed: float) -> Sample:
        """One sample, taken ``elapsed`` seconds after the watch began."""
        at = timestamp()
        health, note = self._asked("health", self._health_url, judge_health)
        notes = [note] if note else []
        found: Dict[str, Any] = {}
        metrics = NOT_ASKED
        if self._metrics_url is not None:
            metrics, note = self._asked("metrics", self._metrics_url, lambda answer: self._read(answer, found))
            notes += [note] if note else []
            notes += [f"metrics: {name} is no usable number" for name in found.get("bad", ())]
            notes += [f"metrics: {name} was not measured" for name in found.get("missing", ())]
        return Sample(elapsed=elapsed, at=at, health=health, metrics=metrics, notes=tuple(notes), **found)

    def _asked(self, what: str, url: str, judge: Callable[[Response], Tuple[str, str]]) -> Tuple[str, str]:
        try:
            kind, note = judge(get(self._opener, url, self._access))
        except NoResponse as error:
            kind, note = UNREACHABLE, str(error)
        except InvalidResponse as error:
            kind, note = BAD, str(error)
        return kind, f"{what}: {note}" if note else ""

    def _read(self, answer: Response, found: Dict[str, Any]) -> Tuple[str, str]:
        if answer.status != 200:
            return NOT_OK, _status(answer)
        try:
            reading = read_figures(answer.body, self._paths)
        except NoDocument as error:
            return BAD, str(error)
        found.update(reading._asdict())
        return OK, ""


def judge_health(answer: Response) -> Tuple[str, str]:
    """OK is a status of 200 with a body that does not say otherwise; a body that claims to be JSON has to be."""
    document: Any = None
    if "json" in answer.content_type.lower():
        try:
            document = json.loads(answer.body.decode("utf-8"))
        except (ValueError, RecursionError):
            return (BAD, "not JSON") if answer.status == 200 else (NOT_OK, _status(answer))
    status = document.get("status") if isinstance(document, dict) else None
    if answer.status == 200 and (status is None or str(status).lower() in _HEALTHY):
        return OK, ""
    return NOT_OK, ", ".join([_status(answer), *_reasons(document, status)])[:_NOTE]


def _status(answer: Response) -> str:
    if 300 <= answer.status < 400:
        return f"answered {answer.status}, a redirect, which is not followed"
    return f"answered {answer.status}"


def _reasons(document: Any, status: Any) -> List[str]:
    if not isinstance(document, dict):
        return []
    reasons = document.get("reasons")
    found = [ascii(status)[1:-1]] if isinstance(status, str) else []
    if isinstance(reasons, list):
        found += [ascii(reason)[1:-1] for reason in reasons if isinstance(reason, str)]
    return found
