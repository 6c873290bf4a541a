"""The backup modules as Ansible runs them: one play, values as strings the way extra vars bring them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    """Run a module and check its result, both as tasks."""
    options = {name: arguments.pop(name) for name in ("check_mode", "diff", "ignore_errors") if name in arguments}
    return [
        {f"mobius.dhash.{module}": {"path": "{{ path }}", **arguments}, "register": "result", **options},
        {"ansible.builtin.assert": {"that": expect, "quiet": True}},
    ]


TASKS = [
    *task("library_backup", ["result is changed", "result.backup.size == 2"], check_mode=True),
    *task("library_backup_info", ["result is not changed", "result.backups == []"]),
    *task("library_backup", ["result is changed", "result.backup.verified"], mode="{{ mode }}", diff=True),
    *task("library_backup", ["result is not changed"]),
    *task(
        "library_lock", ["result is changed", "result.holder.id == '1'"], holder="1", ttl="{{ ttl }}", force="{{ no }}"
    ),
    *task("library_lock", ["result is not changed"], holder="1"),
    *task("library_lock", ["result is failed", "'locked by 1' in result.msg"], holder="2", ignore_errors=True),
    *task("library_backup", ["result is failed", "'force=true' in result.remedy"], ignore_errors=True),
    {"ansible.builtin.shell": "printf '[1]' > '{{ path }}'"},
    *task("library_backup", ["result is changed"], deployment="1"),
    {"ansible.builtin.shell": "printf '[2]' > '{{ path }}'"},
    *task(
        "library_restore",
        ["result is changed", "result.snapshot is match('.*pre-restore')"],
        deployment="1",
        check_mode=True,
        diff=True,
    ),
    *task("library_restore", ["result is changed", "result.size == 3"], deployment="1", diff=True),
    *task("library_restore", ["result is not changed", "result.snapshot is none"], deployment="1"),
    *task("library_restore", ["result is failed"], deployment="1", backup="nosuch", ignore_errors=True),
    *task(
        "library_backup_info",
        [
            "result.backups | length == 3 and result.backups[0].judged",
            "result.backups[0].line is match('.*Z  snapshot')",
        ],
    ),
    *task("library_backup_info", ["result.backups | length == 3"], verify="{{ no }}"),
    *task(
        "library_backup_prune",
        ["result.removed | length == 2", "result.kept | length == 1"],
        keep_days="{{ days }}",
        deployment="1",
        check_mode=True,
        diff=True,
    ),
    *task("library_backup_prune", ["result.removed | length == 2"], keep_days="{{ days }}", deployment="1"),
    *task("library_backup_prune", ["result is not changed"], keep_days="{{ days }}", deployment="1"),
    *task("library_backup_prune", ["result is failed"], keep_days="-1", deployment="1", ignore_errors=True),
    *task("library_lock", ["result is changed", "result.holder is none"], holder="1", state="absent"),
    *task("library_lock", ["result is not changed"], holder="1", state="absent"),
    *task("library_backup", ["result is failed", "'quote it' in result.remedy"], mode="416", ignore_errors=True),
]


def test_one_play_over_every_module(tmp_path: Path) -> None:
    library = tmp_path / "a library.json"
    library.write_text("{}")
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": TASKS}
    (tmp_path / "play.json").write_text(json.dumps([play]))
    variables = [f"path={str(library)!r}", "mode=0600", "ttl=60", "no=false", "days=0"]
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(tmp_path / "play.json")]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable}), "--diff"]
    command += [word for variable in variables for word in ("-e", variable)]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert library.read_text() == "[1]"
    (backup,) = (each for each in (tmp_path / "backups").iterdir() if each.suffix not in (".sha256", ".meta"))
    assert backup.read_text() == "[1]"
    # The diff names files, never their content.
    assert "sha256=" in done.stdout
    assert '"[2]"' not in done.stdout


@pytest.mark.parametrize("name", ["backup", "backup_info", "restore", "backup_prune", "lock"])
def test_the_documentation_renders(name: str) -> None:
    command = [str(Path(sys.executable).with_name("ansible-doc")), "--json", f"mobius.dhash.library_{name}"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    documented = json.loads(done.stdout)[f"mobius.dhash.library_{name}"]
    assert {"check_mode", "diff_mode", "platform"} <= set(documented["doc"]["attributes"])
    assert documented["return"]
    assert f"mobius.dhash.library_{name}:" in documented["examples"]
