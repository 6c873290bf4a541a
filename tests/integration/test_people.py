"""What concerns people: the maintenance window and mode, the hooks, and one message per run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import document, serving, url_of
from ansible_collections.mobius.dhash.tests.support.mail_server import mailing

# The service of the collection has no part in it.
ALONE = {"mobius_service_enabled": False, "mobius_health_check": False}
TOLERANT = {**ALONE, "mobius_max_failure_rate": 30, "mobius_maintenance_enabled": True}
LATER_SICK = {**TOLERANT, "mobius_health_check": True, "mobius_health_before": False}


@pytest.fixture
def people():
    """A webhook and a mailbox, and the channels that lead there."""

    def take(handler):
        server.received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    with serving({"/s3cret-hook": take}) as server, mailing() as mailbox:
        server.received = []
        server.mails = mailbox.mails
        server.channels = [
            {"type": "webhook", "url": url_of(server, "/s3cret-hook")},
            {"type": "slack", "name": "a dead one", "url": "http://127.0.0.1:1/s3cret"},
            {
                "type": "email",
                "host": "127.0.0.1",
                "port": mailbox.server_address[1],
                "security": "none",
                "sender": "deploy@example.org",
                "to": ["oncall@example.org"],
                "events": ["failure", "rollback"],
            },
        ]
        yield server


@pytest.fixture
def flag(site):
    return site.home / "library.json.maintenance"


def test_a_good_run_sends_one_message_and_runs_its_hooks(site, people, flag, tmp_path):
    hook = tmp_path / "hook.yml"
    hook.write_text(
        "- ansible.builtin.stat:\n    path: '{{ mobius_library_path }}.maintenance'\n  register: seen\n"
        "- ansible.builtin.debug:\n    msg: 'mode is on: {{ seen.stat.exists }}'\n"
    )
    metrics = tmp_path / "mobius.prom"
    run = site.play(
        "deploy",
        mobius_notify=people.channels,
        mobius_hooks={"after_migrate": str(hook)},
        mobius_metrics_file=str(metrics),
        **TOLERANT,
    ).succeeded()
    assert "mode is on: True" in run.output
    assert not flag.exists()
    assert [each["event"] for each in people.received] == ["start", "success"]
    assert people.mails == []
    assert "Notification failed: Connection refused (a dead one)" in run.output
    assert "s3cret" not in run.output
    assert "mobius_dhash_deployment_rolled_back" in metrics.read_text()

    site.play("rollback", mobius_notify=people.channels, **ALONE).succeeded()
    start, end = people.received[2:]
    assert (start["event"], start["subject"]) == ("start", "Rollback starts on 1 host")
    assert (end["event"], end["subject"]) == ("rollback", "Rollback succeeded on 1 of 1 host")
    assert end["facts"]["library"] == str(site.library)
    ((_secure, mail),) = people.mails
    assert "Rollback succeeded" in mail["Subject"]


def test_the_message_of_a_failed_rollback_has_the_next_command(site, people):
    before = site.library.read_bytes()
    site.play("rollback", mobius_notify=people.channels, **ALONE).failed("There is no backup that verifies")
    assert site.library.read_bytes() == before
    assert [each["event"] for each in people.received] == ["start", "failure"]
    assert "ansible-playbook playbooks/backups.yml" in people.received[1]["text"]
    assert "s3cret" not in people.received[1]["text"]


def test_a_failing_hook_fails_its_step_and_is_reported(site, people, flag, tmp_path):
    before = site.library.read_bytes()
    hook = tmp_path / "hook.yml"
    hook.write_text("- ansible.builtin.fail:\n    msg: the smoke test failed\n")
    run = site.play("deploy", mobius_notify=people.channels, mobius_hooks={"after_verify": str(hook)}, **TOLERANT)
    run.failed('Failed in step "verify": the smoke test failed')
    assert site.library.read_bytes() == before
    assert not flag.exists()
    assert [each["event"] for each in people.received] == ["start", "rollback"]
    assert "the smoke test failed" in people.received[1]["text"]
    ((_secure, mail),) = people.mails
    assert "was rolled back on 1 of 1 host" in mail["Subject"]


def test_a_service_that_stays_unhealthy_leaves_maintenance_mode_on(site, people, flag):
    with serving({"/health": document({"status": "unhealthy"}, 503)}) as ill:
        url = url_of(ill, "/health")
        run = site.play("deploy", mobius_health_url=url, mobius_health_timeout=1, **LATER_SICK)
    run.failed("maintenance STILL ON")
    run.failed("playbooks/maintenance.yml -e mobius_maintenance=off")
    assert flag.exists()


def test_outside_the_window_nothing_is_changed(site, people):
    day = datetime.now(timezone.utc) + timedelta(days=2)
    never = {"start": "10:00", "end": "11:00", "days": [day.strftime("%a").lower()]}
    before = site.library.read_bytes()
    run = site.play("deploy", mobius_notify=people.channels, mobius_maintenance_window=never, **TOLERANT)
    run.failed("The maintenance window is closed; it opens")
    run.failed("Nothing was changed")
    assert site.library.read_bytes() == before
    assert not Path(site.home / "backups").exists()
    assert [each["event"] for each in people.received] == ["start", "failure"]
