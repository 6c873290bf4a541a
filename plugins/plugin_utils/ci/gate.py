# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether CI has passed a commit: refused unless every status and check is green."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible.module_utils.parsing.convert_bool import boolean

from ...module_utils.errors import MobiusError
from .providers import GREEN, PENDING, RED, Check, checks_of
from .query import Query

_MOST_NAMED = 5


def refuse_unless_green(given: Mapping[str, Any], job: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
    """Query the CI provider about the commit.

    :param given: ``provider`` (no query if it is empty), ``url``, ``repository``, ``commit``, ``token``,
        ``contexts``, ``timeout``, ``ca_path`` and ``validate_certs``.
    :param job: of AWX or CI, which knows the commit of its project.
    :returns: ``commit`` and ``checks``, how many were judged; empty without a query.
    :raises MobiusError: it is not green, or that is not known.
    """
    if not given.get("provider"):
        return {}
    query = _query(given, job or {})
    judged = judge(checks_of(query), query)
    return {"commit": query.commit, "checks": len(judged)}


def judge(checks: Sequence[Check], query: Query) -> List[Check]:
    """The checks that count.

    :raises MobiusError: one is red, pending or missing, or there are none at all.
    """
    counted = [check for check in checks if not query.contexts or check.name in query.contexts]
    names = {check.name for check in counted}
    missing = [name for name in query.contexts if name not in names]
    for state, words in ((RED, "CI has failed"), (PENDING, "CI has not finished")):
        found = [f"{check.name}: {check.status}" for check in counted if check.state == state]
        if found:
            raise _not_green(f"{words} ({_listed(found)})", query)
    if missing:
        raise _not_green(f"CI has no status or check named {_listed(missing)}", query)
    if not any(check.state == GREEN for check in counted):
        raise _not_green("CI has no statuses and no checks", query)
    return counted


def _query(given: Mapping[str, Any], job: Mapping[str, str]) -> Query:
    commit = str(given.get("commit") or job.get("commit") or "")
    missing = [f"mobius_ci_{name}" for name, value in (("repository", given.get("repository")),) if not value]
    if not commit:
        missing.append("mobius_ci_commit")
    if missing:
        raise MobiusError(
            f"CI cannot be queried: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            remedy="set it in the inventory, or give it with -e; a job of AWX knows its commit itself",
        )
    return Query(
        provider=str(given["provider"]),
        repository=str(given["repository"]).strip("/"),
        commit=commit,
        url=str(given.get("url") or ""),
        token=str(given.get("token") or ""),
        contexts=[str(name) for name in given.get("contexts") or []],
        timeout=float(given.get("timeout") or 10),
        ca_path=given.get("ca_path") or None,
        validate_certs=bool(boolean(given.get("validate_certs", True))),
    )


def _not_green(what: str, query: Query) -> MobiusError:
    return MobiusError(
        f"{what} for commit {query.commit[:12]} of {query.repository}",
        remedy="deploy a commit that CI has passed, or wait for CI; see mobius_ci_contexts for what is required",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
