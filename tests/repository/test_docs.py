"""Everything that the documentation names exists."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import check
from ansible_collections.mobius.dhash.tests.support.places import ROOT

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


WRITTEN = [
    *PAGES,
    *sorted((ROOT / "roles").glob("*/README.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_exists(page):
    text = page.read_text()
    named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= TARGETS


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _hash, heading = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading and target.suffix == ".md":
            headings = [line.lstrip("# ") for line in target.read_text().splitlines() if line.startswith("#")]
            anchors = {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings}
            assert heading in anchors, link


@pytest.mark.parametrize("pipeline", sorted((ROOT / "docs" / "pipelines").glob("*.yml")), ids=lambda path: path.name)
def test_a_pipeline_runs_playbooks_that_exist(pipeline):
    named = re.findall(r"ansible-playbook mobius\.dhash\.(\w+)", pipeline.read_text())
    assert {"dry_run", "deploy", "verify", "health", "monitor"} <= set(named)
    for name in named:
        assert (ROOT / "playbooks" / f"{name}.yml").is_file(), name


def test_the_pipelines_of_this_repository_run_targets_that_exist():
    for path in (ROOT / ".gitlab-ci.yml", *(ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text()
        named = set(re.findall(r"(?:- |run: |\[|PATH )make ([a-z-]+)", text))
        # As in make ${{ matrix.target }}.
        listed = re.findall(r"^ +target: \[(.*)\]$", text, re.MULTILINE)
        named.update(target for targets in listed for target in targets.split(", "))
        assert named and named <= TARGETS, path.name
        assert text.count("matrix.target }}") == len(listed), path.name


def test_the_site_has_every_page():
    listed = set((ROOT / "docs" / "site" / "index.md").read_text().splitlines())
    assert {page.stem for page in PAGES} <= listed
