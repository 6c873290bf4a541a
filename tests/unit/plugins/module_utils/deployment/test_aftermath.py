"""The report after a failure: the state, the rollback target, and commands that can be pasted."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.deployment import evidence
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock
from ansible_collections.mobius.dhash.plugins.plugin_utils import next_command
from ansible_collections.mobius.dhash.tests.support.places import ROOT


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text('{"components": []}\n')
    return str(path)


def test_the_lock_and_the_rollback_target_are_reported(library: str) -> None:
    assert deployed(library)["lock"] is None
    assert deployed(library)["rollback_target"] is None
    backup = create_backup(library)["backup"]
    lock.acquire(library, "someone")
    found = deployed(library, None, f"sha256:{backup['sha256']}")
    assert found["lock"]["id"] == "someone"
    assert "boot_id" not in found["lock"]
    assert (found["rollback_target"]["path"], found["rollback_target"]["verified"]) == (backup["path"], True)


def test_a_damaged_rollback_target_has_a_reason(library: str) -> None:
    backup = create_backup(library)["backup"]
    Path(backup["path"]).write_text("x")
    for wanted in ("latest", backup["path"], f"sha256:{backup['sha256']}"):
        rollback_target = deployed(library, None, wanted)["rollback_target"]
        assert rollback_target["verified"] is False
        assert rollback_target["reason"]


@pytest.mark.parametrize("free, copied", [(10**9, True), (5 * 10**6, False), (0, False)])
def test_evidence_leaves_disk_space_for_the_rollback(library: str, tmp_path: Path, monkeypatch, free, copied) -> None:
    Path(library).write_text(json.dumps({"components": ["x" * 1_000_000]}))
    disk = namedtuple("disk", "f_bavail f_frsize")(free // 4096, 4096)
    monkeypatch.setattr(evidence.os, "statvfs", lambda _path: disk)
    kept = evidence.keep_evidence(library, str(tmp_path / "logs"), "one", failure={}, timeline=[], samples=[])
    assert ("rejected-library.json" in kept["files"]) == copied
    reported = json.loads((Path(kept["folder"]) / "failure.json").read_text())["library_left_out"]
    assert (reported == "") == copied


@pytest.fixture(autouse=True)
def from_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def on_path(tmp_path: Path) -> str:
    """A PATH with an ansible-playbook in it."""
    return executable(tmp_path / "bin" / "ansible-playbook").rpartition("/")[0]


def executable(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


FOUND = {"PATH": os.path.dirname(sys.executable)}


def command(name: str, extra=None, environ=None, host: str = "games-1", **given) -> str:
    # The tests' own folder of programs holds an ansible-playbook.
    return next_command.command(name, host, given, extra or {}, yaml.safe_load, environ or FOUND)


def test_a_program_on_the_path_is_called_by_its_name(on_path: str) -> None:
    assert command("status", environ={"PATH": on_path}).split()[0] == "ansible-playbook"


@pytest.mark.parametrize(
    "running, here, printed",
    [
        # A virtual environment below the current folder, as `make deploy` starts it.
        ("venv/bin/ansible-playbook", ".", "venv/bin/ansible-playbook"),
        ("venv/bin/ansible-playbook", "elsewhere", "{root}/venv/bin/ansible-playbook"),
        ("venv/bin/ansible-playbook", "venv/bin", "./ansible-playbook"),
        ("with space/bin/ansible-playbook", ".", "'with space/bin/ansible-playbook'"),
    ],
)
def test_a_program_that_is_not_on_the_path_is_called_by_its_path(tmp_path, monkeypatch, running, here, printed) -> None:
    (tmp_path / here).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(sys, "argv", [executable(tmp_path / running)])
    monkeypatch.chdir(tmp_path / here)
    line = command("status", environ={"PATH": "/nowhere"})
    assert line.startswith(printed.format(root=tmp_path) + " ")
    program = shlex.split(line)[0]
    assert subprocess.run([program], check=False).returncode == 0


def test_started_by_something_else_the_program_beside_python_is_called(tmp_path, monkeypatch) -> None:
    beside = executable(tmp_path / "venv" / "bin" / "ansible-playbook")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/something"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    assert command("status", environ={"PATH": "/nowhere"}).split()[0] == beside
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert command("status", environ={"PATH": ""}).split()[0] == "ansible-playbook"


AWX = {"AWX_PRIVATE_DATA_DIR": "/runner", "JOB_ID": "42", "AWX_HOST": "https://awx.example.org/"}
NAMELESS = {"AWX_PRIVATE_DATA_DIR": "/runner", "JOB_ID": "42"}


@pytest.mark.parametrize(
    "environ, host, extra, printed",
    [
        (
            AWX,
            "games-1",
            {"mobius_backup": "latest"},
            "launch the job template for rollback.yml with limit games-1 and extra variables "
            '{"mobius_backup": "latest"}; this job: https://awx.example.org/#/jobs/playbook/42',
        ),
        (NAMELESS, "games-1", {}, "launch the job template for rollback.yml with limit games-1"),
        (NAMELESS, None, {}, "launch the job template for rollback.yml"),
        # ansible-runner or ansible-navigator without a controller.
        (
            {"RUNNER_OMIT_EVENTS": "False"},
            "games-1",
            {},
            "run rollback.yml as this playbook was run with limit games-1",
        ),
    ],
)
def test_a_job_names_a_job_template_and_no_path_of_its_container(environ, host, extra, printed) -> None:
    given = {"inventory": ("/runner/inventory/hosts",), "extra_vars": ("@/runner/env/extravars", "my_token=s3cret")}
    line = command("rollback", extra, environ, host, **given)
    assert line == printed


def test_a_command_repeats_how_this_run_was_started() -> None:
    line = command(
        "rollback",
        extra={"mobius_backup": "latest"},
        inventory=(str(ROOT / "inventories" / "local"), "a,b"),
        extra_vars=("mobius_home=/srv/x", "@values.yml", '{"mobius_limits_over": {}, "mobius_backup": "old"}'),
        remote_user="deploy",
        become_ask_pass=True,
        connection="ssh",
    )
    assert shlex.split(line) == shlex.split(
        "ansible-playbook playbooks/rollback.yml -e mobius_backup=latest -i inventories/local -i a,b -u deploy -K "
        "--limit games-1 -e @values.yml -e mobius_home=/srv/x -e '{\"mobius_limits_over\": {}}'"
    )


@pytest.mark.parametrize(
    "given",
    [
        'mobius_notify=[{"url": "s3cret"}]',
        '{"mobius_health_headers": {"X": "s3cret"}}',
        "mobius_health_password=s3cret",
        "ansible_become_pass=s3cret",
        "my_api_token=s3cret",
        "mobius_health_url=https://me:s3cret@example.org/",
    ],
)
def test_no_secret_is_repeated(given) -> None:
    line = command("health", extra_vars=(given,))
    assert "s3cret" not in line
    name = given.strip('{"').split("=")[0].split('"')[0]
    assert line.endswith(f"# and your own {name}")


@pytest.mark.parametrize(
    "value", ["a b", "it's", "$(id)", "`id`", 'x"y', "a;b", "{{ x }}", "", "é", "a\nb", True, 3, [1]]
)
def test_values_arrive_as_they_were(value) -> None:
    words = shlex.split(command("health", extra_vars=(json.dumps({"mobius_value": value}),)))
    reported = words[words.index("-e") + 1]
    read = json.loads(reported)["mobius_value"] if reported.startswith("{") else reported.partition("=")[2]
    assert read == value or (value == 3 and read == "3")


def test_what_was_wanted_of_this_run_alone_is_not_repeated() -> None:
    line = command("rollback", extra_vars=('{"mobius_hooks": {"after_migrate": "x.yml"}, "mobius_confirm": true}',))
    assert "mobius_hooks" not in line
    assert "mobius_confirm" not in line


def test_elsewhere_the_path_is_whole(monkeypatch) -> None:
    monkeypatch.setattr(os.path, "relpath", lambda path: f"../../{path}")
    assert command("status").split()[1] == str(ROOT / "playbooks" / "status.yml")
