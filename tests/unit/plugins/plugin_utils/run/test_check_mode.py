"""Check mode predicts, and never names a file that does not exist."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.end import facts
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.lines import lines
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.next_steps import next_commands
from ansible_collections.mobius.dhash.tests.support.stories import (
    BACKUP,
    EVIDENCE,
    LOG,
    NO_ROLLBACK_TARGET,
    OLD,
    PATH,
    SNAPSHOT,
    Story,
    end,
    flag,
    found,
)


def checked(kind: str = "deployment") -> Story:
    return Story(kind, check_mode=True)


def gate(result: str, *, fails: bool) -> Story:
    story = checked("monitoring").step("state")
    members = {"result": result, "reasons": ["too slow"], "summary": ["avg_hash_time: worst 80 ms"]}
    return story.failed("watch", "x", **members) if fails else story.step("watch", **members)


PREDICTED = found(OLD, log=None, report=None, state={"rollback_target": NO_ROLLBACK_TARGET})
NOTHING = "Nothing was changed."

CASES = {
    "would deploy": (
        checked().prepared().migrated(sha256_after=None),
        [
            f"Check mode: would deploy {PATH}: 58 images to hash. {NOTHING}",
            "items        60: 58 hashed now, 0 as before, 2 without a dHash",
            "review       4 of low confidence",
        ],
    ),
    "would change nothing": (
        checked().prepared_as_deployed().unchanged(),
        [
            f"Check mode: would change nothing in {PATH}.",
            "items        60: 0 hashed now, 60 as before, 0 without a dHash",
            "review       0 of low confidence",
        ],
    ),
    "nothing to hash with": (
        checked().prepared(),
        [f"Check mode: the Python environment does not exist yet, so nothing can be predicted. {NOTHING}"],
    ),
    "would be refused": (
        checked().failed("preflight", "no space"),
        [f'Check mode: would fail in step "preflight": no space. {NOTHING}'],
    ),
    "would fail in the migration": (
        checked().prepared().failed("migrate", "4 of 8 pictures").restored(outcome="ok"),
        [f'Check mode: would fail in step "migrate": 4 of 8 pictures. {NOTHING}'],
    ),
    "would fail, and the rollback fails too": (
        checked().prepared().failed("migrate", "4 of 8 pictures").not_restored("no such backup"),
        [f'Check mode: would fail in step "migrate": 4 of 8 pictures. {NOTHING}'],
    ),
    "would roll back": (
        checked("rollback").restored(),
        [
            f"Check mode: would roll back {PATH} to {BACKUP}. {NOTHING}",
            *(f"library      {PATH}", f"from         {BACKUP}"),
        ],
    ),
    "would roll back an edit": (
        checked("rollback").restored(edited=True),
        [
            f"Check mode: would roll back {PATH} to {BACKUP}. {NOTHING}",
            "edit         the library was edited since it was deployed; the edit would be kept in a snapshot",
            *(f"library      {PATH}", f"from         {BACKUP}"),
        ],
    ),
    "nothing to roll back": (
        checked("rollback").restored(outcome="ok"),
        [
            f"Check mode: nothing to roll back in {PATH}.",
            *(f"library      {PATH}", f"from         {BACKUP}"),
        ],
    ),
    "no backup to roll back to": (
        checked("rollback").failed("rollback", "The backup does not exist"),
        [f'Check mode: would fail in step "rollback": The backup does not exist. {NOTHING}'],
    ),
    "watch passes": (
        gate("pass", fails=False),
        ["Check mode: pass: too slow. Would roll back nothing.", "avg_hash_time: worst 80 ms"],
    ),
    "watch holds": (
        gate("inconclusive", fails=False),
        ["Check mode: hold: too slow. Would roll back nothing.", "avg_hash_time: worst 80 ms"],
    ),
    "watch fails": (
        gate("fail", fails=True),
        [f"Check mode: fail: too slow. Would roll back {PATH}. {NOTHING}"],
    ),
    "watch is refused": (
        checked("monitoring").failed("state", "damaged"),
        [f'Check mode: would fail in step "state": damaged. {NOTHING}'],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_check_mode_reports_what_would_happen(name: str) -> None:
    story, reported = CASES[name]
    made = end(story, PREDICTED)
    assert lines(made) == reported
    assert next_commands(made) == []
    text = "\n".join(reported) + str(facts(made))
    assert not any(path in text for path in (SNAPSHOT, LOG, EVIDENCE))
    assert facts(made)["backup"] == ""
    assert made.run.status == "refused" or "Deployed." not in text


def test_an_inconclusive_watch_that_would_roll_back_is_reported() -> None:
    made = end(gate("inconclusive", fails=True), PREDICTED, on_inconclusive="rollback")
    assert lines(made) == [f"Check mode: inconclusive: too slow. Would roll back {PATH}. {NOTHING}"]


def test_maintenance_that_is_already_on_is_reported() -> None:
    made = end(checked().prepared().migrated(), {**PREDICTED, "maintenance": flag("someone", own=False)})
    assert lines(made)[-1].startswith("maintenance  STILL ON: ")
