"""Bug reports that revealed a kind of fault, each reproduced once as it was filed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import VENV

# Where the service has no part in it.
ALONE = {"mobius_max_failure_rate": 30, "mobius_service_enabled": False, "mobius_health_check": False}


@pytest.fixture
def bare(tmp_path):
    """A Python without Pillow."""
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


def test_an_extra_var_does_not_choose_the_python_that_hashes(site, bare):
    chosen = {"ansible_python_interpreter": bare, "mobius_runtime_source": "system"}
    chosen["mobius_runtime_python"] = str(VENV / "bin" / "python")
    site.play("deploy", **ALONE, **chosen).succeeded()
    assert sum("dhash" in item for item in site.items()) == 6
    site.play("review_export", mobius_confidence_threshold=1, **ALONE, **chosen).succeeded()
    assert "data:image/" in (site.home / "review.html").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_bind_mounted_library_is_refused_before_anything_changes(site):
    before = site.library.read_bytes()
    subprocess.run(["mount", "--bind", str(site.library), str(site.library)], check=True)
    try:
        run = site.play("deploy", **ALONE)
    finally:
        subprocess.run(["umount", str(site.library)], check=True)
    run.failed('Refused in step "preflight"').failed("is a mount point of its own").failed("mount its folder instead")
    assert site.library.read_bytes() == before
    assert not list((site.home / "backups").glob("*"))


@pytest.fixture
def releases(site):
    """Two releases of an application and the link to the current one, as Capistrano makes them."""
    for number in "12":
        place = site.home / "releases" / number
        place.mkdir(parents=True)
        shutil.copytree(site.home / "images", place / "images")
        shutil.copy(site.library, place / "library.json")
    (site.home / "current").symlink_to("releases/1")
    site.library.unlink()
    return site.home / "releases"


@pytest.mark.parametrize(
    "hook, ending", [("after_backup", "has moved since this run began"), ("after_migrate", "Rolled back")]
)
def test_a_release_that_is_switched_during_the_run_is_left_alone(site, releases, tmp_path, hook, ending):
    before = {number: (releases / number / "library.json").read_bytes() for number in "12"}
    switch = tmp_path / "switch.yml"
    argv = json.dumps(["ln", "-sfn", "releases/2", str(site.home / "current")])
    switch.write_text(f"- ansible.builtin.command:\n    argv: {argv}\n")
    path = str(site.home / "current" / "library.json")
    run = site.play("deploy", mobius_library_path=path, mobius_hooks={hook: str(switch)}, **ALONE)
    run.failed("")
    assert {number: (releases / number / "library.json").read_bytes() for number in "12"} == before, run.output
    assert ending in " ".join(run.output.split()), run.output
    assert not list(releases.glob("*/.library.json.dhash/lock")), run.output
