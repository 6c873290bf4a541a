# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GitHub and GitLab say of a commit, as one list.

GitHub: https://docs.github.com/rest/commits/statuses and https://docs.github.com/rest/checks/runs.
GitLab: https://docs.gitlab.com/api/commits (commit, and its statuses).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple
from urllib.parse import quote, urlsplit

from ...module_utils.json import is_whole
from .query import PAGE, Api, Query, malformed, objects

GREEN, RED, PENDING = "green", "red", "pending"


class Check(NamedTuple):
    """One status or check run: ``state`` is green, red or pending, ``status`` the service's own word for it."""

    name: str
    state: str
    status: str


# Words of the services; what is in none of these is red: nobody knows what it means.
_STATUS = {"success": GREEN, "pending": PENDING}
_CONCLUSION = {"success": GREEN, "neutral": GREEN, "skipped": GREEN}
_UNFINISHED = frozenset(("queued", "in_progress", "waiting", "requested", "pending"))
_GITLAB = {
    **dict.fromkeys(("success", "skipped"), GREEN),
    **dict.fromkeys(
        ("created", "waiting_for_resource", "preparing", "pending", "running", "scheduled", "manual"), PENDING
    ),
}


def checks_of(query: Query) -> List[Check]:
    """Every status and check of the commit.

    :raises MobiusError: the service gives no usable answer.
    """
    return list(_PROVIDERS[query.provider](query))


def _github(query: Query) -> Iterator[Check]:
    base = query.url.rstrip("/") or "https://api.github.com"
    # A server of one's own has its API below a path of its own.
    if urlsplit(base).hostname != "api.github.com" and not urlsplit(base).path:
        base = f"{base}/api/v3"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if query.token:
        headers["Authorization"] = f"Bearer {query.token}"
    api = Api(query, base, headers)
    commit = f"/repos/{quote(query.repository)}/commits/{quote(query.commit, safe='')}"
    for status in _all(api, f"{commit}/status", "statuses"):
        word = str(status.get("state"))
        yield Check(str(status.get("context")), _STATUS.get(word, RED), word)
    for run in _all(api, f"{commit}/check-runs", "check_runs"):
        if str(run.get("status")) in _UNFINISHED:
            yield Check(str(run.get("name")), PENDING, str(run["status"]))
        else:
            word = str(run.get("conclusion"))
            yield Check(str(run.get("name")), _CONCLUSION.get(word, RED), word)


def _all(api: Api, path: str, member: str) -> Iterator[Dict[str, Any]]:
    """The objects of all pages; ``total_count`` is their number."""
    seen = 0
    for document in api.pages(path):
        if not isinstance(document, dict) or not is_whole(document.get("total_count")):
            raise malformed(path)
        found = objects(document.get(member), path)
        yield from found
        seen += len(found)
        if seen >= document["total_count"]:
            return
        if not found:
            # Fewer than there are: a green verdict over a part is none.
            raise malformed(path)


def _gitlab(query: Query) -> Iterator[Check]:
    base = (query.url.rstrip("/") or "https://gitlab.com") + "/api/v4"
    api = Api(query, base, {"PRIVATE-TOKEN": query.token} if query.token else {})
    commit = f"/projects/{quote(query.repository, safe='')}/repository/commits/{quote(query.commit, safe='')}"
    document = api.document(commit)
    if not isinstance(document, dict) or "id" not in document:
        raise malformed(commit)
    if document.get("status") is not None:
        word = str(document["status"])
        yield Check("pipeline", _GITLAB.get(word, RED), word)
    for statuses in api.pages(f"{commit}/statuses"):
        found = objects(statuses, commit)
        for status in found:
            word = str(status.get("status"))
            allowed = word in ("failed", "manual") and status.get("allow_failure") is True
            yield Check(str(status.get("name")), GREEN if allowed else _GITLAB.get(word, RED), word)
        if len(found) < PAGE:
            return


_PROVIDERS: Mapping[str, Callable[[Query], Iterator[Check]]] = {"github": _github, "gitlab": _gitlab}
#: Services that can be queried.
PROVIDERS = tuple(_PROVIDERS)
