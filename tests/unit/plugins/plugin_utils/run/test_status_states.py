"""The report of every state of a host: the state, what is wrong, and the next commands."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status import Status, next_commands, problems
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.status_lines import lines
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.status_hosts import (
    ALL,
    BACK,
    BACKUP,
    DEAD,
    DEPLOY,
    GONE,
    KEEP,
    OFF,
    OLD,
    OLDER,
    ROLLBACK,
    STATUS,
    TARGET,
    command,
    flag,
    found,
    lease,
    run,
)

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
