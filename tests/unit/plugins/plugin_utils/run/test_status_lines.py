"""The report of every state of a host: the state, what is wrong, the lines, and the next commands."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status import Status, next_commands, problems
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status_lines import lines

OLD, NEW = "a" * 64, "b" * 64
PATH = "/srv/mobius/library.json"
BACKUP = "/srv/mobius/backups/library.json.bak.20240924T160000Z"
OLDER = "/srv/mobius/backups/library.json.bak.20240901T160000Z"
TARGET = {"path": BACKUP, "sha256": OLD, "verified": True, "reason": "", "older": None}
GONE = {"path": BACKUP, "sha256": None, "verified": False, "reason": "it is gone", "older": None}
CONTROLLER = {"host": "ctl", "user": "ann", "pid": 4711}


def found(**members: Any) -> Dict[str, Any]:
    """A host with a deployed library and nothing else to report."""
    library = {
        "path": PATH,
        "real_path": PATH,
        "sha256": NEW,
        "size": 12,
        "mode": "0640",
        "owner": "app",
        "group": "app",
    }
    return {
        "host": "games-1",
        "now": "2024-09-24T16:10:00Z",
        "library": {**library, "problem": None, "error": None, **members.pop("library", {})},
        "current": {"deployment": "D", "status": "deployed", "sha256": NEW},
        "as_deployed": True,
        "run": None,
        "writer": None,
        "lock": None,
        "target": TARGET,
        "before": None,
        "maintenance": {"on": False, "flag": f"{PATH}.maintenance", "content": {}},
        "state_error": None,
        **members,
    }


def run(status: Any = None, *, kind: str = "deployment", step: str = "migrate", **members: Any) -> Dict[str, Any]:
    """The last run: ended where it has a status, else open, with its controller on another machine."""
    ended = None if status is None else "2024-09-24T16:05:00Z"
    entry = {"step": step, "at": "2024-09-24T16:01:00Z", "outcome": "changed", "ended_at": "2024-09-24T16:02:00Z"}
    known = {
        **{"id": "R", "kind": kind, "status": status, "started_at": "2024-09-24T16:00:00Z", "ended_at": ended},
        **{"controller": CONTROLLER, "sha256": OLD, "step": entry, "controller_alive": None, "module_alive": None},
        "owed": [],
        **members,
    }
    if "unfinished" not in known:
        same = {name: known.get(name) for name in ("id", "kind", "status", "started_at", "sha256", "backup")}
        known["unfinished"] = {**same, "step": step} if known["owed"] or ended is None else None
    return known


def lease(holder: str = "R", **members: Any) -> Dict[str, Any]:
    times = {"taken_at": "2024-09-24T16:00:00Z", "expires_at": "2024-09-24T16:15:00Z"}
    return {"id": holder, "user": "ann", "host": "games-1", "pid": None, **times, **members}


def flag(by: str, own: bool = True) -> Dict[str, Any]:
    content = {"reason": "A deployment", "deployment": by, "since": "2024-09-24T16:00:00Z"}
    return {"on": True, "flag": f"{PATH}.maintenance", "content": content, "own": own}


def command(playbook: str, extra: Any = None) -> str:
    return " ".join(["ansible-playbook", playbook, *(f"{name}={value}" for name, value in (extra or {}).items())])


DEAD = {"controller_alive": False}
ALL = ["verify", "restart", "health"]
BACK = f"ansible-playbook rollback mobius_backup=sha256:{OLD}"
KEEP = f"ansible-playbook rollback mobius_backup=sha256:{NEW}"
DEPLOY, ROLLBACK, STATUS = "ansible-playbook deploy", "ansible-playbook rollback", "ansible-playbook status"
OFF = "ansible-playbook maintenance mobius_maintenance=off"

# name: what was found, the state, a part of each problem, the commands
TABLE: Dict[str, Any] = {
    "deployed": (found(), "deployed", [], []),
    "deployed, and its run is known": (found(run=run("deployed")), "deployed", [], []),
    "deployed by a version that kept no journal": (found(run=None), "deployed", [], []),
    "deployed, but the backup is gone": (
        found(target={**GONE, "older": OLDER}),
        "deployed",
        ["no rollback is possible"],
        ["ansible-playbook backups"],
    ),
    "nothing known": (found(current={}, as_deployed=False, target=GONE), "none known", [], [DEPLOY]),
    "edited since": (found(as_deployed=False), "edited", [], [DEPLOY, ROLLBACK]),
    "edited since, and the backup is gone": (
        found(as_deployed=False, target=GONE),
        "edited",
        ["no rollback is possible"],
        [DEPLOY, "ansible-playbook backups"],
    ),
    "edited since, and only an older backup is left": (
        found(as_deployed=False, target={**GONE, "older": OLDER}),
        "edited",
        ["no rollback is possible"],
        [DEPLOY, f"{ROLLBACK} mobius_backup={OLDER}"],
    ),
    "edited since it was rolled back, and the backup is gone": (
        found(as_deployed=False, target=GONE, current={"status": "rolled_back", "restored_at": "x", "sha256": OLD}),
        "edited",
        [],
        [DEPLOY, "ansible-playbook backups"],
    ),
    "rolled back by hand": (found(current={"status": "rolled_back", "restored_at": "x"}), "rolled back", [], []),
    "a deployment rolled itself back": (
        found(current={"status": "deployed", "restored_at": "x", "deployment": "P"}, run=run("rolled_back")),
        "rolled back",
        [],
        [],
    ),
    "missing": (
        found(library={"sha256": None}),
        "missing",
        ["is missing"],
        [f"{ROLLBACK} mobius_backup={BACKUP}"],
    ),
    "missing, and the backup as well": (
        found(library={"sha256": None}, target={**GONE, "older": OLDER}),
        "missing",
        ["is missing"],
        ["ansible-playbook backups", f"{ROLLBACK} mobius_backup={OLDER}"],
    ),
    "missing, and there is no backup at all": (
        found(library={"sha256": None}, target=GONE),
        "missing",
        ["is missing"],
        ["ansible-playbook backups"],
    ),
    "unreadable": (
        found(library={"sha256": None, "error": "Permission denied"}),
        "unreadable",
        ["cannot be read: Permission denied"],
        [STATUS],
    ),
    "invalid": (
        found(library={"problem": "line 1 column 7: unexpected end"}, as_deployed=False),
        "invalid",
        ["is not valid JSON: line 1 column 7"],
        [f"{ROLLBACK} mobius_backup={BACKUP}"],
    ),
    "under way on this machine": (found(run=run(controller_alive=True), lock=lease()), "under way", [], [STATUS]),
    "under way from another machine": (found(run=run(), lock=lease()), "under way", [], [STATUS]),
    "under way and not locked yet": (found(run=run(step="preflight")), "under way", [], [STATUS]),
    "under way with maintenance on": (
        found(run=run(controller_alive=True), lock=lease(), maintenance=flag("R")),
        "under way",
        [],
        [STATUS],
    ),
    "killed before it replaced anything": (
        found(run=run(**DEAD, step="backup")),
        "interrupted",
        ["deployment R was interrupted"],
        [DEPLOY],
    ),
    "killed long ago before it took the lock": (
        found(run=run(step="preflight"), now="2024-09-25T16:00:00Z"),
        "interrupted",
        ["deployment R was interrupted"],
        [DEPLOY],
    ),
    "killed after the migration": (
        found(run=run(**DEAD, owed=ALL), before=TARGET),
        "interrupted",
        ["deployment R was interrupted"],
        [DEPLOY, BACK],
    ),
    "killed after the migration, and the bytes of before are gone": (
        found(run=run(**DEAD, owed=ALL), before=GONE),
        "interrupted",
        ["deployment R was interrupted"],
        [DEPLOY],
    ),
    "killed, its lock not expired, its controller on another machine": (
        found(run=run(owed=ALL), lock=lease(), before=TARGET),
        "under way",
        [],
        [STATUS],
    ),
    "killed, its lock expired": (
        found(run=run(owed=ALL), before=TARGET),
        "interrupted",
        ["deployment R was interrupted"],
        [DEPLOY, BACK],
    ),
    "killed, its lock not expired, and seen to be dead": (
        found(run=run(**DEAD, owed=ALL), lock=lease(), before=TARGET),
        "interrupted",
        ["deployment R was interrupted"],
        [f"{DEPLOY} mobius_lock_break=R", f"{BACK} mobius_lock_break=R"],
    ),
    "killed, and a process of it still writes": (
        found(run=run(**DEAD), writer={"pid": 12, "command": "python3"}),
        "interrupted",
        ["deployment R was interrupted"],
        [STATUS],
    ),
    "killed, and its module still works": (
        found(run=run(**DEAD, module_alive=True)),
        "interrupted",
        ["deployment R was interrupted"],
        [STATUS],
    ),
    "killed, and now somebody else holds the lock": (
        found(run=run(**DEAD), lock=lease("by hand")),
        "interrupted",
        ["deployment R was interrupted"],
        [STATUS],
    ),
    "killed in its rollback, before the restart": (
        found(run=run(**DEAD, step="rollback", owed=["restart", "health"])),
        "interrupted",
        ["deployment R was interrupted"],
        [KEEP],
    ),
    "killed rollback": (
        found(run=run(**DEAD, kind="rollback", step="rollback", backup="latest", owed=["restart", "health"])),
        "interrupted",
        ["rollback R was interrupted"],
        [f"{ROLLBACK} mobius_backup=latest"],
    ),
    "killed watch": (
        found(run=run(**DEAD, kind="monitoring", step="watch")),
        "interrupted",
        ["monitoring R was interrupted"],
        ["ansible-playbook monitor"],
    ),
    "killed watch, which had rolled back": (
        found(run=run(**DEAD, kind="monitoring", step="rollback", owed=["restart", "health"])),
        "interrupted",
        ["monitoring R was interrupted"],
        [KEEP],
    ),
    "killed with maintenance on": (
        found(run=run(**DEAD, step="maintenance"), maintenance=flag("R")),
        "interrupted",
        ["deployment R was interrupted", "maintenance mode was left on"],
        [DEPLOY],
    ),
    "rejected": (
        found(run=run("rollback_failed", owed=ALL), before=TARGET),
        "rejected",
        ["the library was rejected and is still in place"],
        [BACK],
    ),
    "rejected, and the bytes of before are gone": (
        found(run=run("rollback_failed", owed=ALL), before={**GONE, "older": OLDER}),
        "rejected",
        ["the library was rejected"],
        [f"{ROLLBACK} mobius_backup={OLDER}"],
    ),
    "rejected, and no backup verifies": (
        found(run=run("rollback_failed", owed=ALL), before=GONE),
        "rejected",
        ["the library was rejected"],
        ["ansible-playbook backups"],
    ),
    "rejected by a watch": (
        found(run=run("rollback_failed", kind="monitoring", owed=["verify", "health"])),
        "rejected",
        ["the rollback of monitoring R failed"],
        [f"{ROLLBACK} mobius_backup={BACKUP}"],
    ),
    "rolled back, and the service is still ill": (
        found(run=run("rolled_back", owed=["restart", "health"])),
        "incomplete",
        ["deployment R left undone: restart, health"],
        [KEEP],
    ),
    "a refused run after a killed one": (
        found(
            run=run(
                "refused",
                owed=ALL,
                unfinished={"id": "K", "kind": "deployment", "status": None, "started_at": "T", "step": "verify"},
            ),
            before=TARGET,
        ),
        "interrupted",
        ["deployment K was interrupted"],
        [DEPLOY, BACK],
    ),
    "maintenance left on after all has ended": (
        found(run=run("deployed"), maintenance=flag("R")),
        "deployed",
        ["maintenance mode was left on"],
        [OFF],
    ),
    "maintenance by hand": (found(maintenance=flag("")), "deployed", [], []),
    "maintenance by a run on another library": (found(maintenance=flag("X", own=False)), "deployed", [], []),
    "locked by hand": (found(lock=lease("by hand")), "deployed", [], [STATUS]),
    "a damaged state": (
        found(current={}, as_deployed=False, state_error="The state is damaged"),
        "none known",
        ["The state is damaged"],
        [DEPLOY],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_state(name: str) -> None:
    facts, state, wrong, commands = TABLE[name]
    status = Status(facts)
    assert status.state == state
    reported = problems(status)
    assert len(reported) == len(wrong), reported
    assert all(part in text for part, text in zip(wrong, reported)), reported
    assert next_commands(status, command) == commands


@pytest.mark.parametrize("name", TABLE)
def test_the_lines_hold_each_fact_and_the_commands(name: str) -> None:
    facts, _state, _wrong, commands = TABLE[name]
    reported = lines(Status(facts), command)
    names = [line[:12].strip() for line in reported]
    for expected in ("library", "state", "run", "writing", "owed", "backup", "lock", "maintenance", "next"):
        assert names.count(expected) == 1, expected
    assert not any("None" in line for line in reported), reported
    assert all(any(each in line for line in reported) for each in commands)


@pytest.mark.parametrize("name", [name for name in TABLE if Status(TABLE[name][0]).is_busy])
def test_where_something_is_at_work_nothing_but_waiting_is_advised(name: str) -> None:
    reported = "\n".join(lines(Status(TABLE[name][0]), command))
    assert "wait" in reported
    for harm in ("mobius_lock_break", "mobius_maintenance", "ansible-playbook deploy", "ansible-playbook rollback"):
        assert harm not in reported


def text(**members: Any) -> List[str]:
    return lines(Status(found(**members)), command)


def test_the_run_line_names_who_started_it_and_its_last_step() -> None:
    job = {"system": "AWX", "id": "42", "url": "https://awx.example.org/#/jobs/playbook/42"}
    reported = text(run=run(**DEAD, controller={**CONTROLLER, "job": job}), lock=lease())
    assert (
        "run          deployment R, started 2024-09-24T16:00:00Z by ann@ctl "
        "(AWX job 42 https://awx.example.org/#/jobs/playbook/42)" in reported
    )
    assert "step         migrate ended 2024-09-24T16:02:00Z (8 min ago): changed" in reported
    assert "controller   process 4711 on ctl is gone" in reported
    assert any(line.startswith("lock         held by R (ann on games-1)") and "dead" in line for line in reported)


def test_a_lock_names_the_job_that_holds_it_and_where_to_see_whether_it_lives() -> None:
    url = "https://awx.example.org/#/jobs/playbook/42"
    job = {"system": "AWX", "id": "42", "url": url, "user": "bob"}
    info = {"started by": "bob@ctl", "job": "AWX 42", "url": url}
    reported = text(run=run(controller={**CONTROLLER, "job": job}, controller_alive=None), lock=lease(info=info))
    assert any(
        line.startswith(f"lock         held by R (ann on games-1, job AWX 42, {url}) since") for line in reported
    )
    assert any(f"by bob@ctl (AWX job 42 {url})" in line for line in reported)
    assert any(f"wait, or see whether AWX job 42 still runs, at {url}" in line for line in reported)


def test_an_earlier_run_that_is_not_completed_is_named_beside_the_last_one() -> None:
    earlier = {"id": "K", "kind": "deployment", "status": None, "step": "verify", "started_at": "T"}
    reported = text(run=run("refused", owed=ALL, unfinished=earlier))
    assert "ended        2024-09-24T16:05:00Z: refused" in reported
    assert "before it    deployment K, started T: interrupted in step verify; it is not completed" in reported


def test_the_library_and_what_keeps_it_from_being_used() -> None:
    reported = text(library={"real_path": "/srv/releases/7/library.json", "problem": "line 3 column 1: unexpected end"})
    assert f"library      {PATH} -> /srv/releases/7/library.json" in reported
    assert f"content      sha256 {NEW}, 12 bytes, not valid JSON (line 3 column 1: unexpected end)" in reported
    assert "access       mode 0640, owner app, group app" in reported
    reported = text(target={**GONE, "older": OLDER})
    assert f"backup       none that can be used: it is gone; the next older one that verifies is {OLDER}" in reported


@pytest.mark.parametrize(
    "current, shown",
    [
        ({}, []),
        ({"fleet": "F1"}, ["fleet        F1"]),
        (
            {"status": "rolled_back", "restored_at": "x", "previous": {"deployment": "D", "fleet": "F1"}},
            ["fleet        F1, rolled back"],
        ),
        # A deployment before this one is not what the library holds.
        ({"previous": {"fleet": "F0"}}, []),
    ],
)
def test_the_fleet_run_of_what_is_deployed_is_named(current: Dict[str, Any], shown: List[str]) -> None:
    known = {"deployment": "D", "status": "deployed", "sha256": NEW, **current}
    reported = lines(Status(found(current=known)), command)
    assert [line for line in reported if line.startswith("fleet")] == shown
