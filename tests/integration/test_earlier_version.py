"""A host deployed by the version before the rewrite of the runs: its files are read, rolled back and deployed again."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

EARLIER = Path(__file__).with_name("earlier")
ALONE = {"mobius_service_enabled": False, "mobius_health_check": False}


@pytest.fixture
def host(site):
    """The site as that version left it; its files name the folder that it was in then."""
    shutil.rmtree(site.home)
    shutil.copytree(EARLIER, site.home)
    for path in [*site.home.rglob("*.json"), *site.home.rglob("*.log"), site.home / ".library.json.dhash" / "last-run"]:
        path.write_bytes(path.read_bytes().replace(b"/srv/mobius/", f"{site.home}/".encode()))
    return site


def test_a_host_of_the_earlier_version_is_rolled_back_and_deployed_again(host):
    deployed = host.library.read_bytes()
    (backup,) = (host.home / "backups").glob("library.json.bak.*Z")
    before = backup.read_bytes()

    status = host.play("status", **ALONE).succeeded()
    assert re.search(r"^state +deployed by deployment ", status.output, re.MULTILINE), status.output
    assert re.search(rf"^backup +{backup} \(verified\)$", status.output, re.MULTILINE), status.output
    again = host.play("deploy", **ALONE).succeeded()
    assert again.changed == 0 and "Nothing to do. The library is unchanged since the last deployment" in again.output
    assert host.library.read_bytes() == deployed

    back = host.play("rollback", **ALONE).succeeded()
    assert host.library.read_bytes() == before, back.output
    host.play("deploy", **ALONE).succeeded()
    # Only when and by what it was made differs.
    now, then = json.loads(host.library.read_bytes()), json.loads(deployed)
    assert now["components"] == then["components"]
