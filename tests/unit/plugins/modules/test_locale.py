"""Every module that names files, under locales that are not UTF-8: the same bytes on disk, the same library."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.tests.support.locales import ASCII, interpreter, latin1
from ansible_collections.mobius.dhash.tests.support.plays import play
from PIL import Image

NAMES = ["Müller.png", "日本.png", "Mu\u0308ller 2.png", "plain.png"]


def tasks(python: str) -> List[Dict[str, Any]]:
    """Each step in the 8-bit locale, after a first migration in the usual one."""
    variables = {"ansible_python_interpreter": python}

    def step(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
        where = arguments.pop("vars", variables)
        call = {f"mobius.dhash.{module}": {"path": "{{ path }}", **arguments}, "register": "result", "vars": where}
        return [call, {"ansible.builtin.assert": {"that": expect, "quiet": True, "fail_msg": "{{ result | to_json }}"}}]

    utf8 = {"ansible_python_interpreter": sys.executable}
    images = {"image_root": "{{ images }}"}
    log = {"log_dir": "{{ logs }}"}
    return [
        *step("dhash_migrate", ["result is changed and result.with_dhash == 4"], **images, **log, vars=utf8),
        *step("dhash_migrate", ["result is not changed and result.with_dhash == 4"], **images, **log),
        *step("dhash_migrate", ["result.unchanged + result.hashed == 4"], rehash="all", **images, **log),
        *step("dhash_dry_run", ["result.failed_items == 0"], report="{{ logs }}/trocken-ü.json", **images, **log),
        *step(
            "library_verify",
            ["result.problems | length == 0 and result.warnings | default([]) | length == 0"],
            sample=4,
            **images,
        ),
        *step("library_backup", ["result.backup.path is exists"], backup_dir="{{ path | dirname }}/Sicherungen-ü"),
        *step(
            "library_restore",
            ["result is not failed"],
            backup="latest",
            backup_dir="{{ path | dirname }}/Sicherungen-ü",
        ),
        *step(
            "review_export",
            ["result is not failed"],
            dest="{{ logs }}/Durchsicht-ü.html",
            threshold=1.0,
            include_images=True,
            **images,
        ),
        *step("dhash_share_plan", ["result.pictures == 0"], **images),
    ]


@pytest.fixture(params=["latin1", "ascii", "ioencoding"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Dict[str, str]:
    if request.param == "ascii":
        return ASCII
    more = {"PYTHONUTF8": "0"} if request.param == "latin1" else {"PYTHONIOENCODING": "latin-1"}
    return {**latin1(tmp_path), **more}


def test_the_locale_of_a_host_changes_nothing(tmp_path: Path, environment: Dict[str, str]) -> None:
    folder = tmp_path / "Bücher"
    images = folder / "images-ß"
    images.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        dice = random.Random(number)
        image = Image.frombytes("L", (9, 8), bytes(dice.randrange(256) for _unused in range(72)))
        image.resize((180, 160), Image.Resampling.NEAREST).save(images / name)
    library = folder / "Bücherei.json"
    library.write_text(json.dumps([{"image": name} for name in NAMES]), encoding="utf-8")
    values = {"path": str(library), "images": str(images), "logs": str(folder / "Protokolle-é")}
    done = play(tmp_path, tasks(interpreter(tmp_path / "py", sys.executable, environment)), **values)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    items = json.loads(library.read_text(encoding="utf-8"))
    assert [len(item.get("dhash", "")) for item in items] == [16] * 4
    assert not any("dhash_legacy" in item for item in items)
    names = [name for _folder, folders, files in os.walk(os.fsencode(folder)) for name in folders + files]
    assert {"Sicherungen-ü", "Protokolle-é", "Durchsicht-ü.html", "trocken-ü.json"} <= {name.decode() for name in names}
    # No name on disk is anything but UTF-8, and none was spelled twice.
    assert not [name for name in names if b"\xc3\x83" in name]
