"""The look at a host and the control of its service as Ansible runs them, with values as strings."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.runtime import arguments as runtime
from ansible_collections.mobius.dhash.plugins.module_utils.service import arguments as service
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from ansible_collections.mobius.dhash.tests.support.plays import play, task

DEFAULTS = {
    "group/mobius.dhash.service": {
        "library_path": "{{ folder }}/library.json",
        "port": "{{ number }}",
        "dir": "{{ folder }}/service",
        "python": "{{ python }}",
        "become": "no",
        "items": "",
    },
    "group/mobius.dhash.runtime": {"source": "system", "base_python": "{{ python }}", "with_service": "true"},
}


def test_a_service_in_a_play(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "library.json").write_text('{"components": []}')
    tasks = [
        *task(
            "host_info",
            [
                "result.runtime.ready",
                "not result.service.ready",
                "result.python == python",
                "result.ready_roles == ['mobius.dhash.runtime']",
            ],
        ),
        *task("service_control", ["result is changed", "result.pid is none"], check_mode=True, diff=True),
        *task("service_control", ["result is changed", "result.pid > 1"], diff=True),
        {"ansible.builtin.set_fact": {"first": "{{ result.pid }}"}},
        *task("service_control", ["result is not changed", "result.pid == first | int"]),
        *task("host_info", ["result.service.ready", "result.service.pid == first | int", "result is not changed"]),
        *task("host_info", ["result.ready_roles == ['mobius.dhash.runtime', 'mobius.dhash.service']"]),
        *task("host_info", ["result.service is not defined", "result.runtime.ready"], parts="runtime"),
        *task(
            "host_info", ["result.service is not defined", "result.user.uid >= 0", "result.ready_roles == []"], parts=[]
        ),
        *task(
            "service_control",
            ["result is changed", "result.pid != first | int", "result.rc == 0"],
            state="restarted",
            command="touch {{ folder }}/restarted",
        ),
        *task(
            "service_control",
            ["result is failed", "result.rc == 3", "'exit code 3' in result.msg", "'gone' in result.msg"],
            state="restarted",
            enabled="false",
            command=["sh", "-c", "echo gone >&2; exit 3"],
            ignore_errors=True,
        ),
        *task("service_control", ["result is not changed"], state="restarted", enabled="no", command=""),
        *task("service_control", ["result is changed", "result.pid is none"], state="stopped"),
        *task("service_control", ["result is not changed"], state="stopped"),
        *task("runtime_environment", ["result is not changed"]),
        *task(
            "runtime_environment",
            ["result is changed", "result.python == folder ~ '/venv/bin/python'"],
            source="venv",
            venv="{{ folder }}/venv",
            lean="yes",
            check_mode=True,
        ),
    ]
    block = [{"module_defaults": DEFAULTS, "block": tasks}]
    done = play(tmp_path, block, "-vvv", folder=str(folder), number=str(number), python=sys.executable)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert (folder / "restarted").exists()
    assert json.loads((folder / "service" / "app" / "config.json").read_text())["port"] == number
    # Source text and locks have no place in the output.
    assert "prometheus_client.core" not in output and "sha256:" not in output


def test_a_lost_host_is_unreachable_outside_of_a_run(tmp_path):
    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    for name, arguments in (("service_control", {"state": "restarted"}), ("host_info", {"parts": []})):
        probe, check = task(name, ["result is unreachable"], ignore_unreachable=True, vars=lost, **arguments)
        done = play(tmp_path, [probe, check])
        assert done.returncode == 0, done.stdout


def test_an_extra_variable_that_chose_a_python_without_the_packages_is_named(tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    tasks = task(
        "host_info",
        [
            "not result.runtime.ready",
            "'PIL' in result.runtime.reason",
            "'without the extra variable ansible_python_interpreter=' ~ python in result.runtime.remedy",
            "'mobius_runtime_python' in result.runtime.remedy",
        ],
        parts=["runtime"],
        source="system",
    )
    tasks += task(
        "runtime_environment", ["result is failed", "python in result.msg"], source="system", ignore_errors=True
    )
    tasks[2]["register"] = "result"
    python = str(bare / "bin" / "python")
    done = play(tmp_path, tasks, python=python, ansible_python_interpreter=python)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("group", "spec", "modules"),
    [
        ("service", {**service.SPEC, **service.CODE}, {"host_info", "service_control"}),
        ("runtime", {**runtime.SPEC, **runtime.PACKAGES}, {"host_info", "runtime_environment"}),
    ],
)
def test_the_options_of_a_group_are_those_of_its_modules_and_of_the_documentation(group, spec, modules):
    listed = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"][group]
    assert set(listed) == modules
    text = (ROOT / "plugins" / "doc_fragments" / f"{group}.py").read_text().split('"""')[3]
    documented = yaml.safe_load(text)["options"]
    assert set(documented) == set(spec)
    for name, option in documented.items():
        given = {key: value for key, value in option.items() if key != "description"}
        assert given == {key: value for key, value in spec[name].items() if key != "no_log"}, name
    for name in modules:
        assert f"mobius.dhash.{group}\n" in Path(ROOT / "plugins" / "modules" / f"{name}.py").read_text()


@pytest.mark.parametrize(("group", "name"), [("service", "service"), ("runtime", "runtime")])
def test_a_role_gives_every_option_of_its_group(group, name):
    text = "".join(path.read_text() for path in (ROOT / "roles" / name).glob("*/main.yml"))
    spec = {"service": service.SPEC, "runtime": runtime.SPEC}[group]
    missing = [option for option in spec if f" {option}: " not in text]
    assert missing == []
