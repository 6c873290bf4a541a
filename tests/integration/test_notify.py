"""One message a run, whatever the hosts and the batches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gate_server import serving, url_of

HERE = Path(__file__).parent


@pytest.fixture
def told(site, monkeypatch):
    """Run hosts that end as given, and return the messages that arrived."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(HERE.parents[1] / "playbooks" / "collections"))

    def run(batch, what="deployment", **ends: str):
        received = []

        def take(handler):
            received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
            handler.send(b"ok")

        with serving({"/": take}) as server:
            hosts = ",".join(ends) + ","
            site.play(
                "people",
                "-i",
                hosts,
                playbook=str(HERE / "people.yml"),
                batch=batch,
                what=what,
                ends=ends,
                ansible_connection="local",
                mobius_notify=[{"type": "webhook", "url": url_of(server, "/")}],
            )
        return received

    return run


def test_success_in_batches_is_told_once(told):
    start, end = told(1, one="deployed", two="unchanged", three="deployed")
    assert (start["event"], start["subject"]) == ("start", "Deployment starts on 3 hosts")
    assert (end["event"], end["subject"]) == ("success", "Deployment ended well on 3 of 3 hosts")
    assert end["facts"] == {"deployed": 2, "unchanged": 1, "lost": 0, "not started": 0}


def test_all_at_once_is_told_once(told):
    _start, end = told("100%", one="deployed", two="rolled_back", three="refused")
    assert (end["event"], end["subject"]) == ("failure", "Deployment FAILED on 2 of 3 hosts")
    assert "three: refused. for a reason" in end["text"]
    assert "one" not in end["text"]


def test_a_failing_batch_is_told_with_what_was_not_started(told):
    _start, end = told(1, one="deployed", two="rolled_back", three="deployed")
    assert end["event"] == "rollback"
    assert end["facts"] == {"deployed": 1, "rolled_back": 1, "lost": 0, "not started": 1}


def test_a_rollback_goes_on_after_a_host_that_failed_and_is_told_once_at_its_end(told):
    start, end = told(2, "rollback", one="restored", two="refused", three="restored")
    assert (start["event"], start["subject"]) == ("start", "Rollback starts on 3 hosts")
    assert (end["event"], end["subject"]) == ("failure", "Rollback FAILED on 1 of 3 hosts")
    assert end["facts"] == {"refused": 1, "restored": 2, "lost": 0, "not started": 0}
