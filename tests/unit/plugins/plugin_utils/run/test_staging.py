"""Staging first: which histories of the staging hosts let a deployment go on."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.plugin_utils.play_hosts import pattern_of
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.settings import settings_of
from ansible_collections.mobius.dhash.plugins.plugin_utils.staging import Wanted, refuse_unless_staged

NOW = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
SETTINGS = settings_of({"hash_mode": "exact", "confidence_threshold": 0.7, "items": []})
WANTED = Wanted("1.0.0", "12.1.0", SETTINGS, 7)


def ran(status: str = "deployed", at: str = "2026-01-09T12:00:00Z", kind: str = "deployment", **more: Any):
    versions = {"collection": "1.0.0", "pillow": "12.1.0", **more.pop("versions", {})}
    entry = {"id": f"{kind}-{status}", "kind": kind, "status": status, "ended_at": at}
    return {**entry, "versions": versions, "settings": SETTINGS, **more}


def staged(*entries: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    return {"staging-1": {"entries": list(entries), **more}}


@pytest.mark.parametrize(
    "entries",
    [
        [ran()],
        [ran("unchanged")],
        [ran("deployed", at="2026-01-03T12:00:00Z")],
        [ran("refused"), ran("rolled_back"), ran()],
        [ran(), ran("refused", at="2026-01-10T00:00:00Z"), ran("pass", kind="monitoring")],
        [ran(), ran("restored", kind="rollback"), ran("deployed", at="2026-01-10T00:00:00Z")],
        [ran(), ran("unchanged", kind="rollback"), ran("hold", kind="monitoring")],
        [ran(settings={**SETTINGS, "workers": "8"})],
        # A clock that is a little ahead.
        [ran(at="2026-01-10T12:05:00Z")],
    ],
)
def test_the_same_migration_that_passed_lets_it_go_on(entries: List[Any]) -> None:
    (passed,) = refuse_unless_staged(staged(*entries), WANTED, NOW)
    assert passed.startswith("staging-1: deployment-")


@pytest.mark.parametrize(
    "histories, refusal",
    [
        ({}, "no hosts in the group mobius_staging"),
        (staged(), "staging-1: no deployment has passed there"),
        (staged(ran("refused"), ran("rolled_back")), "no deployment has passed there"),
        (staged(ran("pass", kind="monitoring")), "no deployment has passed there"),
        (staged(ran(at="2026-01-01T12:00:00Z")), "the last pass is 9 days old"),
        (staged(ran(at="yesterday")), "the time of the last pass is not known"),
        (staged(ran(at="")), "the time of the last pass is not known"),
        (staged(ran(versions={"collection": "0.9.0"})), "collection 0.9.0 there, 1.0.0 here"),
        (staged(ran(versions={"pillow": "11.3.0"})), "pillow 11.3.0 there, 12.1.0 here"),
        (staged(ran(versions={"pillow": None})), "pillow unknown there"),
        (staged(ran(settings={**SETTINGS, "hash_mode": "fast"})), "other settings: hash_mode"),
        (staged(ran(settings={})), "other settings: items, hash_mode, confidence_threshold"),
        (staged(ran(), ran("restored", kind="rollback")), "run rollback-restored has ended there since"),
        (staged(ran(), ran("rolled_back", kind="monitoring")), "run monitoring-rolled_back has ended there since"),
        (staged(ran(), ran("fail", kind="monitoring")), "run monitoring-fail has ended there since"),
        (staged(ran(), ran("rolled_back")), "run deployment-rolled_back has ended there since"),
        (staged(failed=True, msg="no such file"), "its history cannot be read (no such file)"),
        (staged(unreachable=True, msg=""), "its history cannot be read (out of reach)"),
        ({**staged(ran()), "staging-2": {"entries": []}}, "staging-2: no deployment has passed there"),
        (staged({"kind": "deployment", "status": "deployed"}), "the time of the last pass is not known"),
        (staged("text", None), "no deployment has passed there"),  # type: ignore[arg-type]
    ],
)
def test_anything_else_is_refused_with_a_reason(histories: Dict[str, Any], refusal: str) -> None:
    with pytest.raises(MobiusError) as error:
        refuse_unless_staged(histories, WANTED, NOW)
    assert refusal in str(error.value) and "Next: " in str(error.value)


def test_a_pillow_that_is_not_known_yet_is_not_compared() -> None:
    assert refuse_unless_staged(staged(ran()), Wanted("1.0.0", "", SETTINGS, 7), NOW)


@pytest.mark.parametrize(
    "groups, pattern",
    [
        ({"all": ["a"]}, "all"),
        ({"all": ["a"], "mobius_staging": ["s"]}, "all:!mobius_staging"),
        ({"all": ["a"], "mobius_hash_workers": ["w"]}, "all:!mobius_hash_workers"),
        ({"all": [], "mobius_hash_workers": [], "mobius_staging": []}, "all:!mobius_hash_workers:!mobius_staging"),
    ],
)
def test_plays_leave_the_staging_hosts_alone(groups, pattern: str) -> None:
    assert pattern_of("", groups) == pattern
    assert pattern_of("mobius_staging", groups) == "mobius_staging"
