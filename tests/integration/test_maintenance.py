"""The window before a deployment, and the mode while it runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock

PLAYBOOK = str(Path(__file__).with_name("maintenance.yml"))


@pytest.fixture(autouse=True)
def this_collection(monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(Path(__file__).parents[2] / "playbooks" / "collections"))


@pytest.fixture
def flag(site):
    return site.home / "library.json.maintenance"


def play(site, *parts: str, **variables):
    return site.play("", playbook=PLAYBOOK, parts=parts, mobius_maintenance_enabled=True, **variables)


def test_outside_the_window_nothing_starts_unless_told(site):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=2)
    closed = {"start": "10:00", "end": "11:00", "days": [tomorrow.strftime("%a").lower()]}
    opens = tomorrow.strftime("%Y-%m-%dT10:00+00:00")
    play(site, "check", mobius_maintenance_window=closed).failed(f"closed; it opens {opens}")
    play(site, "check", mobius_maintenance_window=closed, mobius_maintenance_ignore_window="true").succeeded()


def test_an_open_window_and_none_at_all_let_it_start(site):
    play(site, "check", mobius_maintenance_window={"start": "00:00", "end": "24:00"}).succeeded()
    play(site, "check").succeeded()


def test_the_mode_is_lifted_after_success_and_after_a_clean_rollback(site, flag):
    play(site, "on").succeeded()
    assert flag.exists()
    play(site, "off").succeeded()
    assert not flag.exists()
    play(site, "on", "off", failed_step="migrate").succeeded()
    assert not flag.exists()


def test_the_mode_stays_on_where_that_is_safer_and_says_how_it_is_lifted(site, flag):
    output = play(site, "on", "off", failed_step="rollback").succeeded().output
    assert flag.exists()
    assert "maintenance  STILL ON" in output
    assert "playbooks/maintenance.yml -e mobius_maintenance=off" in output
    site.play("maintenance", "-e", "mobius_maintenance=off").succeeded()
    assert not flag.exists()


def test_a_deployment_lifts_no_mode_that_it_did_not_turn_on(site, flag):
    play(site, "on", deployment="first").succeeded()
    before = flag.read_bytes()
    output = play(site, "on", "off", deployment="second").succeeded().output
    assert flag.read_bytes() == before
    assert "maintenance  STILL ON, for this deployment did not turn it on" in output
    assert "playbooks/maintenance.yml -e mobius_maintenance=off" in output
    assert "on: " in site.play("maintenance").succeeded().output
    play(site, "off", deployment="first").succeeded()
    assert not flag.exists()
    assert "STILL ON" not in play(site, "off", failed_step="rollback").succeeded().output


def test_a_mode_that_was_on_before_outlives_refused_and_good_deployments(site, flag):
    site.play("maintenance", mobius_maintenance="on").succeeded()
    before = flag.read_bytes()
    lock.acquire(str(site.library), "another")
    alone = {"mobius_maintenance_enabled": True, "mobius_service_enabled": False, "mobius_health_check": False}
    run = site.play("deploy", mobius_max_failure_rate=30, **alone)
    run.failed('Refused in step "lock"')
    run.failed("maintenance  STILL ON, for this deployment did not turn it on")
    assert flag.read_bytes() == before
    lock.release(str(site.library), "another")
    run = site.play("deploy", mobius_max_failure_rate=30, **alone).succeeded()
    assert flag.read_bytes() == before
    summary = run.output[run.output.index("Deployed. Every image") :]
    assert "maintenance  STILL ON" in summary
    assert "playbooks/maintenance.yml -e mobius_maintenance=off" in summary


def test_a_flag_that_is_the_library_is_refused(site):
    before = site.library.read_bytes()
    link = site.home / "link"
    link.symlink_to(site.library)
    site.play("maintenance", mobius_maintenance="off", mobius_maintenance_flag=str(link)).failed("library itself")
    site.play("maintenance", mobius_maintenance="off", mobius_maintenance_flag=str(site.library)).failed(
        "library itself"
    )
    assert site.library.read_bytes() == before and link.is_symlink()


def test_which_steps_keep_it_on_can_be_set(site, flag):
    play(site, "on", "off", failed_step="health", mobius_maintenance_stays_on_after="all").succeeded()
    assert flag.exists()
    play(site, "off", failed_step="rollback", mobius_maintenance_stays_on_after=[]).succeeded()
    assert not flag.exists()
