"""AWX as code: the documented file applied with awx.awx to a server that refuses what AWX would refuse."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import awx_server
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache" / "awx"
FILE = ROOT / "extras" / "awx" / "mobius.yml"


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tag for text that is no template."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
CONFIGURED = yaml.load(FILE.read_text(), _Loader)["mobius_awx"]


@pytest.fixture(scope="session")
def awx_collection() -> Path:
    """awx.awx, taken once out of the package that carries it."""
    COLLECTIONS.mkdir(parents=True, exist_ok=True)
    with (COLLECTIONS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (COLLECTIONS / "ansible_collections" / "awx" / "awx" / "MANIFEST.json").exists():
            options = ["-q", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
            wanted = ["-r", str(ROOT / "requirements" / "awx.txt"), "-d", str(COLLECTIONS)]
            subprocess.run([sys.executable, "-m", "pip", "download", *options, *wanted], check=True)
            (wheel,) = COLLECTIONS.glob("ansible-*.whl")
            with zipfile.ZipFile(wheel) as archive:
                ours = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/awx/")]
                archive.extractall(COLLECTIONS, [each for each in ours if not each.endswith("MANIFEST.json")])
                archive.extractall(COLLECTIONS, [each for each in ours if each.endswith("MANIFEST.json")])
            wheel.unlink()
    return COLLECTIONS


def configure(server, collections, *arguments: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "CONTROLLER_HOST": f"http://127.0.0.1:{server.server_address[1]}" if server else "http://127.0.0.1:9",
        "CONTROLLER_OAUTH_TOKEN": awx_server.TOKEN,
        **{"MOBIUS_SSH_KEY": "key-s3cret", "MOBIUS_SLACK_URL": "https://s3cret", "MOBIUS_CI_TOKEN": "token-s3cret"},
    }
    play = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/awx_configure.yml", *arguments]
    return subprocess.run(play, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1800)


def recap(done: subprocess.CompletedProcess) -> dict:
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])}


def test_the_documented_file_is_applied_once_and_a_second_time_changes_nothing(awx_collection):
    with awx_server.serving() as server:
        first = configure(server, awx_collection, "-e", f"@{FILE}")
        assert recap(first)["changed"] > 10, first.stdout
        assert server.refused == []
        store = server.store
        for endpoint, part in (
            *(("teams", "teams"), ("credentials", "credentials"), ("inventories", "inventories")),
            *(("inventory_sources", "inventory_sources"), ("job_templates", "job_templates")),
            *(("workflow_job_template_nodes", "workflow_nodes"), ("schedules", "schedules")),
        ):
            assert len(store.objects[endpoint]) == len(CONFIGURED[part]), endpoint
        (secrets,) = [each for each in store.objects["credentials"].values() if each["name"] == "MOBIUS secrets"]
        assert secrets["inputs"] == {"slack_url": "https://s3cret", "ci_token": "token-s3cret"}
        assert len(store.surveys) == 5
        written = len(store.writes)
        second = configure(server, awx_collection, "-e", f"@{FILE}")
        assert recap(second)["changed"] == 0, second.stdout
        assert store.writes[written:] == []
        assert "s3cret" not in first.stdout + first.stderr + second.stdout + second.stderr


def test_without_the_collection_one_line_names_the_fix(tmp_path):
    done = configure(None, tmp_path, "-e", f"@{FILE}")
    assert done.returncode != 0
    assert "The collection awx.awx is missing. Next: ansible-galaxy collection install" in done.stdout + done.stderr
