# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to the API of a CI service: requests, pages, and what its refusals mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import urlencode, urlsplit

from ...module_utils.errors import MobiusError
from ...module_utils.http import Access, HttpError, Response, build_opener, get
from ...module_utils.json import load_json
from ...module_utils.text import printable
from ...module_utils.variables.loopback import is_loopback

#: Entries per request, and pages that are read at most.
PAGE = 100
_MOST_PAGES = 50
_IGNORE = "to deploy without the CI gate, leave mobius_ci_provider empty"


@dataclass(frozen=True)
class Query:
    """The commit to query, and where.

    :param url: the service, without the path of its API; empty for the public one.
    :param repository: ``owner/name``; on GitLab also ``group/subgroup/name``.
    :param contexts: names of statuses and checks that have to be green; empty for all that there are.
    """

    provider: str
    repository: str
    commit: str
    url: str = ""
    token: str = field(default="", repr=False)
    contexts: List[str] = field(default_factory=list)
    timeout: float = 10.0
    ca_path: Optional[str] = None
    validate_certs: bool = True


class Api:
    """GET requests to one service."""

    def __init__(self, query: Query, base: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base)
        if query.token and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise MobiusError("The CI token would be sent unencrypted", base, "use https in mobius_ci_url")
        self._base = base
        self._access = Access(
            timeout=query.timeout,
            headers={"User-Agent": "mobius.dhash", **headers},
            ca_path=query.ca_path,
            validate_certs=query.validate_certs,
            use_proxy=True,
        )
        self._opener = build_opener(self._access, base)

    def document(self, path: str, **parameters: Any) -> Any:
        """The JSON document at ``path``.

        :raises MobiusError: there is none; with the reason and what helps.
        """
        url = f"{self._base}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        try:
            response = get(self._opener, url, self._access)
        except HttpError as error:
            raise _failed(
                str(error), url, f"check mobius_ci_url and the network of the controller; {_IGNORE}"
            ) from None
        if response.status != 200:
            raise _refusal(response, url)
        try:
            return load_json(response.body)
        except ValueError:
            raise malformed(url) from None

    def pages(self, path: str, **parameters: Any) -> Iterator[Any]:
        """The documents of one page after the other; the caller stops when it has all."""
        for page in range(1, _MOST_PAGES + 1):
            yield self.document(path, per_page=PAGE, page=page, **parameters)
        raise _failed(f"More than {_MOST_PAGES * PAGE} statuses", path, f"set mobius_ci_contexts; {_IGNORE}")


def malformed(where: str) -> MobiusError:
    """The error for a document that is not what the service documents."""
    return _failed("The answer is not a document of that API", where, "check mobius_ci_provider and mobius_ci_url")


def objects(value: Any, where: str) -> List[Dict[str, Any]]:
    """A list of objects, or :func:`malformed`."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise malformed(where)
    return value


def _failed(what: str, where: str, remedy: str) -> MobiusError:
    return MobiusError(f"The CI status is unknown: {what}", where, remedy)


def _refusal(response: Response, url: str) -> MobiusError:
    status, detail = response.status, _message(response)
    if status == 429 or (status == 403 and "rate limit" in detail.lower()):
        return _failed(f"rate-limited (HTTP {status}{_quoted(detail)})", url, "wait, or set mobius_ci_token")
    if status in (401, 403):
        return _failed(
            f"not authorized (HTTP {status}{_quoted(detail)})",
            url,
            "check mobius_ci_token: it needs the right to read statuses and checks",
        )
    if 300 <= status < 400:
        return _failed(
            f"redirected (HTTP {status}), which is not followed with a token",
            url,
            "check mobius_ci_url and mobius_ci_repository: it may have been renamed",
        )
    if status in (404, 422):
        return _failed(
            f"no such repository or commit (HTTP {status}{_quoted(detail)})",
            url,
            "check mobius_ci_repository and mobius_ci_commit, and whether the token may read it",
        )
    return _failed(f"HTTP {status}{_quoted(detail)}", url, f"try again later; {_IGNORE}")


def _message(response: Response) -> str:
    try:
        document = load_json(response.body)
    except ValueError:
        return ""
    message = document.get("message") or document.get("error") if isinstance(document, dict) else ""
    return printable(" ".join(str(message or "").split())[:200])


def _quoted(detail: str) -> str:
    return f": {detail}" if detail else ""
