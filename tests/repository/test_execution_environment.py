"""The execution environment is one that ansible-builder accepts, and the collection's own requirements are found."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from ansible_collections.mobius.dhash.tests.support.places import ROOT

BUILDER = str(Path(sys.executable).parent / "ansible-builder")
DEFINITION = ROOT / "execution-environment.yml"


def builder(*arguments: str) -> str:
    done = subprocess.run([BUILDER, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ansible_builder_makes_a_context_of_it(tmp_path: Path) -> None:
    builder("create", "-f", str(DEFINITION), "-c", str(tmp_path), "--output-filename", "Containerfile")
    text = (tmp_path / "Containerfile").read_text()
    definition = yaml.safe_load(DEFINITION.read_text())
    assert definition["version"] == 3
    assert definition["images"]["base_image"]["name"] in text
    assert definition["dependencies"]["ansible_core"]["package_pip"] in text
    assert "ENV ANSIBLE_DISPLAY_SKIPPED_HOSTS=false" in text
    copied = {path.name for path in (tmp_path / "_build").iterdir()}
    assert {"requirements.yml", "requirements.txt", "bindep.txt"} <= copied


def test_the_files_that_it_names_are_there_and_awx_is_in_them_alone() -> None:
    named = yaml.safe_load(DEFINITION.read_text())["dependencies"]
    collections = yaml.safe_load((ROOT / named["galaxy"]).read_text())["collections"]
    assert [each["name"] for each in collections] == ["awx.awx"]
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"] == {}
    own = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text())["dependencies"]
    assert (own["python"], own["system"]) == (named["python"], named["system"])


def test_the_requirements_of_the_collection_are_found_where_it_is_installed(tmp_path: Path) -> None:
    """As the introspection in the image does it, on a copy in the place of an installed collection."""
    place = tmp_path / "ansible_collections" / "mobius" / "dhash"
    shutil.copytree(ROOT / "meta", place / "meta")
    shutil.copy(ROOT / "galaxy.yml", place)
    found = yaml.safe_load(re.sub(r"(?s)\A.*?^---", "---", builder("introspect", str(tmp_path)), flags=re.MULTILINE))
    assert any("openssh-clients" in package for package in found["system"])
    assert not found.get("python")
