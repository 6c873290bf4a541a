"""Failure inside the rescue: the state of the host is reported, and the printed commands work."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import List

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import serving, url_of
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT, Run
from ansible_collections.mobius.dhash.tests.support.remote import connection, unavailable

TOLERANT = {"mobius_max_failure_rate": 30}
# Where the service has no part in it.
ALONE = {**TOLERANT, "mobius_service_enabled": False, "mobius_health_check": False}


def hook(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.yml"
    path.write_text(text)
    return str(path)


def run_here(script: str) -> str:
    """A hook that runs a script on the controller."""
    return f"- ansible.builtin.shell: {json.dumps(script)}\n  delegate_to: localhost\n  changed_when: false\n"


def reported(run: Run, name: str) -> str:
    """The text of the report's line ``name``."""
    found = re.findall(rf"^{name}  +(.+)$", run.output, re.MULTILINE)
    assert found, run.output
    # The dry run has shown a line of that name, too.
    return found[-1]


def commands(run: Run) -> List[str]:
    lines = re.findall(r"^next  +(\S*ansible-playbook .+)$", run.output, re.MULTILINE)
    return [line.partition("  # ")[0] for line in lines]


def paste(command: str) -> Run:
    """Run a command as it was printed, where it was printed."""
    own = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{own}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    environment |= {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible")}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return Run(done)


def is_free(site) -> bool:
    return not (site.home / ".library.json.dhash" / "lock").exists()


@pytest.fixture
def far(site, tmp_path):
    """Another host: this machine over a real sshd. Unreachable while ``gone`` has a text, or once if it is empty."""
    if unavailable():
        pytest.skip(str(unavailable()))
    variables = connection(tmp_path / "ssh", {"PATH": os.environ["PATH"]})
    gone = tmp_path / "gone"
    words = shlex.split(variables["ansible_ssh_args"])
    (place,) = [number for number, word in enumerate(words) if word.startswith("ProxyCommand=")]
    refuse = f"if [ -e {gone} ]; then [ -s {gone} ] || rm {gone}; exit 1; fi"
    (tmp_path / "proxy.sh").write_text(f"{refuse}\necho $$ >>{tmp_path}/pids\nexec {words[place].partition('=')[2]}\n")
    words[place] = f"ProxyCommand=sh {tmp_path}/proxy.sh"
    # A path of its own: that of a socket may have 108 bytes.
    control = Path(tempfile.mkdtemp(prefix="far-")) / "ssh"
    variables["ansible_ssh_args"] = shlex.join([*words, "-o", f"ControlPath={control}"])
    inventory = tmp_path / "far.json"
    host = {**variables, "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}
    inventory.write_text(json.dumps({"all": {"hosts": {"far": host}}}))
    # Ansible tries once more by itself where it comes upon a connection that is just ending.
    over = f"timeout 30 sh -c 'while [ -e {control} ]; do sleep 0.05; done'"
    end = f"for each in $(cat {tmp_path}/pids); do kill $each || true; done; {over}"
    arguments = ("-i", str(inventory), "--limit", "far")
    place = SimpleNamespace(
        gone=gone, cut=f"echo for good >{gone}; {end}", cut_once=f": >{gone}; {end}", arguments=arguments
    )
    yield place
    gone.unlink(missing_ok=True)
    shutil.rmtree(control.parent)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_backup_is_damaged_meanwhile(site, tmp_path):
    before = site.library.read_bytes()
    damage = run_here(f"for file in {site.home}/backups/*Z; do echo x >>$file; done")
    run = site.play(
        "deploy",
        mobius_hooks={"after_migrate": hook(tmp_path, "damage", damage)},
        mobius_maintenance_enabled=True,
        **ALONE,
    )
    run.failed('Failed in step "verify": The backup does not verify')
    run.failed("Rollback failed: No backup that verifies has the SHA-256")
    migrated = site.library.read_bytes()
    assert b'"dhash"' in migrated
    assert (
        reported(run, "library")
        == f"{site.library}: migrated, but rejected or not verified (sha256 {sha256(migrated)})"
    )
    assert reported(run, "backup").startswith("none that can be used: No backup that verifies has the SHA-256")
    assert reported(run, "lock") == "free" and is_free(site)
    assert reported(run, "maintenance").startswith("STILL ON") and f"{site.library}.maintenance" in reported(
        run, "maintenance"
    )
    assert (Path(reported(run, "evidence")) / "rejected-library.json").read_bytes() == migrated

    look, judge, lift = commands(run)
    assert "playbooks/backups.yml" in look
    paste(look).failed("1 of 1 backups does not verify")
    paste(judge).succeeded()
    paste(lift).succeeded()
    assert not Path(f"{site.library}.maintenance").exists()
    # Nothing was made worse: the damaged copies are there, and the bytes from before can still be had from them.
    (damaged,) = (site.home / "backups").glob("*Z")
    assert damaged.read_bytes() == before + b"x\n"
    assert site.library.read_bytes() == migrated


def test_the_service_will_not_start_after_the_rollback(site, tmp_path):
    before = site.library.read_bytes()
    program = site.home / "service" / "app" / "run.sh"
    breaking = run_here(f"cp {program} {tmp_path}/run.sh && echo 'exit 3' >{program}")
    hooks = {"after_migrate": hook(tmp_path, "break", breaking)}
    run = site.play("deploy", mobius_hooks=hooks, mobius_maintenance_enabled=True, **TOLERANT)
    run.failed('Failed in step "restart"')
    run.failed("Rolled back")
    assert site.library.read_bytes() == before
    assert reported(run, "library") == f"{site.library}: the bytes from before (sha256 {sha256(before)})"
    assert reported(run, "backup").endswith("(verified)")
    assert reported(run, "lock") == "free" and is_free(site)
    assert reported(run, "maintenance").startswith("STILL ON") and f"{site.library}.maintenance" in reported(
        run, "maintenance"
    )

    restart, health, lift = commands(run)
    program.write_bytes((tmp_path / "run.sh").read_bytes())
    paste(restart).succeeded()
    paste(health).succeeded()
    paste(lift).succeeded()
    assert not Path(f"{site.library}.maintenance").exists()


def test_the_host_is_lost_in_the_middle(site, far, tmp_path):
    before = site.library.read_bytes()
    received = []

    def take(handler):
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    with serving({"/": take}) as people:
        run = site.play(
            "deploy",
            *far.arguments,
            mobius_hooks={"after_migrate": hook(tmp_path, "cut", run_here(far.cut))},
            mobius_notify=[{"type": "webhook", "url": url_of(people, "/")}],
            mobius_reconnect_timeout=2,
            **ALONE,
        )
    run.failed('Failed in step "verify": The host was lost')
    run.failed("Rollback failed: timed out waiting")
    unknown = (
        "unknown, because the host cannot be reached. The file is complete: it holds the bytes from before "
        f"(sha256 {sha256(before)})"
    )
    assert reported(run, "library").startswith(f"{site.library}: {unknown} or the migrated ones")
    assert reported(run, "lock").startswith("unknown; if this run holds it, it expires 900 s after")
    assert [each["event"] for each in received] == ["start", "failure"]
    assert "unknown, because the host cannot be reached" in received[1]["text"]
    assert b'"dhash"' in site.library.read_bytes() and not is_free(site)

    look, back = commands(run)
    paste(look).failed("UNREACHABLE")
    far.gone.unlink()
    paste(look).failed("but that run is dead")
    paste(back).succeeded()
    assert site.library.read_bytes() == before and is_free(site)


def test_a_host_that_comes_back_is_rolled_back_by_the_same_run(site, far, tmp_path):
    before = site.library.read_bytes()
    hooks = {"after_migrate": hook(tmp_path, "cut", run_here(far.cut_once))}
    run = site.play("deploy", *far.arguments, mobius_hooks=hooks, mobius_reconnect_timeout=60, **ALONE)
    run.failed('Failed in step "verify": The host was lost')
    run.failed("Rolled back")
    assert site.library.read_bytes() == before and is_free(site)


def test_a_service_that_was_not_restarted_because_the_host_was_lost_is_reported(site, far, tmp_path):
    before = site.library.read_bytes()
    hooks = {"before_restart": hook(tmp_path, "cut", run_here(far.cut_once))}
    run = site.play("deploy", *far.arguments, mobius_hooks=hooks, mobius_reconnect_timeout=60, **TOLERANT)
    run.failed('Failed in step "restart": The host was lost')
    run.failed("Rolled back")
    assert site.library.read_bytes() == before and is_free(site)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_the_disk_is_full_when_evidence_is_kept(site, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(small)], check=True)
    try:
        shutil.copytree(site.home, small, dirs_exist_ok=True)
        site.home, site.library = small, small / "library.json"
        before = site.library.read_bytes()
        fill = run_here(f"cat /dev/zero >{small}/filler || exit 1")
        run = site.play("deploy", mobius_hooks={"after_migrate": hook(tmp_path, "fill", fill)}, **ALONE)
        run.failed("The library could not be kept in a snapshot (No space left on device), so nothing was restored")
        migrated = site.library.read_bytes()
        assert reported(run, "library").startswith(f"{site.library}: migrated, but rejected or not verified")
        assert reported(run, "backup").endswith("(verified)")
        assert reported(run, "lock") == "free" and is_free(site)
        assert reported(run, "evidence").startswith("none")
        assert reported(run, "report") == "could not be written"
        assert b'"dhash"' in migrated and not list(small.rglob("*.tmp"))

        (small / "filler").unlink()
        (back,) = commands(run)
        paste(back).succeeded()
        assert site.library.read_bytes() == before
    finally:
        subprocess.run(["umount", str(small)], check=True)
