"""``status.yml`` after a run was killed: it names run and step, and the command that it prints repairs the host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT, Run

TOLERANT = {"mobius_max_failure_rate": 30}
FLAGGED = {**TOLERANT, "mobius_maintenance_enabled": True}
# Where the run is killed before the service has any part in it.
ALONE = {"mobius_service_enabled": False, "mobius_health_check": False}


def journal(site) -> Dict[str, Any]:
    try:
        return json.loads((site.home / ".library.json.dhash" / "run.json").read_bytes())
    except FileNotFoundError:
        return {"steps": []}


def reached(step: str, *outcomes: str) -> Callable[[Any], bool]:
    """Whether the last step noted on the host is this one, with one of these outcomes."""

    def look(site) -> bool:
        steps = journal(site)["steps"]
        return bool(steps) and (steps[-1]["step"], steps[-1]["outcome"]) in {(step, each) for each in outcomes}

    return look


def kill_when(site, condition: Callable[[Any], bool], name: str, **variables: Any) -> None:
    """Start a playbook and kill ansible-playbook, as the OOM killer would, once the host has reached this point."""
    started = site.start(name, **variables)
    try:
        deadline = time.monotonic() + 400
        while not condition(site):
            assert started.poll() is None and time.monotonic() < deadline, output_of(site, name)
            time.sleep(0.002)
        os.kill(started.pid, signal.SIGKILL)
    finally:
        started.kill()
        started.wait()


def output_of(site, name: str) -> str:
    return (site.home.parent / f"{name}.out").read_text()


def shown(run: Run, name: str) -> str:
    """The text of a line of the status."""
    found = re.findall(rf"^{name}  +(.+)$", run.output, re.MULTILINE)
    assert len(found) == 1, run.output
    return found[0]


def commands(run: Run, name: str = "next") -> List[str]:
    return re.findall(rf"^{name}  +(\S*ansible-playbook .+)$", run.output, re.MULTILINE)


def paste(command: str) -> Run:
    """Run a command as it was printed, where it was printed."""
    own = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{own}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    environment |= {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible")}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    return Run(done)


def status_when_quiet(site) -> Run:
    """The status, once what the killed run had begun has ended."""
    for _attempt in range(30):
        run = site.play("status", **site.given)
        if "check again" not in run.output:
            return run
        time.sleep(0.5)
    raise AssertionError(run.output)


def service_pid(site) -> Optional[int]:
    for path in site.home.rglob("service.pid"):
        return int(json.loads(path.read_bytes())["pid"])
    return None


def assert_nothing_left(site) -> None:
    """Nothing is owed, nobody holds the lock, and maintenance mode is off."""
    assert journal(site)["owed"] == [] and not (site.home / ".library.json.dhash" / "lock").exists()
    assert not list(site.home.glob("*.maintenance"))


def assert_good_end(site) -> None:
    """The same, and the status says it."""
    assert_nothing_left(site)
    run = site.play("status").succeeded()
    assert shown(run, "owed") == "nothing" and shown(run, "lock") == "free" and shown(run, "maintenance") == "off"


DEPLOYMENT_KILLS = {
    "preflight": reached("preflight", "running"),
    "dry-run": reached("dry-run", "ok", "changed"),
    "maintenance": reached("maintenance", "ok", "changed"),
    "migrate": reached("migrate", "changed"),
    "verify": reached("verify", "ok"),
    "health": reached("health", "running"),
}


@pytest.fixture
def apart(tmp_path: Path) -> Dict[str, Any]:
    """A hook between migration and verification, which are one process on the host without it."""
    hook = tmp_path / "between.yml"
    hook.write_text("- ansible.builtin.debug:\n    msg: between the two\n")
    return {**FLAGGED, "mobius_hooks": {"before_verify": str(hook)}}


@pytest.mark.parametrize("step", DEPLOYMENT_KILLS)
def test_a_killed_deployment(site, step, apart):
    served = step in ("migrate", "verify", "health")
    site.given = {**(apart if step == "migrate" else FLAGGED), **({} if served else ALONE)}
    kill_when(site, DEPLOYMENT_KILLS[step], "deploy", **site.given)
    killed, before = journal(site)["id"], service_pid(site)
    run = status_when_quiet(site).failed(f"deployment {killed} was interrupted")
    assert shown(run, "run").startswith(f"deployment {killed}, started ")
    assert shown(run, "step").startswith(f"{step} ")
    assert "is gone" in shown(run, "controller")
    (command,) = commands(run)
    owed = shown(run, "owed")
    # A library that the orphaned verification has passed is kept, by a rollback to its own bytes.
    kept = owed != "nothing" and "verify" not in owed
    assert f"playbooks/{'rollback' if kept else 'deploy'}.yml" in command and "lock_break" not in command
    done = paste(command).succeeded()
    assert kept or "playbooks/rollback.yml" in shown(done, "undo")
    assert b'"dhash"' in site.library.read_bytes()
    # By then the service of a deployment that was killed in its last step was restarted already.
    assert not served or service_pid(site) != before or (step == "health" and "restart" not in owed)
    assert_good_end(site) if step == "migrate" else assert_nothing_left(site)


def test_a_killed_deployment_can_be_rolled_back_instead(site, apart):
    before = site.library.read_bytes()
    site.given = apart
    kill_when(site, reached("migrate", "changed"), "deploy", **apart)
    run = status_when_quiet(site)
    (command,) = commands(run, "or")
    serving = service_pid(site)
    paste(command).succeeded()
    assert site.library.read_bytes() == before
    assert service_pid(site) != serving
    assert_nothing_left(site)


def test_a_deployment_that_was_killed_in_its_rollback(site, tmp_path):
    before = site.library.read_bytes()
    bad = tmp_path / "bad.yml"
    bad.write_text("- ansible.builtin.fail:\n    msg: the smoke test failed\n")
    site.given = FLAGGED
    kill_when(site, reached("rollback", "changed"), "deploy", mobius_hooks={"after_verify": str(bad)}, **FLAGGED)
    killed, serving = journal(site)["id"], service_pid(site)
    run = status_when_quiet(site).failed(f"deployment {killed} was interrupted")
    assert shown(run, "owed") == "restart, health"
    assert "the library holds the bytes from before" in shown(run, "state")
    (command,) = commands(run)
    paste(command).succeeded()
    assert site.library.read_bytes() == before
    assert service_pid(site) != serving
    assert_nothing_left(site)


def test_a_rollback_that_was_killed_before_its_restart(site):
    before = site.library.read_bytes()
    site.play("deploy", **TOLERANT).succeeded()
    site.given = TOLERANT
    kill_when(site, reached("rollback", "changed"), "rollback", **TOLERANT)
    killed, serving = journal(site)["id"], service_pid(site)
    run = status_when_quiet(site).failed(f"rollback {killed} was interrupted")
    (command,) = commands(run)
    assert "Nothing to roll back" in paste(command).succeeded().output
    assert site.library.read_bytes() == before
    assert service_pid(site) != serving
    assert_good_end(site)


def test_the_next_deployment_proves_what_a_killed_one_left_and_rolls_it_back_where_it_is_bad(site, tmp_path, apart):
    before = site.library.read_bytes()
    site.given = TOLERANT
    kill_when(site, reached("migrate", "changed"), "deploy", **{**apart, "mobius_maintenance_enabled": False})
    status_when_quiet(site)
    bad = tmp_path / "bad.yml"
    bad.write_text("- ansible.builtin.fail:\n    msg: the smoke test failed\n")
    run = site.play("deploy", mobius_hooks={"after_verify": str(bad)}, **TOLERANT)
    run.failed('Failed in step "verify": the smoke test failed')
    assert site.library.read_bytes() == before
    assert_nothing_left(site)


def test_a_run_that_is_under_way_is_waited_for(site, tmp_path):
    wait = tmp_path / "wait.yml"
    wait.write_text(f"- ansible.builtin.wait_for:\n    path: {tmp_path}/go\n    sleep: 1\n")
    started = site.start("deploy", mobius_hooks={"before_verify": str(wait)}, **FLAGGED, **ALONE)
    try:
        while not reached("migrate", "changed")(site):
            assert started.poll() is None, output_of(site, "deploy")
            time.sleep(0.05)
        run = site.play("status").succeeded()
        assert "is under way" in shown(run, "state") and "is alive" in shown(run, "controller")
        assert shown(run, "next").startswith("wait for the run to end")
        assert "lock_break" not in run.output and "mobius_maintenance" not in run.output
        (tmp_path / "go").touch()
        assert started.wait(timeout=400) == 0, output_of(site, "deploy")
    finally:
        started.kill()
        started.wait()
    assert_nothing_left(site)


def test_a_library_that_is_missing_invalid_or_edited(site):
    given = {**TOLERANT, **ALONE}
    site.play("deploy", **given).succeeded()
    (backup,) = (site.home / "backups").glob("*Z")
    before = backup.read_bytes()
    backup.write_bytes(b"{}")
    run = site.play("status", **ALONE).failed("no rollback is possible")
    assert shown(run, "backup").startswith("none that can be used: ")
    backup.write_bytes(before)
    deployed = site.library.read_bytes()
    site.library.write_bytes(deployed[: len(deployed) // 2])
    run = site.play("status", **ALONE).failed("is not valid JSON: line")
    assert "not valid JSON (line" in shown(run, "content")
    site.library.unlink()
    run = site.play("status", **ALONE).failed("library.json is missing")
    (command,) = commands(run)
    paste(f"{command} -e '{json.dumps(given)}'").succeeded()
    site.library.write_bytes(deployed + b"\n")
    run = site.play("status", **ALONE).succeeded()
    assert shown(run, "state").startswith("edited since")


def test_without_a_library_path_the_error_names_the_variable(site):
    site.play("status", mobius_library_path="").failed("mobius_library_path is not set. Next: set it in")
