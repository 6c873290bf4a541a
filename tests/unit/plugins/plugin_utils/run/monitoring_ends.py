"""Every end of a watch, with its status, lines, next commands and obligations."""

from __future__ import annotations

from typing import Any

from ansible_collections.mobius.dhash.tests.support.stories import (
    EVIDENCE,
    LOCK,
    NEW,
    OLD,
    OLDER,
    PATH,
    Story,
    found,
)
from ansible_collections.mobius.dhash.tests.unit.plugins.plugin_utils.run.ended import (
    ALL,
    AS_BEFORE,
    SERVICE,
    Ended,
    state,
    watched,
)


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
