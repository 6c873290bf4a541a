"""The last lines of the playbooks that list, prune and check."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.reports import report

OLD = "/srv/backups/library.json.bak.20240901T160000Z"
NEW = "/srv/backups/library.json.bak.20240924T160000Z"
MAKE = "Back up the current library: ansible-playbook backup"


def command(playbook: str, extra: Any = None) -> str:
    return " ".join(["ansible-playbook", playbook, *(f"{name}={value}" for name, value in (extra or {}).items())])


def backup(path: str, verified: Any = True, **members: Any) -> Dict[str, Any]:
    reason = "the checksum matches" if verified else "its bytes do not match its checksum"
    known = {"created": "2024-09-24T16:00:00Z", "kind": "backup", "size": 1234, "judged": True}
    return {"path": path, "verified": verified, "reason": reason, **known, **members}


def target(path: str = NEW, **members: Any) -> Dict[str, Any]:
    return {"rollback_target": {"path": path, "verified": True, "reason": "", "older": None, **members}}


GONE = {"verified": False, "reason": "its bytes do not match its checksum"}


@pytest.mark.parametrize(
    "backups, deployed, problem, shown",
    [
        ([], target(verified=False, reason="there is none"), f"There is no backup. {MAKE}", ["next         "]),
        ([backup(NEW), backup(OLD)], target(), "", [f"rollback     would use {NEW}"]),
        (
            [backup(NEW, False), backup(OLD)],
            target(**GONE, older=OLD),
            f"1 of 2 backups does not verify: {NEW}. {MAKE}. Remove a damaged one",
            [
                "rollback     can use none: its bytes do not match its checksum",
                f"older        {OLD} (verified)",
                f"next         ansible-playbook rollback mobius_backup={OLD}",
            ],
        ),
        # A rollback uses another file with the same bytes.
        (
            [backup(NEW, False), backup(OLD)],
            target(OLD, reason=f"{NEW} cannot be used; {OLD} has the same bytes."),
            "1 of 2 backups does not verify",
            [f"rollback     would use {OLD} ({NEW} cannot be used"],
        ),
        # Nobody can judge a file without a checksum.
        ([backup(NEW, False, judged=False), backup(OLD)], target(OLD), "", [f"rollback     would use {OLD}"]),
        (
            [backup(NEW, False, judged=False)],
            target(**GONE),
            f"None of the 1 backups verifies. {MAKE}",
            ["rollback     can use none"],
        ),
        (
            [backup(NEW, problem="line 1 column 1: unexpected end")],
            target(verified=False, reason="the library in it is not valid"),
            "",
            ["verified, but it does not hold a valid library: line 1 column 1"],
        ),
        ([backup(NEW, None), backup(OLD)], target(), "", ["not read"]),
    ],
)
def test_backups(backups: List[Any], deployed: Dict[str, Any], problem: str, shown: List[str]) -> None:
    made = report("backups", {"listing": {"backups": backups}, "deployed": deployed}, command)
    assert made.problem.startswith(problem) and bool(made.problem) == bool(problem)
    text = "\n".join(made.lines)
    assert all(part in text for part in shown), text
    damaged = [each["path"] for each in backups if each["verified"] is False]
    assert not any(f"would use {path}" in text for path in damaged)


def test_a_row_has_time_kind_size_path_and_verdict() -> None:
    made = report("backups", {"listing": {"backups": [backup(NEW)]}, "deployed": target()}, command)
    assert made.lines[0] == f"2024-09-24T16:00:00Z  backup       1.2 kB  {NEW}  verified"


PRUNED = {"removed": [{"path": OLD, "reason": "older than 7 days"}], "kept": [{"path": NEW, "reason": "the newest"}]}
NOTHING: Dict[str, Any] = {"removed": [], "kept": []}
FLAG = "/srv/library.json.maintenance"


@pytest.mark.parametrize(
    "kind, results, problem, lines",
    [
        (
            "cleanup",
            {"backups": PRUNED, "logs": NOTHING},
            "",
            [f"removed      {OLD}: older than 7 days", f"kept         {NEW}: the newest"],
        ),
        (
            "cleanup",
            {"backups": NOTHING, "logs": NOTHING},
            "",
            ["removed      nothing: there are no backups and no logs yet"],
        ),
        ("health", {"health": {"result": "pass", "reasons": ["3 good"]}}, "", ["health       pass: 3 good"]),
        ("health", {"health": {"result": "pass", "reasons": []}}, "", ["health       pass"]),
        ("health", {"health": {"skipped": True}}, "", ["health       not checked (mobius_health_check is false)"]),
        ("maintenance", {"maintenance": {"on": False}, "flag": FLAG}, "", [f"maintenance  off: {FLAG}"]),
        (
            "maintenance",
            {"maintenance": {"on": True, "content": {"reason": "by hand", "since": "T"}}, "flag": FLAG},
            "",
            [f"maintenance  on: {FLAG} (since T, by hand)"],
        ),
        (
            "maintenance",
            {"maintenance": {"on": True, "content": {"deployment": "R", "reason": "R works"}}, "flag": FLAG},
            "",
            [f"maintenance  on: {FLAG} (turned on by R, R works)"],
        ),
        (
            "maintenance",
            {"maintenance": {"on": True, "content": {"reason": "R"}, "changed": True}, "flag": FLAG},
            "",
            [f"maintenance  on: {FLAG} (R)"],
        ),
        ("service", {"state": "restarted"}, "", ["service      restarted"]),
        ("verification", {"verification": {"valid": True}}, "", []),
        ("verification", {"verification": {"valid": False, "errors": 1}}, "The library is not valid: 1 problem,", []),
        ("verification", {"verification": {"valid": False, "errors": 3}}, "The library is not valid: 3 problems", []),
    ],
)
def test_the_other_playbooks(kind: str, results: Dict[str, Any], problem: str, lines: List[str]) -> None:
    made = report(kind, results, command)
    assert made.lines == lines
    assert made.problem.startswith(problem) and bool(made.problem) == bool(problem)


@pytest.mark.parametrize(
    "kind, results, lines",
    [
        (
            "cleanup",
            {"backups": PRUNED, "logs": NOTHING},
            [f"would go     {OLD}: older than 7 days", f"would stay   {NEW}: the newest"],
        ),
        (
            "maintenance",
            {"maintenance": {"on": True, "content": {"reason": "by hand"}, "changed": True}, "flag": FLAG},
            [f"maintenance  would be on: {FLAG} (by hand)"],
        ),
        (
            "maintenance",
            {"maintenance": {"on": False, "changed": True}, "flag": FLAG},
            [f"maintenance  would be off: {FLAG}"],
        ),
        # Only looked at.
        ("maintenance", {"maintenance": {"on": False, "changed": False}, "flag": FLAG}, [f"maintenance  off: {FLAG}"]),
        ("health", {"health": {"result": "pass", "reasons": []}}, ["health       pass"]),
    ],
)
def test_check_mode_reports_what_would_be_done(kind: str, results: Dict[str, Any], lines: List[str]) -> None:
    assert report(kind, results, command, check_mode=True).lines == lines


ENTRY = {
    **{"number": 7, "id": "R7", "kind": "deployment", "status": "refused", "failed_step": "backup"},
    **{"ended_at": "2024-09-24T16:00:00Z", "sha256": "a" * 64, "versions": {"collection": "1.0.0", "pillow": "12.1.0"}},
    "controller": {"user": "root", "host": "ctl", "job": {"system": "AWX", "id": "42", "user": "bob"}},
}
BARE = {"number": 8, "id": "R8\n", "kind": "rollback", "status": "restored"}


def history(*entries: Any, problems: Any = (), notes: Any = (), form: str = "table"):
    found = {"entries": list(entries), "problems": list(problems), "notes": list(notes)}
    return report("history", {"history": found, "format": form}, command)


def test_the_history_is_a_table() -> None:
    made = history(ENTRY, BARE, notes=["cut off"])
    assert made.problem == ""
    assert made.lines == [
        "#  ended                 run         outcome           by       job     version  pillow  library       id",
        "7  2024-09-24T16:00:00Z  deployment  refused (backup)  bob@ctl  AWX 42  1.0.0    12.1.0  aaaaaaaaaaaa  R7",
        "8  -                     rollback    restored          -        -       -        -       -             R8?",
        "note         cut off",
    ]
    assert history().lines == ["history      no run is known"]


def test_the_history_is_json() -> None:
    assert json.loads("\n".join(history(ENTRY, BARE, notes=["cut off"], form="json").lines)) == [ENTRY, BARE]
    assert json.loads("\n".join(history(form="json").lines)) == []


def test_a_history_that_was_changed_fails_its_playbook_after_its_lines() -> None:
    made = history(ENTRY, problems=[f"entry {number} was changed" for number in range(9)])
    assert len(made.lines) == 2
    assert made.problem.startswith("The history was changed after the runs wrote it: entry 0 was changed; entry 1")
    assert "entry 4 was changed; ..." in made.problem and "entry 5" not in made.problem
