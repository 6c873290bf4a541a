"""library_duplicates as Ansible runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.mobius.dhash.tests.support import plays

HASH, NEAR, ZERO = "0f1e2d3c4b5a6978", "0f1e2d3c4b5a697b", "0" * 16


def task(expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    return plays.task("library_duplicates", expect, path="{{ path }}", **arguments)


TASKS = [
    *task(
        [
            "result is not changed",
            "result.pairs == 1 and result.groups | length == 1 and result.groups[0].distance == 0",
            "result.groups[0].members[1] == {'pointer': '/components/1', 'image': odd, 'dhash': hash}",
            "result.flat | length == 2 and result.same_file_count == 1 and result.item_count == 6",
        ]
    ),
    *task(["result.pairs == 3 and result.groups[1].distance == 2"], distance="3"),
    *task(["result is changed and result.diff | length > 0"], dest="{{ out }}", check_mode=True, diff=True),
    *task(["result is changed and result.dest == out"], dest="{{ out }}", include_images="yes"),
    *task(["result is not changed"], dest="{{ out }}", include_images=True, service_url=""),
    *task(["result is changed and result.diff is not defined"], dest="{{ out }}.csv", format="csv"),
    *task(["result is failed", "'Invalid distance' in result.msg"], distance=11, ignore_errors=True),
    *task(["result is failed"], dest="{{ path }}", ignore_errors=True),
]


def test_one_play(tmp_path: Path) -> None:
    odd = "{{ 7 * 7 }} <b>\u202e.png"
    rows = [("a.png", HASH), (odd, HASH), ("a.png", HASH), ("c.png", NEAR), ("flat.png", ZERO), ("f2.png", ZERO)]
    items = [{"image": image, "dhash": dhash} for image, dhash in rows]
    (tmp_path / "library.json").write_text(json.dumps({"components": items}))
    values = {
        "path": str(tmp_path / "library.json"),
        "out": str(tmp_path / "out.html"),
        "odd": odd.replace("\u202e", "\\u202e").replace("{{", "{" + "{"),
        "hash": HASH,
    }
    done = plays.play(tmp_path, TASKS, **{**values, "odd": {"__ansible_unsafe": values["odd"]}})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "&lt;b&gt;" in (tmp_path / "out.html").read_text()
