"""A run without any host is not a success, and a mistyped path leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT

PROGRAM = str(Path(sys.executable).parent / "ansible-playbook")


def play(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible")}
    return subprocess.run(
        [PROGRAM, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("playbook", ["deploy", "rollback"])
@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["-i", "inventories/nope"], "No such inventory"),
        (["-i", "inventories/nope", "--limit", "games-1"], "No such inventory"),
        (["-i", "inventories/local", "-i", "inventories/nope"], "No such inventory"),
        (["-i", "inventories/local", "-e", "mobius_hosts=games"], "mobius_hosts matches no host: games"),
        (["-i", "inventories/local", "--limit", ""], "--limit is empty"),
        (["-i", "inventories/local", "--limit", "games-1"], "leaves us with no hosts"),
    ],
)
def test_no_host_is_in_scope(playbook: str, arguments: list, reason: str) -> None:
    done = play(f"playbooks/{playbook}.yml", *arguments)
    assert done.returncode != 0, done.stdout
    assert reason in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("playbook", ["deploy", "rollback", "status", "backups", "cleanup"])
def test_a_mistyped_path_leaves_nothing_behind(site, tmp_path, playbook) -> None:
    wrong = tmp_path / "wrong"
    variables = {"mobius_service_enabled": False, "mobius_health_check": False}
    run = site.play(playbook, mobius_library_path=f"{wrong}/library.json", **variables)
    assert playbook == "cleanup" or run.code != 0, run.output
    assert not wrong.exists(), sorted(wrong.rglob("*"))
