"""What AWX lists after a sync of this project: the playbooks and nothing else, and the inventories.

The rules are those of ``awx/main/utils/ansible.py`` of AWX 24.6, in the stricter of its two forms.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import PurePosixPath

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT

PLAY = re.compile(r"^\s*?-?\s*?(?:hosts|include|(?:ansible\.builtin\.)?import_playbook):\s*?.*?$")
INVENTORY_LINE = re.compile(r"^[a-zA-Z0-9_.=\[\]]")


def is_skipped(folders) -> bool:
    return bool({"roles", "tasks", "group_vars", "host_vars"} & set(folders)) or any(
        folder.startswith(".") for folder in folders
    )


def is_playbook(name: str, text: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix not in (".yml", ".yaml") or is_skipped(path.parts[:-1]):
        return False
    lines = text.splitlines()
    return text.startswith("$ANSIBLE_VAULT;") or any(PLAY.match(line) for line in lines)


def is_inventory(name: str, text: str) -> bool:
    path = PurePosixPath(name)
    if is_skipped(path.parts[:-1]):
        return False
    if path.name in ("inventory", "hosts") or path.suffix == ".ini":
        return True
    return not path.suffix and all(INVENTORY_LINE.match(line) for line in text.splitlines()[:10])


@pytest.fixture(scope="module")
def files():
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    found = [ROOT / name for name in names if name]
    return {str(path.relative_to(ROOT)): path.read_text(errors="ignore") for path in found if path.is_file()}


def test_awx_lists_the_playbooks_alone(files) -> None:
    listed = {name for name, text in files.items() if is_playbook(name, text)}
    assert listed == {name for name in files if re.fullmatch(r"playbooks/\w+\.yml", name)}


def test_awx_lists_the_inventories(files) -> None:
    wanted = {f"inventories/{name}/hosts" for name in ("local", "production", "staging")}
    assert wanted <= {name for name, text in files.items() if is_inventory(name, text)}


@pytest.mark.parametrize(
    "name, text, listed",
    [
        ("a.yml", "- hosts: all\n", True),
        ("x/y/a.yaml", "all:\n  hosts:\n    a:\n", True),
        ("x/a.yml", "- name: x\n  import_playbook: b.yml\n", True),
        ("x/a.yml", "- ansible.builtin.import_playbook: b.yml\n", True),
        ("x/a.yml", "$ANSIBLE_VAULT;1.1;AES256\n", True),
        ("roles/x/files/a.yml", "- hosts: all\n", False),
        ("x/tasks/a.yml", "- hosts: all\n", False),
        (".x/a.yml", "- hosts: all\n", False),
        ("inventories/x/hosts", "all:\n  hosts:\n", False),
        ("x/a.yml", '- "hosts": all\n', False),
        ("x/a.yml", "# hosts: all\n", False),
    ],
)
def test_the_rule_itself(name: str, text: str, listed: bool) -> None:
    assert is_playbook(name, text) == listed
