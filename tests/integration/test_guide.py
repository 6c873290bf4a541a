"""Every command of docs/guide.md, as printed and in its order, on one library."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from ansible_collections.mobius.dhash.tests.support import preloaded
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT, VENV, Run

GUIDE = ROOT / "docs" / "guide.md"
SECTIONS = [
    "Pre-Deployment Checklist",
    "Deployment Process",
    "Rollback Procedures",
    "Monitoring and Verification",
    "Security and Permissions",
    "Backup Management",
    "Troubleshooting",
    "Integration Points",
    "Support and Escalation",
]
# Tried by CI itself, or hosts that only their owner has.
_ELSEWHERE = ("make ", "ansible-playbook playbooks/deploy.yml -i inventories/production")
# For a machine that has no curl.
_CURL = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)"
_PROGRAMS = ("ansible-playbook ", "curl ", "sha256sum ", "make ")


def printed() -> List[Tuple[str, str]]:
    """Section and command, for each command in the right column of a table."""
    found, section = [], ""
    for line in GUIDE.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        if line.startswith("| "):
            right = line.replace("\\|", "¦").split("|")[2]
            found += [(section, text) for text in re.findall(r"`([^`]+)`", right) if text.startswith(_PROGRAMS)]
    return found


def test_every_section_has_commands():
    assert list(dict.fromkeys(section for section, _command in printed())) == SECTIONS


class Guided:
    """One machine on which the page is followed."""

    def __init__(self, site, inventory: Path) -> None:
        self.site = site
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_INVENTORY": f"inventories/local,{inventory}",
            "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "none"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_NOCOLOR": "1",
        }

    def run(self, command: str) -> Run:
        folder = self.site.home if command.startswith("sha256sum") else ROOT
        words = ["bash", "-c", self.here(command)]
        if "mobius_confirm=true" in command:
            return self._answered(words, folder)
        if command.startswith("ansible-playbook"):
            program, *arguments = shlex.split(self.here(command))
            given = [str(Path(sys.executable).with_name(program)), *arguments]
            return Run(preloaded.run(given, str(folder), self.environment, timeout=300))
        done = subprocess.run(
            words,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(done)

    def _answered(self, words: List[str], folder: Path) -> Run:
        """At a terminal, by someone who answers yes to the prompt."""
        # Ansible prompts only in the foreground of a terminal of its own.
        process, leader = pty.fork()
        if process == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, self.environment)
        output, end = b"", time.monotonic() + 300
        # A terminal whose programs have all ended answers with an error.
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                quiet = not select.select([leader], [], [], 2)[0]
                if not quiet:
                    output += os.read(leader, 4096)
                elif b'Type "yes" to migrate' in output and b"Turn maintenance mode on" not in output:
                    # Ansible discards what was typed before the prompt.
                    os.write(leader, b"yes\r")
        # Whatever still runs there ends with its terminal.
        os.close(leader)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert b'Type "yes" to migrate' in output, output.decode()
        return Run(subprocess.CompletedProcess(words, code, output.decode(), ""))

    def here(self, command: str) -> str:
        """The command with its placeholders filled in, and half an hour shortened."""
        folder = self.site.home / "backups"
        names: Dict[str, str] = {
            "=FILE": str(next(folder.glob("library.json.bak.*Z"), "")),
            "=SNAPSHOT": str(next(folder.glob("library.json.pre-restore.*Z"), "")),
            "/srv/x": str(self.site.home / "other"),
            "localhost:5001": f"localhost:{self.site.port}",
        }
        if command.startswith("curl ") and shutil.which("curl") is None:
            command = f"{sys.executable} -c '{_CURL}' {command.split()[-1]}"
        for name, value in names.items():
            command = command.replace(name, f"={value}" if name.startswith("=") else value)
        return command


@pytest.fixture
def guided(site, tmp_path):
    inventory = tmp_path / "inventory"
    (inventory / "group_vars").mkdir(parents=True)
    (inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": {"localhost": None}}}))
    values = {
        "mobius_home": str(site.home),
        "mobius_runtime_venv": str(VENV),
        "mobius_service_port": site.port,
        "mobius_health_interval": 0.2,
        "mobius_max_failure_rate": 30,
        "mobius_monitor_duration": 1,
        "mobius_monitor_interval": 0.2,
        "mobius_limits": {"avg_hash_time": 10_000, "p95_hash_time": 10_000},
        "mobius_limits_over": {},
    }
    (inventory / "group_vars" / "all.json").write_text(json.dumps(values))
    shutil.copytree(site.home / "images", site.home / "other" / "images")
    shutil.copy(site.library, site.home / "other" / "library.json")
    return Guided(site, inventory)


def test_every_command_runs_as_printed(guided):
    before = guided.site.library.read_bytes()
    commands = [command for _section, command in printed() if not command.startswith(_ELSEWHERE)]
    for command in dict.fromkeys(commands):
        ended = guided.run(command)
        assert ended.code == 0, f"{command}\n{ended.output}"
        if "mobius_confirm" in command:
            assert all("dhash" in item for item in guided.site.items()[:6]), ended.output
    # The last that changes anything is a rollback.
    assert guided.site.library.read_bytes() == before


def test_what_it_names_for_production_is_sound(guided):
    (command,) = [command for _section, command in printed() if "inventories/production" in command]
    guided.environment.pop("ANSIBLE_INVENTORY")
    assert "games-3.example.org" in guided.run(f"{command} --list-hosts").succeeded().output
