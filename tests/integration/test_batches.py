"""Several hosts in batches: a failed or lost host stops the following batches, and is reported once."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import serving, url_of
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT

TOLERANT = {"mobius_max_failure_rate": 30}
# Where the service has no part in it.
ALONE = {**TOLERANT, "mobius_service_enabled": False, "mobius_health_check": False}
# Nobody answers there.
OUT_OF_REACH = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}


@pytest.fixture
def reported():
    """Where messages go, and those that arrived."""
    received = []

    def take(handler):
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    with serving({"/": take}) as server:
        yield {"mobius_notify": [{"type": "webhook", "url": url_of(server, "/")}]}, received


@pytest.fixture
def three(site, tmp_path):
    """Three hosts with a library each, of which the second is as given; the first two are one batch."""

    def deploy(second, **variables):
        hosts = {}
        for name in ("a", "lost", "b"):
            shutil.copytree(site.home, tmp_path / name)
            hosts[name] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
            hosts[name]["mobius_library_path"] = str(tmp_path / name / "library.json")
        hosts["lost"] |= second
        inventory = tmp_path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        # The order of the inventory.
        arguments = ("-i", str(inventory), "--limit", "a,lost,b")
        run = site.play("deploy", *arguments, mobius_serial=[2, "100%"], **ALONE, **variables)
        return run, {
            name: (tmp_path / name / "library.json").read_bytes() != site.library.read_bytes() for name in hosts
        }

    return deploy


def test_an_unreachable_host_stops_the_following_batches(three, reported):
    channel, received = reported
    run, migrated = three(OUT_OF_REACH, **channel)
    assert migrated == {"a": True, "lost": False, "b": False}
    run.failed('Refused in step "prepare": The host is unreachable')
    assert "mobius_backup=" not in run.output
    assert [each["subject"] for each in received] == [
        "Deployment starts on 3 hosts",
        "Deployment FAILED on 1 of 3 hosts",
    ]
    assert received[1]["facts"]["not started"] == 1


def test_a_host_lost_outside_a_rescue_stops_the_following_batches(three, reported, tmp_path):
    channel, received = reported
    hook = tmp_path / "lose.yml"
    gone = json.dumps(OUT_OF_REACH)
    hook.write_text(f"- ansible.builtin.ping:\n  when: inventory_hostname == 'lost'\n  vars: {gone}\n")
    run, migrated = three({}, mobius_hooks={"after_backup": str(hook)}, **channel)
    run.failed("Not started: lost was lost.")
    assert migrated == {"a": True, "lost": False, "b": False}
    assert [each["subject"] for each in received] == [
        "Deployment starts on 3 hosts",
        "Deployment FAILED on 1 of 3 hosts",
    ]
    assert "lost: lost" in received[1]["text"]


def test_a_host_that_failed_before_its_deployment_does_not_stop_the_others(three, tmp_path):
    own = tmp_path / "own.yml"
    failing = {"ansible.builtin.fail": None, "when": "inventory_hostname == 'lost'"}
    plays = [
        {"hosts": "all", "gather_facts": False, "tasks": [failing]},
        {"ansible.builtin.import_playbook": str(ROOT / "playbooks" / "deploy.yml")},
    ]
    own.write_text(json.dumps(plays))
    run, migrated = three({}, playbook=str(own))
    assert migrated == {"a": True, "lost": False, "b": True}, run.output
    assert re.search(r"^total +3 hosts: 2 deployed, 1 not started; ", run.output, re.MULTILINE), run.output
    assert not re.search(r"^stopped ", run.output, re.MULTILINE), run.output


def test_a_host_that_cannot_be_made_ready_is_reported(site, reported):
    channel, received = reported
    before = site.library.read_bytes()
    wheels = {"mobius_runtime_source": "wheels", "mobius_runtime_wheels": "/no/wheels"}
    run = site.play("deploy", mobius_runtime_venv=str(site.home / "venv"), **wheels, **ALONE, **channel)
    run.failed('Refused in step "prepare": There are no wheels')
    assert [each["event"] for each in received] == ["start", "failure"]
    assert "There are no wheels" in received[1]["text"]
    assert site.library.read_bytes() == before
