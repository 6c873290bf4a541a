"""The user's task files before and after a step."""

from __future__ import annotations

from pathlib import Path

import pytest

PLAYBOOK = str(Path(__file__).with_name("hooks.yml"))


@pytest.fixture(autouse=True)
def this_collection(monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(Path(__file__).parents[2] / "playbooks" / "collections"))


@pytest.fixture
def run(site, tmp_path):
    def hooks(variables=None, **texts: str):
        files = {}
        for name, text in texts.items():
            files[name] = str(tmp_path / f"{name}.yml")
            Path(files[name]).write_text(text)
        return site.play("hooks", playbook=PLAYBOOK, mobius_hooks=files, **(variables or {}))

    return hooks


def test_hooks_run_around_their_step(run):
    say = "- ansible.builtin.debug:\n    msg: {}\n"
    output = (
        run(before_preflight=say.format("hook-before"), after_preflight=say.format("hook-after")).succeeded().output
    )
    assert output.count("hook-before") == output.count("hook-after") == 1
    assert output.index("hook-before") < output.index("Check the library") < output.index("hook-after")


def test_a_failing_one_counts_as_its_step_failing(run):
    # A secret that a variable configures is masked wherever it turns up.
    secret = {"mobius_health_password": "opensesame"}
    ended = run(secret, after_preflight="- ansible.builtin.fail:\n    msg: not today, opensesame\n")
    ended.failed('in step "preflight": not today, ***.')


@pytest.mark.parametrize("text", ["- nosuch.module.here: {}\n", "- name: x\n   bad: [\n"])
def test_one_that_cannot_be_loaded_stops_the_play_before_anything(run, text):
    ended = run(after_preflight=text)
    ended.failed("")
    assert "Check the library" not in ended.output


def test_an_unknown_hook_is_refused(run):
    run(before_lunch="- ansible.builtin.debug:\n").failed("Unknown names in mobius_hooks: before_lunch")


def test_a_gate_that_a_role_sets_too_late_is_refused(site, tmp_path):
    """The role prepares the host, and the tasks of the gate were left out before it ran."""
    playbook, role = tmp_path / "play.yml", tmp_path / "roles" / "late" / "tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text("- ansible.builtin.set_fact:\n    mobius_staging_days: 3\n")
    playbook.write_text(
        "- hosts: all\n  gather_facts: false\n  roles:\n"
        "    - {role: mobius.dhash.deploy, deploy_prepare: [late, mobius.dhash.runtime]}\n"
    )
    before = site.library.read_bytes()
    ended = site.play("deploy", playbook=str(playbook), mobius_service_enabled=False)
    ended.failed("mobius_staging_days was set during the deployment, after its tasks had been left out")
    assert site.library.read_bytes() == before


def test_none_is_none(run):
    run().succeeded()


def test_a_host_is_given_back_whatever_became_of_the_run(site, tmp_path):
    say = "- ansible.builtin.debug:\n    msg: '{}'\n"
    hooks = {
        "before_host": say.format("drained"),
        "before_preflight": "- ansible.builtin.fail:\n    msg: not today\n",
        "after_host": say.format("given-back {{ mobius_deployment_status }}"),
    }
    for name, text in hooks.items():
        (tmp_path / f"{name}.yml").write_text(text)
    files = {name: str(tmp_path / f"{name}.yml") for name in hooks}
    ended = site.play("deploy", mobius_hooks=files, mobius_service_enabled=False, mobius_health_check=False)
    ended.failed('Refused in step "preflight": not today')
    assert ended.output.index("drained") < ended.output.index("not today") < ended.output.index("given-back refused")
