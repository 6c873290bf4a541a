"""A checkout works from any folder, and so does the built and installed collection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import ROOT

TOLERANT = {"mobius_max_failure_rate": 30}
# Where the service has no part in it.
ALONE = {**TOLERANT, "mobius_service_enabled": False, "mobius_health_check": False}


def dhashes(site) -> int:
    return sum("dhash" in item for item in site.items())


def test_a_checkout_works_from_any_folder(site):
    site.play("deploy", cwd=Path("/"), **TOLERANT).succeeded()
    assert dhashes(site) == 6


def test_a_library_behind_a_link_of_another_name_is_deployed_once(site):
    real = site.home / "data" / "lib-1.json"
    real.parent.mkdir()
    before = site.library.read_bytes()
    site.library.rename(real)
    site.library.symlink_to("data/lib-1.json")
    assert site.play("deploy", **ALONE).succeeded().changed > 0
    again = site.play("deploy", **ALONE).succeeded()
    assert again.changed == 0, again.output
    (backup,) = (site.home / "backups").glob("library.json.bak.*Z")
    assert backup.read_bytes() == before
    site.play("rollback", **ALONE).succeeded()
    assert site.library.is_symlink() and real.read_bytes() == before


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """Where the collection, built from this tree, is installed."""
    place = tmp_path_factory.mktemp("installed")
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", str(place), str(ROOT)], check=True)
    archive = next(place.glob("mobius-dhash-*.tar.gz"))
    subprocess.run(
        [galaxy, "collection", "install", str(archive), "-p", str(place), "--offline", "--force"], check=True
    )
    return place


def test_the_installed_collection_deploys_and_rolls_back(site, installed, monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(installed))
    before = site.library.read_bytes()
    site.play("", playbook="mobius.dhash.deploy", cwd=Path("/"), **TOLERANT).succeeded()
    assert dhashes(site) == 6
    site.play("", playbook="mobius.dhash.rollback", cwd=Path("/")).succeeded()
    assert site.library.read_bytes() == before


def test_what_is_built_holds_no_state_of_this_checkout(installed):
    root = installed / "ansible_collections" / "mobius" / "dhash"
    names = set(os.listdir(root))
    assert {"plugins", "roles", "playbooks", "README.md", "LICENSE"} <= names
    assert not names & {".venv", ".local", ".cache", ".git", "collections"}
    assert not (root / "playbooks" / "collections").exists()
