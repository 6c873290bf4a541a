"""What a deployment leaves on a host: the library, its backups, the service, and nothing else."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
import testinfra

HOSTS = Path(__file__).resolve().parents[2] / "shared" / "hosts.sh"
HOME = "/srv/mobius"
LIBRARY = f"{HOME}/library.json"
SERVICE = "mobius-dhash"


@pytest.fixture
def root(host):
    """The same host as root sees it; the user of the deployment may not become root."""
    name = subprocess.check_output([HOSTS, "container", host.backend.get_hostname()], text=True).strip()
    return testinfra.get_host(f"podman://{name}")


@pytest.fixture
def items(root):
    return json.loads(root.file(LIBRARY).content)["components"]


def test_every_picture_that_can_be_read_has_a_dhash(items):
    hashes = [item["dhash"] for item in items if "dhash" in item]
    assert len(items) == 60
    assert len(hashes) == 58
    assert all(len(dhash) == 16 and int(dhash, 16) >= 0 for dhash in hashes)
    assert len(set(hashes)) > 50


def test_the_hashes_are_those_of_imagehash(host, items):
    images = {item["image"]: item["dhash"] for item in items if "dhash" in item}
    program = (
        "import json, sys, imagehash; from PIL import Image;"
        "print(json.dumps([str(imagehash.dhash(Image.open(path.lstrip('/')))) for path in sys.argv[1:]]))"
    )
    answer = host.run(
        f"cd {HOME} && ~/.local/share/mobius-dhash/venv/bin/python -c %s {' '.join(map(shlex.quote, images))}", program
    )
    assert answer.succeeded, answer.stderr
    assert json.loads(answer.stdout) == list(images.values())


def test_the_user_of_the_deployment_is_not_root(host):
    assert host.user().name == "deploy"
    assert host.run("sudo -n true").failed


def test_the_library_keeps_its_owner_and_is_not_for_everybody(host):
    library = host.file(LIBRARY)
    assert (library.user, library.mode) == ("deploy", 0o640)
    assert host.file(HOME).mode == 0o750


def test_a_backup_verifies_the_way_the_guide_types_it(host):
    answer = host.run(f"cd {HOME} && ls backups/*.sha256 && sha256sum -c backups/*.sha256")
    assert answer.succeeded, answer.stderr
    assert ": OK" in answer.stdout


@pytest.mark.parametrize("folder", ["backups", "logs"])
def test_folders_and_files_written_are_not_for_everybody(root, folder):
    assert root.file(f"{HOME}/{folder}").mode == 0o750
    written = root.check_output("find %s -type f -printf '%%m %%u %%p\\n'", f"{HOME}/{folder}").splitlines()
    assert written
    assert [line for line in written if not line.startswith("640 deploy ")] == []


def test_nothing_of_the_deployment_is_readable_by_the_world(root):
    found = root.check_output("find %s -path %s -prune -o ! -type l -perm /007 -print", HOME, f"{HOME}/images")
    assert found == ""


def test_no_lock_and_no_temporary_file_is_left(root):
    state = f"{HOME}/.library.json.dhash"
    assert root.file(state).is_directory
    lock = root.file(f"{state}/lock")
    assert not lock.exists, lock.content_string
    assert root.check_output("find %s -name '*.tmp'", HOME) == ""


def test_the_state_describes_the_deployment(host):
    current = json.loads(host.file(f"{HOME}/.library.json.dhash/current.json").content)
    assert current["status"] == "deployed"
    assert current["sha256"] == host.file(LIBRARY).sha256sum
    assert "pending" not in current


def test_the_service_runs_under_systemd(root):
    service = root.service(SERVICE)
    assert service.is_running
    assert service.is_enabled


def test_the_service_has_a_system_user_of_its_own(root):
    pid = root.check_output("systemctl show --property MainPID --value %s", SERVICE)
    user = root.check_output("ps -o user:32= -p %s", pid).strip()
    assert user not in ("root", "deploy", "nobody")
    assert root.user(user).uid < 1000
    assert root.user(user).shell.endswith(("nologin", "false"))


def test_the_service_listens_on_the_host_alone(root):
    listening = root.check_output("ss -Hltn sport = :5001").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:5001"]


def test_the_service_answers(host):
    health = host.run("curl -fsS http://localhost:5001/health")
    assert health.succeeded, health.stderr
    assert json.loads(health.stdout)["status"] == "healthy"
    metrics = json.loads(host.check_output("curl -fsS http://localhost:5001/metrics/dhash"))
    assert {"avg_hash_time", "p95_hash_time", "extraction_failures_rate", "low_confidence_queue_length"} <= set(metrics)
    assert metrics["low_confidence_queue_length"] == 4


def test_the_unit_is_hardened(root):
    report = json.loads(root.run("systemd-analyze security --json=short %s", SERVICE).stdout)
    overall = root.run("systemd-analyze security --no-pager %s", SERVICE).stdout.strip().splitlines()[-1]
    exposure = float(overall.split(":")[1].split()[0])
    assert report
    assert exposure <= 2.0, overall
