"""dhash_migrate and dhash_dry_run as Ansible runs them: extra vars as strings, check mode, diff, no Pillow."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import HASHING
from ansible_collections.mobius.dhash.tests.support import plays
from PIL import Image


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    return plays.task(module, expect, **{"path": "{{ path }}", "image_root": "{{ images }}", **arguments})


STRINGS = {
    "max_failure_rate": "{{ rate }}",
    "workers": "{{ one }}",
    "image_timeout": "{{ one }}0",
    "items": "{{ items_ }}",
}
TASKS = [
    *task(
        "dhash_dry_run",
        [
            "result is not changed",
            "result.item_count == 5 and result.to_hash == 4 and result.failed_items == 2 and result.exact",
            "result.would_fail and result.projected_seconds > 0",
            "'40.00 %' in result.refusal and result.lines | length == 4",
            "result.report == images | dirname ~ '/migrate-dryrun.json'",
        ],
    ),
    *task(
        "dhash_migrate",
        ["result is failed", "'40.00 %' in result.msg", "result.remedy | length > 0"],
        ignore_errors=True,
    ),
    *task(
        "dhash_migrate",
        ["result is changed", "result.sha256_after is none", "result.unchanged == 3", "'dhash=' in result.diff.after"],
        check_mode=True,
        diff=True,
        **STRINGS,
    ),
    *task(
        "dhash_migrate",
        [
            "result is changed and result is not failed",
            "result.item_count == 5 and result.unchanged == 3 and result.failed_items == 2",
            "result.failures | map(attribute='reason') | list == ['not-a-picture', 'missing']",
            "result.backup.verified",
        ],
        diff=True,
        **STRINGS,
    ),
    *task("dhash_migrate", ["result is not changed", "result.unchanged == 3", "result.backup is undefined"], **STRINGS),
    *task(
        "dhash_migrate",
        [
            "result is not failed",
            "result.verified.valid and result.verified.sampled == 3",
            "result.verified.step_seconds > 0",
        ],
        verify={"sample": 5},
        **STRINGS,
    ),
    # What the verification finds is its own result; that it fails is for the task of the verification to say.
    *task(
        "dhash_migrate",
        ["result is not failed", "result.verified.failed and 'schema' in result.verified.msg"],
        verify={"schema": "{{ images }}/no-schema.json"},
        **STRINGS,
    ),
    *task("dhash_migrate", ["result.verified is undefined"], verify={}, check_mode=True, **STRINGS),
    *task(
        "run_prepare",
        ["result.preflight.as_deployed", "result.dry_run.item_count == 5", "result.dry_run.step_seconds > 0"],
        steps=["preflight"],
        dry_run={"sample": 3},
        **STRINGS,
    ),
    *task(
        "dhash_migrate",
        ["result is failed", "'Pillow' in result.msg and 'pip install' in result.msg"],
        ignore_errors=True,
        vars={"ansible_python_interpreter": "{{ bare_python }}"},
    ),
    # A short header masks nothing else.
    *task(
        "run_prepare",
        ["result is failed", "'127.0.0.1:9' in result.msg"],
        steps=["preflight"],
        health={"url": "http://127.0.0.1:9/health", "headers": {"X-Api-Version": "2"}},
        ignore_errors=True,
        **STRINGS,
    ),
    # A whole preparation, and nothing to change: the library is migrated and verified in the same call.
    *task(
        "run_prepare",
        ["not result.unchanged", "result.dry_run.migrated.verified.failed"],
        dry_run={},
        verify={"schema": "{{ images }}/no-schema.json"},
        **STRINGS,
    ),
    *task("run_prepare", ["not result.unchanged", "result.dry_run.migrated is undefined"], dry_run={}, **STRINGS),
    *task(
        "run_prepare",
        [
            "result.unchanged and result is not changed",
            "result.dry_run.migrated is not changed and result.dry_run.migrated.unchanged == 3",
            "result.dry_run.migrated.verified.valid and result.dry_run.migrated.verified.sampled == 3",
        ],
        dry_run={},
        verify={"sample": 5},
        **STRINGS,
    ),
    *task("dhash_migrate", ["result is failed", "'selector' in result.msg"], items=["a[0]"], ignore_errors=True),
    *task("dhash_migrate", ["result is failed", "'image root' in result.msg"], image_root="/no", ignore_errors=True),
]


@pytest.fixture
def values(tmp_path: Path) -> Dict[str, str]:
    images = tmp_path / "images {{ odd }} 'é"
    images.mkdir()
    for number in range(3):
        dice = random.Random(number)
        image = Image.frombytes("L", (9, 8), bytes(dice.randrange(256) for _unused in range(72)))
        image.resize((180, 160), Image.Resampling.NEAREST).save(images / f"{number}.png")
    (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    names = ["0.png", "1.png", "/2.png", "broken.png", "missing.png"]
    library = tmp_path / "library.json"
    library.write_text(json.dumps({"games": [{"components": [{"image": name} for name in names]}]}, indent=2))
    bare = tmp_path / "bare_python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    return {
        "path": str(library),
        "images": str(images),
        "bare_python": str(bare),
        "rate": "40",
        "one": "1",
        "items_": "games[].components[]",
    }


def test_one_play_over_both(tmp_path: Path, values: Dict[str, str]) -> None:
    given = {name: {"__ansible_unsafe": value} for name, value in values.items()}
    done = plays.play(tmp_path, TASKS, **given)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    items = json.loads(Path(values["path"]).read_text())["games"][0]["components"]
    assert [len(item.get("dhash", "")) for item in items] == [16, 16, 16, 0, 0]
    report = json.loads((tmp_path / "migrate-dryrun.json").read_text())
    assert report["item_count"] == 5


@pytest.mark.parametrize("name", ["dhash_migrate", "dhash_dry_run"])
def test_the_documentation_matches_the_arguments(name: str) -> None:
    documented = plays.documented(name)[name]
    options = documented["doc"]["options"]
    for option, spec in HASHING.items():
        for key in ("type", "default", "choices", "elements", "required"):
            assert (options[option].get(key) or None) == (spec.get(key) or None), (option, key)
    assert yaml.safe_load(documented["examples"])
    assert documented["return"]["item_count"]["sample"] == 60
