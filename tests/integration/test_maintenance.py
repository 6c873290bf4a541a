"""The window before a deployment, and the mode while it runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

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
    assert "MAINTENANCE MODE IS STILL ON" in output
    assert "playbooks/maintenance.yml -e mobius_maintenance=off" in output
    site.play("maintenance", "-e", "mobius_maintenance=off").succeeded()
    assert not flag.exists()


def test_which_steps_keep_it_on_can_be_set(site, flag):
    play(site, "on", "off", failed_step="health", mobius_maintenance_stays_on_after="all").succeeded()
    assert flag.exists()
    play(site, "off", failed_step="rollback", mobius_maintenance_stays_on_after=[]).succeeded()
    assert not flag.exists()
