"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import check

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE = "\n".join(
    path.read_text()
    for folder in ("roles", "playbooks", "inventories")
    for path in (ROOT / folder).rglob("*.yml")
    if "collections" not in path.relative_to(ROOT).parts
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_is_used_somewhere(page):
    for name in sorted(set(re.findall(r"\bmobius_[a-z0-9_]+(?<!_)\b", page.read_text()))):
        assert re.search(rf"\b{name}\b", CODE) or name.startswith("mobius_dhash"), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_playbook_exists(page):
    for name in sorted(set(re.findall(r"playbooks/(\w+\.yml)", page.read_text()))):
        assert (ROOT / "playbooks" / name).is_file(), name


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_what_an_inventory_has_as_an_example_is_sound(environment):
    lines = (ROOT / "inventories" / environment / "group_vars" / "all.yml").read_text().splitlines()
    shown = [line[2:] if re.match(r"# ( |mobius_)", line) else line for line in lines]
    values = yaml.safe_load("\n".join(shown))
    assert len(values) > len(yaml.safe_load("\n".join(lines)))
    assert check({name: value for name, value in values.items() if name.startswith("mobius_")})["warnings"] == []


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_one_without_privileges_can_become_another_on_the_hosts(environment):
    values = yaml.safe_load((ROOT / "inventories" / environment / "group_vars" / "all.yml").read_text())
    assert values["ansible_pipelining"] is True
