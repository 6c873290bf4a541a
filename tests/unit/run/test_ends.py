"""Every end of a run: its status, every line that the operator reads, what is owed, and the next commands."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.finish import failure_of
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.lines import lines
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import GOOD
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.next_steps import next_commands
from stories import (
    BACKUP,
    EDIT,
    EVIDENCE,
    ID,
    LOCK,
    LOG,
    NEW,
    NO_ROLLBACK_TARGET,
    OLD,
    OLDER,
    PATH,
    SNAPSHOT,
    Story,
    end,
    flag,
    found,
)

ALL = ["verify", "restart", "health"]
RETURN = f"rollback mobius_backup=sha256:{OLD}"
SERVICE = "service mobius_service_state=restarted"
OFF = "maintenance mobius_maintenance=off"
ITEMS = "items        60: 58 hashed now, 0 as before, 2 without a dHash"
NO_ITEMS = "items        60: 0 hashed now, 60 as before, 0 without a dHash"
UNKNOWN = (
    f"library      {PATH}: unknown, because the host cannot be reached. The file is complete: it holds the bytes from "
    f"before (sha256 {OLD}) or the migrated ones"
)
UNKNOWN_LOCK = "lock         unknown; if this run holds it, it expires 900 s after the run's last step"


class Ended(NamedTuple):
    """``obligations``: what is owed, and what is settled."""

    story: Story
    found: Dict[str, Any]
    status: str
    lines: List[str]
    next: List[str]
    obligations: Tuple[List[str], List[str]]
    settings: Dict[str, Any] = {}


def state(library: str, *, backup: str = f"{BACKUP} (verified)", lock: str = "free", evidence: str = EVIDENCE):
    kept = [f"evidence     {evidence}"] if evidence else []
    return [
        *(f"library      {PATH}: {library}", f"backup       {backup}", f"lock         {lock}"),
        *("maintenance  off", *kept, f"report       {LOG}"),
    ]


def lost(evidence: str = EVIDENCE):
    kept = [f"evidence     {evidence}"] if evidence else []
    return [
        *(UNKNOWN, "backup       unknown", UNKNOWN_LOCK, "maintenance  unknown"),
        *(*kept, "report       could not be written"),
    ]


def summary(items: str, health: str, undo: str = "rollback", backup: str = f"{BACKUP} (verified)"):
    return [
        *(items, f"review       {0 if '60 as before' in items else 4} of low confidence: review_export"),
        *(f"health       {health}", f"library      {PATH}", f"backup       {backup}", f"report       {LOG}"),
        f"undo         {undo}",
    ]


GOOD_HEALTH = "3 of 3 answers were good"
AS_BEFORE = f"the bytes from before (sha256 {OLD})"
REJECTED = f"migrated, but rejected or not verified (sha256 {NEW})"
BACK = f"Rolled back: {PATH} holds the bytes from before (sha256 {OLD}). What it replaced is kept in {SNAPSHOT}."

DEPLOYMENTS = {
    "deployed": Ended(
        Story().prepared().migrated().step("verify").step("restart", "changed").healthy(),
        found(NEW),
        "deployed",
        ["Deployed. Every image that could be read has its dHash.", *summary(ITEMS, GOOD_HEALTH)],
        [],
        ([], ALL),
    ),
    "deployed, and the backup is gone": Ended(
        Story().prepared().migrated().step("verify"),
        found(NEW, state={"rollback_target": NO_ROLLBACK_TARGET}),
        "deployed",
        [
            "Deployed. Every image that could be read has its dHash.",
            *summary(
                ITEMS,
                "not checked",
                "NO ROLLBACK IS POSSIBLE: No backup that verifies has that SHA-256",
                "none that can be used: No backup that verifies has that SHA-256",
            ),
        ],
        [],
        ([], ALL),
    ),
    "deployed, with problems at the end": Ended(
        Story().prepared().migrated().step("verify"),
        found(
            NEW, lock=False, errors={"retention": "busy", "metrics_file": "no space", "report": "no space"}, log=None
        ),
        "deployed",
        [
            "Deployed. Every image that could be read has its dHash.",
            *[
                "report       could not be written" if each.startswith("report") else each
                for each in summary(ITEMS, "not checked")
            ],
            "problem      Old backups and logs could not be removed: busy",
            "problem      The metrics file could not be written: no space",
            "problem      The report could not be written: no space",
            "problem      The lock of this run was broken or had expired, so another run may have changed the library "
            "meanwhile; it is free",
        ],
        [],
        ([], ALL),
    ),
    "unchanged": Ended(
        Story().prepared_as_deployed().unchanged(NEW).step("verify").healthy(),
        found(NEW),
        "unchanged",
        [
            "Nothing to do. The library is unchanged since the last deployment.",
            *summary(NO_ITEMS, GOOD_HEALTH),
        ],
        [],
        ([], ALL),
    ),
    "unchanged, and the owed restart is made up": Ended(
        Story()
        .prepared_as_deployed(owed=["restart", "health"])
        .unchanged(NEW)
        .step("verify")
        .step("restart")
        .healthy(),
        found(NEW),
        "unchanged",
        [
            "Nothing to do. The library is unchanged since the last deployment. The service was restarted, because an "
            "earlier run did not do it.",
            *summary(NO_ITEMS, GOOD_HEALTH),
        ],
        [],
        ([], ALL),
    ),
    "adopted edit": Ended(
        Story().prepared(EDIT).unchanged(EDIT, adopted=True, backup={"path": BACKUP, "sha256": EDIT}).step("verify"),
        found(EDIT),
        "unchanged",
        [
            "Nothing to hash. The library was edited since the last deployment, or no deployment is known. It stays as "
            "it is, and a rollback returns to exactly these bytes.",
            *summary(NO_ITEMS, "not checked"),
        ],
        [],
        ([], ALL),
    ),
    "rolled back": Ended(
        Story().prepared().migrated().failed("verify", "the smoke test says no").restored().step("restart").healthy(),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "verify": the smoke test says no. {BACK} Health afterwards: good.',
            *state(AS_BEFORE),
        ],
        [],
        ([], ALL),
    ),
    "rolled back without a service": Ended(
        Story().prepared().migrated().mark("migrate").noted("the hook failed", "My hook").restored(),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "migrate": the hook failed. {BACK} Health afterwards: not checked.',
            *state(AS_BEFORE),
        ],
        [],
        ([], ALL),
    ),
    "the migration refused": Ended(
        Story().prepared().failed("migrate", "4 of 8 pictures could not be hashed").restored(outcome="ok").healthy(),
        found(OLD),
        "rolled_back",
        [
            'Failed in step "migrate": 4 of 8 pictures could not be hashed. Rolled back: nothing had been replaced, '
            f"and {PATH} holds the bytes from before (sha256 {OLD}). Health afterwards: good.",
            *state(AS_BEFORE),
        ],
        [],
        ([], ["health"]),
    ),
    "the host was lost in the migration and came back": Ended(
        Story()
        .prepared()
        .failed("migrate", "The host was lost: timeout", lost=True)
        .restored()
        .step("restart")
        .healthy(),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "migrate": The host was lost: timeout. {BACK} Health afterwards: good.',
            *state(AS_BEFORE),
        ],
        [],
        ([], ALL),
    ),
    "an unchanged library with a bad hook is not rolled back to the deployment before": Ended(
        Story().prepared_as_deployed().mark("migrate").noted("the hook failed", "My hook").restored(NEW, "ok"),
        found(NEW),
        "rolled_back",
        [
            'Failed in step "migrate": the hook failed. Rolled back: nothing had been replaced, and '
            f"{PATH} holds the bytes from before (sha256 {NEW}). Health afterwards: not checked.",
            *state(f"the bytes from before (sha256 {NEW})"),
        ],
        [],
        ([], []),
    ),
    "kept edit": Ended(
        Story().prepared().failed("migrate", "killed").restored(EDIT, "ok").healthy(),
        found(EDIT),
        "kept_edit",
        [
            'Failed in step "migrate": killed. Nothing was rolled back: the migration had replaced nothing, and '
            f"{PATH} was edited during the run and holds that edit (sha256 {EDIT}). The bytes without the edit are in "
            f"{BACKUP}. Health afterwards: good.",
            *state(f"the bytes from before (sha256 {EDIT})"),
        ],
        [],
        ([], ["health"]),
    ),
    "unhealthy after the rollback": Ended(
        Story().prepared().migrated().failed("restart", "exit code 3").restored().failed("restart", "exit code 3"),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "restart": exit code 3. {BACK} Step "restart" failed afterwards: exit code 3.',
            *state(AS_BEFORE),
        ],
        [SERVICE, "health"],
        (["restart", "health"], ["verify"]),
    ),
    "unhealthy after the rollback, and nothing to restart it with": Ended(
        Story().prepared().migrated().failed("health", "503").restored().failed("health", "503"),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "health": 503. {BACK} Step "health" failed afterwards: 503.',
            *state(AS_BEFORE),
        ],
        ["health"],
        (["restart", "health"], ["verify"]),
        {"restartable": False},
    ),
    "restore refused": Ended(
        Story().prepared().migrated().failed("verify", "no").not_restored("No backup that verifies has that SHA-256"),
        found(NEW, state={"rollback_target": NO_ROLLBACK_TARGET}),
        "rollback_failed",
        [
            'Failed in step "verify": no. Rollback failed: No backup that verifies has that SHA-256. The library still '
            f"holds the rejected bytes (sha256 {NEW}).",
            *state(REJECTED, backup="none that can be used: No backup that verifies has that SHA-256"),
        ],
        ["backups", "verify"],
        (ALL, []),
    ),
    "restore refused, and there is an older backup": Ended(
        Story().prepared().migrated().failed("verify", "no").not_restored("damaged"),
        found(NEW, state={"rollback_target": {**NO_ROLLBACK_TARGET, "older": OLDER}}),
        "rollback_failed",
        [
            f'Failed in step "verify": no. Rollback failed: damaged. The library still '
            f"holds the rejected bytes (sha256 {NEW}).",
            *state(
                REJECTED,
                backup="none that can be used: No backup that verifies has that SHA-256; the newest older one that "
                f"verifies is {OLDER}",
            ),
        ],
        ["backups", f"rollback mobius_backup={OLDER}"],
        (ALL, []),
    ),
    "disk full in the rollback": Ended(
        Story().prepared().migrated().step("verify").step("restart").failed("health", "503").not_restored("disk full"),
        found(NEW, state={"current": {"status": "deployed"}}),
        "rollback_failed",
        [
            f'Failed in step "health": 503. Rollback failed: disk full. The library still '
            f"holds the rejected bytes (sha256 {NEW}).",
            *state(REJECTED),
        ],
        [RETURN],
        (["restart", "health"], ["verify"]),
    ),
    "rollback failed, but nothing had been replaced": Ended(
        Story().prepared().failed("migrate", "no").not_restored("locked"),
        found(OLD),
        "rollback_failed",
        [
            f'Failed in step "migrate": no. Rollback failed: '
            f"locked. {PATH} holds the bytes from before (sha256 {OLD}).",
            *state(AS_BEFORE),
        ],
        [SERVICE, "health"],
        (ALL, []),
    ),
    "rollback failed, and the library is gone": Ended(
        Story().prepared().migrated().failed("verify", "missing").not_restored("disk full"),
        found(None),
        "rollback_failed",
        ['Failed in step "verify": missing. Rollback failed: disk full.', *state("missing")],
        [RETURN],
        (ALL, []),
    ),
    "rollback failed, and another run holds the library now": Ended(
        Story().prepared().migrated().failed("verify", "no").not_restored("The library is locked by other"),
        found(NEW, lock_state=LOCK, lock=False),
        "rollback_failed",
        [
            'Failed in step "verify": no. Rollback failed: The library is locked by other. The library still holds the '
            f"rejected bytes (sha256 {NEW}).",
            *state(REJECTED, lock="held by other (bob on ctl) until 2026-01-01T01:00:00Z at the latest"),
            "problem      The lock of this run was broken or had expired, so another run may have changed the library "
            "meanwhile; it is held by other (bob on ctl) until 2026-01-01T01:00:00Z at the latest",
        ],
        ["status  # wait until other has ended"],
        (ALL, []),
    ),
    "lost in the migration, and still away": Ended(
        Story().prepared().failed("migrate", "The host was lost: x", lost=True).not_restored("timed out", lost=True),
        {},
        "rollback_failed",
        ['Failed in step "migrate": The host was lost: x. Rollback failed: timed out.', *lost("none was kept")],
        ["status", f"{RETURN} mobius_lock_break={ID}"],
        (ALL, []),
    ),
    "lost in the rollback": Ended(
        Story().prepared().migrated().failed("health", "503").failed("rollback", "The host was lost: x", lost=True),
        {},
        "rollback_failed",
        ['Failed in step "health": 503. Rollback failed: The host was lost: x.', *lost("none was kept")],
        ["status", f"{RETURN} mobius_lock_break={ID}"],
        (ALL, []),
    ),
    "the state of the host cannot be read": Ended(
        Story().prepared().migrated().failed("verify", "no").not_restored("The state is damaged"),
        {**found(None), "state": None, "errors": {"state": "The state is damaged"}},
        "rollback_failed",
        [
            'Failed in step "verify": no. Rollback failed: The state is damaged.',
            UNKNOWN.replace("the host cannot be reached", "the state of the host could not be read"),
            *("backup       unknown", UNKNOWN_LOCK, "maintenance  off", f"evidence     {EVIDENCE}"),
            *(f"report       {LOG}", "problem      The state of the host could not be read: The state is damaged"),
        ],
        ["status", f"{RETURN} mobius_lock_break={ID}"],
        (ALL, []),
    ),
    "lost while it was prepared": Ended(
        Story().failed("preflight", "The host was lost: x", lost=True),
        {},
        "refused",
        [
            f'Refused in step "preflight": The host was lost: x. Nothing was changed in {PATH}.',
            UNKNOWN.replace(f" (sha256 {OLD})", ""),
            *lost("none was kept")[1:],
        ],
        ["status"],
        ([], []),
    ),
    "a library that is broken, with a backup at hand": Ended(
        Story().failed("preflight", "because", step="preflight", rollback={"backup": OLDER, "sha256": OLD}),
        found(NEW),
        "refused",
        [f'Refused in step "preflight": because. Nothing was changed in {PATH}.'],
        [f"rollback mobius_backup={OLDER}"],
        ([], []),
    ),
    "lost before it began": Ended(
        Story().failed("prepare", "The host was lost: x", lost=True),
        {},
        "refused",
        [f'Refused in step "prepare": The host was lost: x. Nothing was changed in {PATH}.'],
        ["status"],
        ([], []),
    ),
}


def refused(step: str, story: Story) -> Ended:
    reported = f'Refused in step "{step}": because. Nothing was changed in {PATH}.'
    return Ended(story, found(OLD), "refused", [reported], [], ([], []))


PARTS = {"preflight": {"sha256": OLD}, "lock": {"changed": False}}
for _name, _story in {
    "start": Story().noted("because", "Begin"),
    "prepare": Story().failed("prepare", "because"),
    "preflight": Story().failed("preflight", "because", step="preflight"),
    "lock": Story().failed("preflight", "because", step="lock", preflight={"sha256": OLD}),
    "backup": Story().failed("preflight", "because", step="backup", **PARTS),
    "dry-run": Story().prepared().failed("dry-run", "because"),
    "confirm": Story().prepared().failed("confirm", "because"),
    "maintenance": Story().prepared().failed("maintenance", "because"),
}.items():
    DEPLOYMENTS[f"refused: {_name}"] = refused(_name, _story)


def back(sha256: str = OLD):
    return [f"library      {PATH}", f"from         {BACKUP}", f"sha256       {sha256}", f"report       {LOG}"]


ROLLBACKS = {
    "of a fleet run that did not deploy this": Ended(
        Story("rollback").step(
            "rollback", "ok", changed=False, owed=[], nothing={"reason": "other_fleet", "message": "it is of F2"}
        ),
        # No lock was taken, and what an earlier run left undone stays.
        found(NEW, lock=False),
        "skipped",
        ["Skipped: it is of F2. Nothing was changed.", f"library      {PATH}", f"report       {LOG}"],
        [],
        ([], []),
    ),
    "restored": Ended(
        Story("rollback").restored().step("restart").healthy(),
        found(OLD),
        "restored",
        ["Rolled back.", *back(), f"undo         rollback mobius_backup={SNAPSHOT}"],
        [],
        ([], ALL),
    ),
    "restored over an edit": Ended(
        Story("rollback").restored(edited=True),
        found(OLD),
        "restored",
        [
            "Rolled back.",
            f"edit         the library was edited since it was deployed; the edit is kept in {SNAPSHOT}",
            *back(),
            f"undo         rollback mobius_backup={SNAPSHOT}",
        ],
        [],
        ([], ALL),
    ),
    "nothing to roll back": Ended(
        Story("rollback").restored(outcome="ok").healthy(),
        found(OLD),
        "unchanged",
        [
            "Nothing to roll back: the library holds these bytes already.",
            *back(),
            "undo         nothing to undo",
        ],
        [],
        ([], ALL),
    ),
    "nothing to roll back, and the owed restart is made up": Ended(
        Story("rollback").restored(outcome="ok", owed=["restart", "health"]).step("restart").healthy(),
        found(OLD),
        "unchanged",
        [
            "Nothing to roll back: the library holds these bytes already. The service was restarted, because an "
            "earlier run did not do it.",
            *back(),
            "undo         nothing to undo",
        ],
        [],
        ([], ALL),
    ),
    "refused on the controller": Ended(
        Story("rollback").noted("mobius_backup makes no sense", "Begin"),
        found(NEW),
        "refused",
        [f'Rollback of {PATH} failed in step "start": mobius_backup makes no sense.'],
        ["rollback mobius_backup=latest"],
        ([], []),
        {"backup": "latest"},
    ),
    "restore refused": Ended(
        Story("rollback").failed("rollback", "The backup does not verify"),
        found(
            NEW, state={"rollback_target": {**NO_ROLLBACK_TARGET, "older": OLDER}, "current": {"status": "deployed"}}
        ),
        "refused",
        [
            f'Rollback of {PATH} failed in step "rollback": The backup does not verify.',
            *state(
                f"deployed (sha256 {NEW})",
                backup="none that can be used: No backup that verifies has that SHA-256; the newest older one that "
                f"verifies is {OLDER}",
                evidence="",
            ),
        ],
        ["backups", f"rollback mobius_backup={OLDER}"],
        (["restart", "health"], []),
    ),
    "refused by a run that is alive": Ended(
        Story("rollback").failed("rollback", "The library is locked by other"),
        found(NEW, lock_state=LOCK, maintenance=flag("other", own=False), lock=False),
        "refused",
        [
            f'Rollback of {PATH} failed in step "rollback": The library is locked by other.',
            *(f"library      {PATH}: sha256 {NEW}", f"backup       {BACKUP} (verified)"),
            "lock         held by other (bob on ctl) until 2026-01-01T01:00:00Z at the latest",
            f"maintenance  STILL ON: {PATH}.maintenance (since 2026-01-01T00:00:00Z, turned on by other, A deployment "
            "changes the library)",
            f"report       {LOG}",
        ],
        ["status  # wait until other has ended"],
        (["restart", "health"], []),
    ),
    "unhealthy": Ended(
        Story("rollback").restored().step("restart").failed("health", "503"),
        found(OLD),
        "unhealthy",
        [f'The library is restored (sha256 {OLD}), but step "health" failed: 503.', *state(AS_BEFORE)],
        [SERVICE, "health"],
        (["health"], ["verify", "restart"]),
    ),
    "unhealthy, and nothing was restored": Ended(
        Story("rollback").restored(outcome="ok").failed("health", "503"),
        found(OLD),
        "unhealthy",
        [f'The library holds these bytes already (sha256 {OLD}), but step "health" failed: 503.', *state(AS_BEFORE)],
        [SERVICE, "health"],
        ([], []),
    ),
    "lost in the restore": Ended(
        Story("rollback").failed("rollback", "The host was lost: x", lost=True),
        {},
        "refused",
        [
            f'Rollback of {PATH} failed in step "rollback": The host was lost: x.',
            UNKNOWN.replace(f" (sha256 {OLD})", ""),
            *lost("")[1:],
        ],
        ["status", f"rollback mobius_backup=latest mobius_lock_break={ID}"],
        (["restart", "health"], []),
        {"backup": "latest"},
    ),
}


def watched(result: str, *, fails: bool) -> Story:
    story = Story("monitoring").step("state", current={"deployment": "d1", "sha256": NEW, "status": "deployed"})
    members = {"result": result, "reasons": ["avg_hash_time was 80 ms"], "summary": ["avg_hash_time: worst 80 ms"]}
    return story.failed("watch", "the gate failed", **members) if fails else story.step("watch", **members)


def nothing(reason: str, message: str, earlier: Any = None) -> Story:
    reported = {"reason": reason, "message": message, "earlier": earlier}
    return watched("fail", fails=True).restored(NEW, "ok", nothing=reported)


FELL = "Failed: avg_hash_time was 80 ms."

MONITORINGS = {
    "pass": Ended(
        watched("pass", fails=False),
        found(NEW),
        "pass",
        ["pass: avg_hash_time was 80 ms", "avg_hash_time: worst 80 ms"],
        [],
        ([], []),
    ),
    "hold": Ended(
        watched("inconclusive", fails=False),
        found(NEW),
        "hold",
        [
            "Inconclusive: avg_hash_time was 80 ms. Nothing was rolled back.",
            *("avg_hash_time: worst 80 ms", "next         monitor", "next         rollback"),
        ],
        [],
        ([], []),
    ),
    "inconclusive counts as a failure": Ended(
        watched("inconclusive", fails=True),
        found(NEW, state={"current": {"status": "deployed"}}),
        "inconclusive",
        [
            "Inconclusive: avg_hash_time was 80 ms. Nothing was rolled back.",
            *state(f"deployed (sha256 {NEW})", evidence="none was kept"),
        ],
        ["rollback mobius_backup=deployment"],
        ([], []),
    ),
    "fail and rolled back": Ended(
        watched("fail", fails=True).restored().step("restart").healthy(),
        found(OLD),
        "rolled_back",
        [
            f"{FELL} Rolled back: {PATH} holds the bytes from before (sha256 {OLD}). Evidence: {EVIDENCE}.",
            *state(AS_BEFORE),
        ],
        [],
        ([], ALL),
    ),
    "rolled back, and the service stays ill": Ended(
        watched("fail", fails=True).restored().step("restart").failed("health", "Connection refused"),
        found(OLD),
        "rollback_failed",
        [
            f'{FELL} The library is restored (sha256 {OLD}), but step "health" failed: Connection refused. '
            f"Evidence: {EVIDENCE}.",
            *state(AS_BEFORE),
        ],
        [SERVICE, "health"],
        (["health"], ["verify", "restart"]),
    ),
    "rollback failed": Ended(
        watched("fail", fails=True).not_restored("No space left on device"),
        found(NEW, state={"current": {"status": "deployed"}}),
        "rollback_failed",
        [
            f"{FELL} Rollback failed: No space left on device. Evidence: {EVIDENCE}.",
            *state(f"deployed (sha256 {NEW})"),
        ],
        ["rollback mobius_backup=deployment"],
        (["restart", "health"], []),
    ),
    "not the deployment that is being made now": Ended(
        watched("fail", fails=True).not_restored("The library is locked by other"),
        found(NEW, lock_state=LOCK, lock=False, state={"current": {"status": "deployed"}}),
        "rollback_failed",
        [
            f"{FELL} Rollback failed: The library is locked by other. Evidence: {EVIDENCE}.",
            *state(
                f"deployed (sha256 {NEW})",
                lock="held by other (bob on ctl) until 2026-01-01T01:00:00Z at the latest",
            ),
        ],
        ["status  # wait until other has ended"],
        (["restart", "health"], []),
    ),
    "refused": Ended(
        Story("monitoring").failed("state", "The state is damaged"),
        found(NEW),
        "refused",
        [f'Refused in step "state": The state is damaged. Nothing was changed in {PATH}.'],
        [],
        ([], []),
    ),
    "lost during the watch": Ended(
        Story("monitoring").step("state").failed("watch", "The host was lost: x", lost=True),
        {},
        "refused",
        [f'Refused in step "watch": The host was lost: x. Nothing was changed in {PATH}.'],
        ["status"],
        ([], []),
    ),
    **{
        f"nothing to roll back: {reason}": Ended(
            nothing(reason, f"it is {reason}", earlier),
            found(NEW, state={"current": {"status": "deployed"}}),
            "nothing_to_roll_back",
            [
                f"{FELL} Nothing was rolled back: it is {reason}. Evidence: {EVIDENCE}.",
                *state(f"the bytes from before (sha256 {NEW})"),
            ],
            commands,
            ([], []),
        )
        for reason, earlier, commands in (
            ("not_deployed", None, ["status"]),
            ("superseded", None, ["status"]),
            ("edited", None, ["deploy  # keeps the edit", "rollback  # discards the edit"]),
            ("unchanged", OLDER, [f"rollback mobius_backup={OLDER}"]),
            ("unchanged ", None, ["status"]),
        )
    },
}

ENDS = {
    f"{kind}: {name}": ended
    for kind, table in (("deployment", DEPLOYMENTS), ("rollback", ROLLBACKS), ("monitoring", MONITORINGS))
    for name, ended in table.items()
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end_is_reported_in_full(name: str) -> None:
    ended = ENDS[name]
    made = end(ended.story, ended.found, **ended.settings)
    assert made.run.status == ended.status
    commands = [f"next         {command}" for command in ended.next]
    assert lines(made) == [*ended.lines, *commands]
    assert (next_commands(made) if not made.run.succeeded else []) == ended.next
    assert made.run.obligations() == ended.obligations
    assert bool(failure_of(made, "")) == (ended.status not in GOOD)


@pytest.mark.parametrize("name", ENDS)
def test_no_advice_hurts_another_run(name: str) -> None:
    """Whatever the end: while another run holds the library nothing but a look is advised, and no lock is broken."""
    ended = ENDS[name]
    for deployment in ("other", ""):
        result = found(NEW, lock_state=LOCK, maintenance=flag(deployment, own=False), lock=False)
        made = end(ended.story, result, **ended.settings)
        advice = next_commands(made)
        assert all(command.split()[0] in ("status",) for command in advice), advice
    for result in (ended.found, {}, {**found(None), "state": None}):
        reported = "\n".join(lines(end(ended.story, result, **ended.settings)))
        for text in (reported, str(ended.next)):
            assert "lock_break" not in text.replace(f"mobius_lock_break={ID}", "")


@pytest.mark.parametrize(
    "maintenance, lock, state_known, lifted",
    [
        (flag(), None, True, True),
        # Our own flag, while the state cannot be read or somebody else waits already.
        (flag(), None, False, True),
        (flag(), LOCK, True, True),
        # A run that was killed left it on.
        (flag("killed", own=False), None, True, True),
        (flag("other", own=False), LOCK, True, False),
        # Whether the other run is alive is not known.
        (flag("other", own=False), None, False, False),
        # Made by hand: somebody's decision.
        (flag("", own=False), None, True, False),
        ({"on": False, "flag": "x", "content": {}, "own": False}, None, True, False),
        ({"on": None, "flag": "x", "content": {}, "own": False}, None, True, False),
    ],
)
def test_only_a_flag_that_no_living_run_needs_is_lifted(maintenance, lock, state_known, lifted) -> None:
    result = found(NEW, lock_state=lock, maintenance=maintenance)
    story = Story().prepared().migrated().failed("verify", "no").not_restored("full")
    made = end(story, result if state_known else {**result, "state": None})
    assert (OFF in next_commands(made)) == lifted
    reported = [each for each in lines(made) if each.startswith("maintenance")]
    assert reported[0].startswith("maintenance  STILL ON: ") == bool(maintenance["on"])


def test_maintenance_that_is_left_on_shows_after_a_success_and_after_a_refusal() -> None:
    for story in (Story().prepared().migrated(), Story().prepared().failed("dry-run", "no")):
        reported = lines(end(story, found(NEW, maintenance=flag("someone", own=False))))
        assert any(each.startswith("maintenance  STILL ON: ") for each in reported)


@pytest.mark.parametrize(
    "errors, lost, reported",
    [
        ({}, "", ""),
        ({"retention": "busy", "report": "full"}, "", ""),
        ({"maintenance": "busy"}, "", "But maintenance mode could not be turned off: busy"),
        ({"lock": "busy"}, "", "But the lock was not released: busy"),
        ({}, "timeout", "no other run can begin until the lock expires, in 900 s at the latest."),
    ],
)
def test_a_run_that_leaves_a_lock_or_a_flag_behind_fails(errors, lost, reported) -> None:
    made = end(Story().prepared().migrated(), {} if lost else found(NEW, errors=errors))
    assert failure_of(made, lost).endswith(reported)
    assert bool(failure_of(made, lost)) == bool(reported)


def test_a_watch_that_held_no_lock_leaves_none_when_its_host_is_lost() -> None:
    assert failure_of(end(watched("pass", fails=False), {}), "timeout").endswith("could be closed: timeout")


@pytest.mark.parametrize(
    "story, why",
    [
        (Story().prepared().migrated().hook_failed("503"), "has its dHash. But the hook after_host failed: 503"),
        (Story("deployment").failed("preflight", "full").hook_failed("503"), "full. Nothing was changed in /srv/"),
    ],
)
def test_a_hook_after_the_host_that_fails_undoes_nothing_and_is_reported(story: Story, why: str) -> None:
    made = end(story, found(NEW))
    status = made.run.status
    assert status in ("deployed", "refused")
    assert why in failure_of(made, "")
    assert 'problem      The hook after_host failed in task "Undrain": 503' in lines(made)


@pytest.mark.parametrize(
    "story, reached",
    [
        (Story().noted("bad window", "Begin"), False),
        (Story(), False),
        (Story().mark("host").noted("no", "Drain"), True),
        (Story().mark("preflight"), False),
        (Story().step("prepare"), True),
        (Story().failed("prepare", "The host is unreachable", lost=True), True),
        (Story().prepared().migrated(), True),
    ],
)
def test_the_hook_after_the_host_runs_where_the_one_before_it_may_have(story: Story, reached: bool) -> None:
    assert story.run.has_reached("host") is reached
