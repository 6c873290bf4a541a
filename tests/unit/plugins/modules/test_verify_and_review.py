"""library_verify and review_export as Ansible runs them, on a library that dhash_migrate made."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.mobius.dhash.tests.support import plays
from PIL import Image


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    return plays.task(module, expect, path="{{ path }}", **arguments)


def edit(old: str, new: str) -> Dict[str, Any]:
    return {"ansible.builtin.replace": {"path": "{{ path }}", "regexp": old, "replace": new}}


SAMPLE = {"sample": "{{ five }}", "image_root": "{{ images }}"}
REVIEW = {"dest": "{{ review }}", "include_images": "{{ yes_ }}", "image_root": "{{ images }}"}
TASKS = [
    *task("library_verify", ["result.valid", "result.unmigrated == 6", "result is not changed"]),
    *task(
        "library_verify",
        ["result is failed", "'never migrated' in result.msg", "result.lines[1] is match('items +6: 0 with')"],
        complete="always",
        ignore_errors=True,
    ),
    *task("review_export", ["result.unmigrated == 6", "result.item_count == 0"], dest="{{ review }}", check_mode=True),
    *task("dhash_migrate", ["result is changed"], image_root="{{ images }}", max_failure_rate=50),
    *task(
        "library_verify",
        [
            "result.valid and result.with_dhash == 4 and result.item_count == 6 and result.problems == []",
            "result.sampled == 4 and result.second_opinion is match('ImageHash')",
            "result.against is match('.*library.json.bak.*')",
        ],
        against="deployment",
        **SAMPLE,
    ),
    *task("library_verify", ["result.valid"], against="latest", check_mode=True),
    *task("review_export", ["result is changed", "result.item_count == 3"], **REVIEW, check_mode=True, diff=True),
    *task(
        "review_export", ["result is changed", "result.item_count == 3", "result.dest == review"], **REVIEW, diff=True
    ),
    *task("review_export", ["result is not changed", "result.mode == '0640'"], **REVIEW),
    *task(
        "review_export",
        ["result is changed", "result.item_count == 0"],
        dest="{{ review }}.csv",
        format="csv",
        threshold="{{ zero }}",
    ),
    *task("review_export", ["result is failed"], dest="{{ path }}", ignore_errors=True),
    *task("review_export", ["result is failed"], dest="{{ review }}", threshold="7", ignore_errors=True),
    edit('"plain 1"', '"changed"'),
    *task(
        "library_verify",
        [
            "result is failed and not result.valid and result.errors == 1",
            "result.problems[0].kind == 'changed' and result.problems[0].pointer == '/components/1'",
            "'/components/1' in result.msg",
        ],
        against="deployment",
        ignore_errors=True,
    ),
    *task(
        "library_verify",
        ["result is not failed and not result.valid and result.errors == 1"],
        against="deployment",
        fail_on_problems="{{ no_ }}",
    ),
    edit(r"\}\s*\Z", "} NaN"),
    *task(
        "library_verify",
        ["result.problems[0].kind == 'trailing-garbage'", "result.item_count is none", "result.problems[0].line > 1"],
        fail_on_problems=False,
    ),
    *task("review_export", ["result is failed", "'line' in result.msg"], dest="{{ review }}", ignore_errors=True),
]


def draw(folder: Path) -> None:
    rng = random.Random(1)
    for number in range(3):
        image = Image.new("L", (9, 8))
        image.putdata([rng.randrange(256) for _unused in range(72)])
        image.resize((180, 160), Image.Resampling.NEAREST).save(folder / f"{number}.png")
    Image.new("RGB", (64, 64), (90, 90, 90)).save(folder / "flat.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")


def test_one_play_over_both(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    draw(images)
    names = ["0.png", "1.png", "/2.png", "flat.png", "broken.png", "missing.png"]
    items = [{"name": f"plain {n}", "image": name} for n, name in enumerate(names)]
    library = tmp_path / "library.json"
    library.write_text(json.dumps({"components": items}, indent=2))
    values = {"path": str(library), "images": str(images), "review": str(tmp_path / "out" / "review.html")}
    # Extra vars arrive as strings.
    done = plays.play(tmp_path, TASKS, **values, five="5", zero="0", yes_="true", no_="false")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    page = (tmp_path / "out" / "review.html").read_text()
    assert page.count("<img ") == 1 and "plain 4" in page and "plain 0" not in page
