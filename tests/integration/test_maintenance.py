"""The maintenance window before a deployment, and maintenance mode while it runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock

ALONE = {"mobius_service_enabled": False, "mobius_health_check": False, "mobius_max_failure_rate": 30}


@pytest.fixture
def flag(site):
    return site.home / "library.json.maintenance"


def test_outside_the_window_nothing_starts_unless_requested(site):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=2)
    closed = {"start": "10:00", "end": "11:00", "days": [tomorrow.strftime("%a").lower()]}
    opens = tomorrow.strftime("%Y-%m-%dT10:00+00:00")
    run = site.play("deploy", mobius_maintenance_window=closed, **ALONE)
    run.failed(f'Refused in step "start": The maintenance window is closed; it opens at {opens}')
    ignoring = {"mobius_maintenance_window": closed, "mobius_maintenance_ignore_window": "true"}
    site.play("deploy", "--check", **ignoring, **ALONE).succeeded()


def test_an_open_window_lets_it_start(site):
    site.play("deploy", "--check", mobius_maintenance_window={"start": "00:00", "end": "24:00"}, **ALONE).succeeded()


def test_a_mode_that_was_on_before_outlives_refused_and_good_deployments(site, flag):
    site.play("maintenance", mobius_maintenance="on").succeeded()
    before = flag.read_bytes()
    lock.acquire(str(site.library), "another")
    run = site.play("deploy", mobius_maintenance_enabled=True, mobius_lock_wait=0, **ALONE)
    run.failed('Refused in step "lock"')
    run.failed("maintenance STILL ON")
    # The flag is not this run's, and its owner may be the run that holds the lock.
    assert "mobius_maintenance=off" not in run.output
    assert flag.read_bytes() == before
    lock.release(str(site.library), "another")
    run = site.play("deploy", mobius_maintenance_enabled=True, **ALONE).succeeded()
    assert flag.read_bytes() == before
    assert "maintenance  STILL ON" in run.output[run.output.index("Deployed. Every image") :]


def test_a_flag_that_is_the_library_is_refused(site):
    before = site.library.read_bytes()
    link = site.home / "link"
    link.symlink_to(site.library)
    site.play("maintenance", mobius_maintenance="off", mobius_maintenance_flag=str(link)).failed("library itself")
    site.play("maintenance", mobius_maintenance="off", mobius_maintenance_flag=str(site.library)).failed(
        "library itself"
    )
    assert site.library.read_bytes() == before and link.is_symlink()
