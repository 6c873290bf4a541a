# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the same migration passed on the staging hosts: same collection, settings and Pillow, not long ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, Mapping, Sequence

from ..module_utils.clock import parse_timestamp
from ..module_utils.errors import MobiusError
from .run.settings import differences

GROUP = "mobius_staging"
_PASSED = ("deployed", "unchanged")
# Ends after which the library does not hold what the last deployment made.
_UNDONE = ("restored", "rolled_back", "rollback_failed", "unhealthy", "fail")
_DAY = 86_400.0


@dataclass(frozen=True)
class Wanted:
    """The migration of this run: ``collection`` and ``pillow`` are versions, empty for not known; ``days`` back."""

    collection: str
    pillow: str
    settings: Mapping[str, Any]
    days: float


def refuse_unless_staged(histories: Mapping[str, Any], wanted: Wanted, now: datetime) -> List[str]:
    """
    :param histories: by staging host the result of ``deployment_history``.
    :returns: one line for each host: which run passed there.
    :raises MobiusError: on one of them it did not pass, or there are none.
    """
    if not histories:
        raise MobiusError(
            f"mobius_staging_days is set, but the inventory has no hosts in the group {GROUP}",
            remedy=f"add the staging hosts to the group {GROUP}, or set mobius_staging_days to 0",
        )
    faults, passed = [], []
    for host, result in histories.items():
        fault = _fault(result, wanted, now)
        if fault:
            faults.append(f"{host}: {fault}")
        else:
            passed.append(f"{host}: {_last(result, _PASSED).get('id')}")
    if faults:
        raise MobiusError(
            f"Not passed on staging within {wanted.days:g} days: {'; '.join(faults)}",
            remedy="deploy the same collection, settings and Pillow to staging first",
        )
    return passed


def _fault(result: Mapping[str, Any], wanted: Wanted, now: datetime) -> str:
    """Why one staging host does not speak for the migration; empty where it does."""
    if result.get("unreachable") or result.get("failed"):
        return f"its history cannot be read ({result.get('msg') or 'out of reach'})"
    passed = _last(result, _PASSED)
    if not passed:
        return "no deployment has passed there"
    undone = [entry for entry in _after(result, passed) if entry.get("status") in _UNDONE]
    if undone:
        return f"run {undone[0].get('id')} has ended there since ({undone[0].get('status')})"
    return "; ".join(_mismatches(passed, wanted, now))


def _mismatches(passed: Mapping[str, Any], wanted: Wanted, now: datetime) -> List[str]:
    versions: Dict[str, Any] = passed.get("versions") or {}
    found = []
    try:
        days = (now - parse_timestamp(str(passed.get("ended_at")))).total_seconds() / _DAY
        if days > wanted.days:
            found.append(f"the last pass is {days:.0f} days old")
    except ValueError:
        found.append("the time of the last pass is not known")
    for name, here in (("collection", wanted.collection), ("pillow", wanted.pillow)):
        if here and versions.get(name) != here:
            found.append(f"{name} {versions.get(name) or 'unknown'} there, {here} here")
    settings = differences(passed.get("settings") or {}, wanted.settings)
    if settings:
        found.append(f"other settings: {', '.join(settings)}")
    return found


def _entries(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in result.get("entries") or [] if isinstance(entry, dict)]


def _last(result: Mapping[str, Any], statuses: Sequence[str]) -> Mapping[str, Any]:
    """The last deployment that ended with one of ``statuses``."""
    deployments = [entry for entry in _entries(result) if entry.get("kind") == "deployment"]
    return next((entry for entry in reversed(deployments) if entry.get("status") in statuses), {})


def _after(result: Mapping[str, Any], entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries = list(_entries(result))
    return entries[entries.index(entry) + 1 :]
