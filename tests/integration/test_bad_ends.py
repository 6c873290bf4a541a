"""Failure inside the rescue: the operator is told what state the host is in, and the commands told run as printed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

from conftest import ROOT, Run

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


def told(run: Run, name: str) -> str:
    """What the report says under ``name``."""
    found = re.findall(rf"^{name}  +(.+)$", run.output, re.MULTILINE)
    assert len(found) == 1, run.output
    return found[0]


def commands(run: Run) -> List[str]:
    return re.findall(r"^next  +(ansible-playbook .+)$", run.output, re.MULTILINE)


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
    run.failed("AND THE ROLLBACK FAILED TOO: No backup that verifies has the SHA-256")
    migrated = site.library.read_bytes()
    assert b'"dhash"' in migrated
    assert told(run, "library") == f"{site.library}: MIGRATED, but rejected or not verified (sha256 {sha256(migrated)})"
    assert told(run, "backup").startswith("NONE that can be used: No backup that verifies has the SHA-256")
    assert told(run, "lock") == "free" and is_free(site)
    assert told(run, "maintenance") == f"ON: {site.library}.maintenance"
    assert (Path(told(run, "evidence")) / "rejected-library.json").read_bytes() == migrated

    look, judge, lift = commands(run)
    assert "playbooks/backups.yml" in look
    paste(look).succeeded()
    paste(judge).succeeded()
    paste(lift).succeeded()
    assert not Path(f"{site.library}.maintenance").exists()
    # Nothing was made worse: the damaged copies are there, and the bytes of before can still be had from them.
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
    assert told(run, "library") == f"{site.library}: old, the bytes of before (sha256 {sha256(before)})"
    assert told(run, "backup").endswith("(verified)")
    assert told(run, "lock") == "free" and is_free(site)
    assert told(run, "maintenance") == f"ON: {site.library}.maintenance"

    restart, health, lift = commands(run)
    paste(restart).failed("")
    program.write_bytes((tmp_path / "run.sh").read_bytes())
    paste(restart).succeeded()
    paste(health).succeeded()
    paste(lift).succeeded()
    assert not Path(f"{site.library}.maintenance").exists()
