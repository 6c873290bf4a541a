"""Every end of a rollback, with its status, lines, next commands and obligations."""

from __future__ import annotations

from ansible_collections.mobius.dhash.tests.support.stories import (
    BACKUP,
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
    flag,
    found,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.ended import (
    ALL,
    AS_BEFORE,
    SERVICE,
    UNKNOWN,
    Ended,
    lost,
    state,
)


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
            "Nothing to roll back: the library already holds these bytes.",
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
            "Nothing to roll back: the library already holds these bytes. The service was restarted, because an "
            "earlier run had not done so.",
            *back(),
            "undo         nothing to undo",
        ],
        [],
        ([], ALL),
    ),
    "refused on the controller": Ended(
        Story("rollback").noted("mobius_backup is invalid", "Begin"),
        found(NEW),
        "refused",
        [f'Rollback of {PATH} failed in step "start": mobius_backup is invalid.'],
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
        [f'The library already holds these bytes (sha256 {OLD}), but step "health" failed: 503.', *state(AS_BEFORE)],
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
