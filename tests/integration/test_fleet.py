"""A fleet run: a failure on one host affects the others within the scope, and the last lines list all of them."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import document, serving, url_of

ALONE = {"mobius_max_failure_rate": 30, "mobius_service_enabled": False, "mobius_health_check": False}
# Nobody answers there.
OUT_OF_REACH = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}


class Fleet:
    """Hosts with a library each, all on this machine."""

    def __init__(self, site, folder, names):
        self.site, self.folder, self.names = site, folder, names
        self.before = site.library.read_bytes()
        self.hosts = {}
        for name in names:
            shutil.copytree(site.home, folder / name)
            self.hosts[name] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
            self.hosts[name]["mobius_library_path"] = str(folder / name / "library.json")
        site.environment |= {"ANSIBLE_SHOW_CUSTOM_STATS": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}

    def play(self, name, *arguments, **variables):
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts}}))
        # The order of the inventory.
        limit = ("--limit", ",".join(self.names))
        return self.site.play(name, "-i", str(inventory), *limit, *arguments, **ALONE, **variables)

    def state(self, name):
        return json.loads((self.folder / name / ".library.json.dhash" / "current.json").read_bytes())

    def migrated(self):
        return [name for name in self.names if (self.folder / name / "library.json").read_bytes() != self.before]


@pytest.fixture
def fleet(site, tmp_path):
    return Fleet(site, tmp_path, ["a", "b", "c"])


def artifact(run):
    """What the next job is given."""
    found = re.search(r"CUSTOM STATS: \*+\s+RUN: (\{.*\})", run.output, re.S)
    assert found, run.output
    return json.JSONDecoder().raw_decode(found.group(1))[0]["mobius_rollout"]


def failing_hook(folder, name):
    hook = folder / "hook.yml"
    hook.write_text(f"- ansible.builtin.fail:\n    msg: No.\n  when: inventory_hostname == '{name}'\n")
    return {"after_migrate": str(hook)}


def test_a_hook_of_one_host_runs_there_alone_and_the_batch_stays_together(fleet, tmp_path):
    hook = tmp_path / "hook.yml"
    hook.write_text("- ansible.builtin.debug:\n    msg: hook on {{ inventory_hostname }}\n")
    fleet.hosts["b"]["mobius_hooks"] = {"before_migrate": str(hook)}
    run = fleet.play("deploy", mobius_serial=["100%"]).succeeded()
    assert re.findall("hook on .", run.output) == ["hook on b"]
    assert run.output.count("TASK [mobius.dhash.deploy : Migrate]") == 1
    assert fleet.migrated() == ["a", "b", "c"]


def test_the_whole_fleet_is_rolled_back_and_missing_hosts_are_retried(fleet, tmp_path):
    fleet.site.environment["ANSIBLE_ANY_ERRORS_FATAL"] = "1"
    scope = {"mobius_serial": [1, 1, "100%"], "mobius_rollback_scope": "fleet", "mobius_report_dest": str(tmp_path)}
    run = fleet.play("deploy", mobius_hooks=failing_hook(tmp_path, "b"), **scope)
    run.failed("b failed (rolled back)")
    # The page was written before a was rolled back, and again after it.
    page = next(tmp_path.glob("deployment-*-fleet.html")).read_text()
    assert "2 of 3 hosts failed" in page and "2 rolled back, 1 not started" in page
    assert fleet.migrated() == []
    made = artifact(run)
    assert {name: each["outcome"] for name, each in made["hosts"].items()} == {
        **{"a": "rolled back", "b": "rolled back", "c": "not started"}
    }
    assert not (tmp_path / "c" / "logs").exists()
    assert made["succeeded"] is False and made["hosts"]["a"]["items"] == 8
    assert fleet.state("a")["previous"]["fleet"] == made["fleet"]
    again = fleet.play("deploy", mobius_fleet=made["fleet"]).succeeded()
    assert fleet.migrated() == fleet.names
    assert artifact(again)["outcomes"] == {"deployed": 3}
    assert fleet.state("c")["fleet"] == made["fleet"]


def test_a_host_of_an_earlier_batch_that_turns_bad_is_rolled_back_alone(fleet):
    """The watch after the second batch finds it; a continued fleet run skips the healthy hosts."""
    well, ill = document({"status": "healthy"}), document({"status": "down"}, 503)

    def until_b_is_deployed(handler):
        (ill if "b" in fleet.migrated() else well)(handler)

    answers = {"/a": until_b_is_deployed, "/b": well, "/c": well}
    with serving(answers) as server:
        for name in fleet.names:
            fleet.hosts[name] |= {"mobius_health_url": url_of(server, f"/{name}"), "mobius_metrics_url": ""}
        watch = {"mobius_batch_watch": 1, "mobius_monitor_interval": 0.5, "mobius_failures_in_a_row": 0}
        run = fleet.play("deploy", mobius_serial=[1, 1, "100%"], **watch)
    run.failed("a did not pass its watch")
    assert fleet.migrated() == ["b"]
    made = artifact(run)
    outcomes = {name: (each["outcome"], each["verdict"]) for name, each in made["hosts"].items()}
    assert outcomes == {"a": ("rolled back", "fail"), "b": ("deployed", "pass"), "c": ("not started", "")}
    again = fleet.play("deploy", mobius_fleet=made["fleet"]).succeeded()
    assert artifact(again)["outcomes"] == {"deployed": 2, "skipped": 1}
    assert f"skipped      b: fleet run {made['fleet']} deployed it at" in again.output
