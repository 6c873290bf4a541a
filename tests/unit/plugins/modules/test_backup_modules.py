"""The backup modules as Ansible runs them: one play, values as strings the way extra vars bring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.mobius.dhash.tests.support import plays


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    return plays.task(module, expect, path="{{ path }}", **arguments)


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
    {"ansible.builtin.file": {"path": "{{ path }}.flag", "state": "touch"}},
    *task(
        "maintenance_mode",
        ["result is not changed", "result.on", "result.content.reason == 'made by hand'"],
        flag="{{ path }}.flag",
        deployment="1",
    ),
]


def test_one_play_over_every_module(tmp_path: Path) -> None:
    library = tmp_path / "a library.json"
    library.write_text("{}")
    given = {"path": str(library), "mode": "0600", "ttl": "60", "no": "false", "days": "0"}
    done = plays.play(tmp_path, TASKS, "--diff", **given)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert library.read_text() == "[1]"
    (backup,) = (each for each in (tmp_path / "backups").iterdir() if each.suffix not in (".sha256", ".meta"))
    assert backup.read_text() == "[1]"
    # The diff names files, never their content.
    assert "sha256=" in done.stdout
    assert '"[2]"' not in done.stdout
