"""Every end of a deployment, with its status, lines, next commands and obligations."""

from __future__ import annotations

from ansible_collections.mobius.dhash.tests.support.stories import (
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
    Story,
    found,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.ended import (
    ALL,
    AS_BEFORE,
    BACK,
    GOOD_HEALTH,
    ITEMS,
    NO_ITEMS,
    REJECTED,
    RETURN,
    SERVICE,
    UNKNOWN,
    UNKNOWN_LOCK,
    Ended,
    lost,
    state,
    summary,
)

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
            "earlier run had not done so.",
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
        Story().prepared().migrated().failed("verify", "the smoke test failed").restored().step("restart").healthy(),
        found(OLD),
        "rolled_back",
        [
            f'Failed in step "verify": the smoke test failed. {BACK} Health afterwards: good.',
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
