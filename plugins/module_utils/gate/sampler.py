# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes one sample: requests health and metrics and classifies the responses."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..clock import timestamp
from ..http import Access, InvalidResponse, NoResponse, Response, build_opener, get, split_credentials
from ..text import configured_secrets, redact
from .health import DEFAULT_RULES, HealthRules, describe_status, judge_health
from .metrics import InvalidDocument, read_metrics
from .samples import BAD, NOT_OK, NOT_REQUESTED, OK, UNREACHABLE, Sample


class Sampler:
    """Requests ``health_url``, and ``metrics_url`` where there is one.

    :param paths: where metrics are found that have another name.
    :param rules: which health responses are accepted.
    :raises MobiusError: a URL or a certificate file is invalid.
    """

    def __init__(
        self,
        health_url: str,
        metrics_url: Optional[str],
        access: Access,
        paths: Optional[Mapping[str, str]] = None,
        rules: HealthRules = DEFAULT_RULES,
    ) -> None:
        self._health_url = health_url
        self._metrics_url = metrics_url
        self._access = access
        self._paths = dict(paths or {})
        self._rules = rules
        urls = [url for url in (health_url, metrics_url) if url is not None]
        for url in urls:
            split_credentials(url)
        self._opener = build_opener(access, *urls)
        self._secrets = configured_secrets(urls, {"headers": dict(access.headers), "password": access.password or ""})

    def take(self, elapsed: float) -> Sample:
        """One sample, taken ``elapsed`` seconds after the watch began."""
        at = timestamp()
        health, health_note = self._request(self._health_url, lambda response: judge_health(response, self._rules))
        found: Dict[str, Any] = {}
        metrics, metrics_note = NOT_REQUESTED, ""
        if self._metrics_url is not None:
            metrics, metrics_note = self._request(self._metrics_url, lambda response: self._read(response, found))
        notes = [*_notes(health_note, metrics_note), *_lacking(found)]
        return Sample(
            elapsed=elapsed,
            at=at,
            health=health,
            metrics=metrics,
            notes=tuple(redact(note, self._secrets) for note in notes),
            **found,
        )

    def _request(self, url: str, judge: Callable[[Response], Tuple[str, str]]) -> Tuple[str, str]:
        try:
            return judge(get(self._opener, url, self._access))
        except NoResponse as error:
            return UNREACHABLE, str(error)
        except InvalidResponse as error:
            return BAD, str(error)

    def _read(self, response: Response, found: Dict[str, Any]) -> Tuple[str, str]:
        if response.status != 200:
            return NOT_OK, describe_status(response.status, "200")
        try:
            openmetrics = "openmetrics" in response.content_type.lower()
            reading = read_metrics(response.text(), self._paths, openmetrics=openmetrics)
        except InvalidDocument as error:
            return BAD, str(error)
        found.update(reading._asdict())
        return OK, ""


def _notes(health: str, metrics: str) -> List[str]:
    if health and health == metrics:
        return [f"health and metrics: {health}"]
    return [f"{what}: {note}" for what, note in (("health", health), ("metrics", metrics)) if note]


def _lacking(found: Mapping[str, Any]) -> List[str]:
    bad, missing = found.get("bad", ()), found.get("missing", ())
    notes = [f"metrics: not a number of at least 0: {', '.join(bad)}"] if bad else []
    return notes + ([f"metrics: not measured: {', '.join(missing)}"] if missing else [])
