"""review_apply and review_export as Ansible runs them, through the playbook and as modules."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.mobius.dhash.tests.support import plays
from ansible_collections.mobius.dhash.tests.support.places import ROOT

PLAYBOOK = str(ROOT / "playbooks" / "review_apply.yml")


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    return plays.task(module, expect, path="{{ path }}", **arguments)


# As people write it: older cores read JSON in a template as a document.
CONTENT = "{{ lookup('ansible.builtin.file', file) }}"
TASKS = [
    *task("review_apply", ["result is failed"], ignore_errors=True),
    *task("review_apply", ["result is failed"], ignore_errors=True, src="{{ file }}", content="x"),
    *task(
        "review_apply", ["result is failed", "'None of the 1 dec' in result.msg"], ignore_errors=True, content=CONTENT
    ),
    *task(
        "review_apply",
        ["result is changed and result.applied == 1 and result.sha256_after is none", "'accept' in result.diff.after"],
        content=CONTENT,
        by="Ann",
        check_mode=True,
        diff=True,
    ),
    *task("review_apply", ["result is changed", "result.low_confidence == 1"], content=CONTENT, by="Ann"),
    *task("review_apply", ["result is not changed", "result.unchanged == 1"], src="{{ file }}", by="Ann"),
    *task("review_export", ["result.item_count == 1 and result.settled == 1"], dest="{{ csv }}", format="csv"),
]


def test_a_review_through_modules_and_playbook(tmp_path: Path) -> None:
    items = [{"image": f"{n}.png", "dhash": f"{n:016x}", "dhash_confidence": 0.1} for n in (1, 2)]
    library, decisions, export = (tmp_path / name for name in ("library.json", "decisions.json", "review.csv"))
    library.write_text(json.dumps({"components": items}, indent=1))
    row = {"pointer": "/components/0", "dhash": f"{1:016x}", "decision": "accept"}
    decisions.write_text(json.dumps({"format": "mobius.dhash/review-decisions", "version": 1, "decisions": [row]}))
    done = plays.play(tmp_path, TASKS, path=str(library), file=str(decisions), csv=str(export))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    # The spreadsheet takes part in the same round trip.
    rows = list(csv.DictReader(io.StringIO(export.read_text(), newline="")))
    rows[0].update(decision="leave out", comment="=odd")
    with export.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    values = {"mobius_library_path": str(library), "mobius_review_decisions": str(export), "mobius_review_by": "Bob"}
    done = plays.playbook(tmp_path, PLAYBOOK, **values)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "decisions 1 applied, 0 there already, 0 refused" in done.stdout
    review = json.loads(library.read_text())["components"][1]["dhash_review"]
    assert (review["decision"], review["by"], review["comment"]) == ("leave_out", "Bob", "=odd")
    done = plays.playbook(tmp_path, PLAYBOOK, mobius_library_path=str(library))
    assert done.returncode != 0 and "mobius_review_decisions=FILE" in done.stdout
