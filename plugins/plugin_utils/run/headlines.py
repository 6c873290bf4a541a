# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a run in one or two sentences."""

from __future__ import annotations

from typing import Callable, Mapping, Optional

from .end import End, facts
from .model import DEPLOYMENT, MONITORING, ROLLBACK, Failure


def headline(end: End) -> str:
    """The outcome, without the state of the host."""
    run = end.run
    text = (_CHECK_MODE if run.check_mode else _HEADLINES[run.status])[run.kind](end)
    return " ".join(text.split())


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def _why(end: End) -> str:
    return _sentence(end.run.failure.message) if end.run.failure else ""


def _step(end: End) -> str:
    return end.run.failure.step if end.run.failure else "start"


def _failed(end: End) -> str:
    return f'Failed in step "{_step(end)}": {_why(end)}'


def _refused(end: End) -> str:
    place = f" in {end.run.path}" if end.run.path else ""
    return f'Refused in step "{_step(end)}": {_why(end)} Nothing was changed{place}.'


def _made_up(end: End) -> str:
    """A restart that an earlier run owed."""
    restarted = any(step.name == "restart" and step.succeeded for step in end.run.steps)
    return " The service was restarted, because an earlier run had not done so." if restarted else ""


# Deployment


def _unchanged(end: End) -> str:
    if end.run.result("migrate").get("adopted"):
        text = (
            "Nothing to hash. The library was edited since the last deployment, or no deployment is known. "
            "It stays as it is, and a rollback returns to exactly these bytes."
        )
    elif end.run.result("preflight").get("as_deployed"):
        text = "Nothing to do. The library is unchanged since the last deployment."
    else:
        text = "Nothing to do. Every image that could be read has its dHash."
    return text + _made_up(end)


def _partial(end: End) -> str:
    """A deployment whose tags leave out the migration."""
    return f"Ran {', '.join(end.run.part)} only, as selected by tags. Nothing was migrated."


def _rolled_back(end: End) -> str:
    restored = end.run.last("rollback")
    held = f"{end.run.path} holds the bytes from before (sha256 {end.before})."
    if restored is not None and restored.outcome == "ok":
        held = f"nothing had been replaced, and {held}"
    snapshot = end.run.result("rollback").get("snapshot")
    kept = f" What it replaced is kept in {snapshot}." if snapshot else ""
    return f"{_failed(end)} Rolled back: {held}{kept} {_health_afterwards(end)}"


def _health_afterwards(end: End) -> str:
    last = end.run.last_failure
    if last is not None:
        return f'Step "{last.step}" failed afterwards: {_sentence(last.message)}'
    steps = end.run.steps
    return f"Health afterwards: {'good' if steps and steps[-1].name == 'health' else 'not checked'}."


def _kept_edit(end: End) -> str:
    backup = f" The bytes without the edit are in {end.backup}." if end.backup else ""
    return (
        f"{_failed(end)} Nothing was rolled back: the migration had replaced nothing, and {end.run.path} was edited "
        f"during the run and holds that edit (sha256 {end.before}).{backup} {_health_afterwards(end)}"
    )


def _rollback_failed(end: End) -> str:
    return f"{_failed(end)} Rollback failed: {_reason(end.run.last_failure)}{_holds(end)}"


def _reason(last: Optional[Failure]) -> str:
    return _sentence(last.message) if last else "it was not reached."


def _holds(end: End) -> str:
    """What the library holds after a rollback that failed, as far as that is known."""
    if end.is_rejected:
        return f" The library still holds the rejected bytes (sha256 {end.sha256})."
    if end.sha256 and end.sha256 == end.before:
        return f" {end.run.path} holds the bytes from before (sha256 {end.sha256})."
    return ""


# Rollback by hand


def _nothing_to_restore(end: End) -> str:
    return f"Nothing to roll back: the library already holds these bytes.{_made_up(end)}"


def _nothing_of_fleet(end: End) -> str:
    nothing = end.run.result("rollback").get("nothing") or {}
    return f"Skipped: {_sentence(str(nothing.get('message') or 'there is nothing to roll back'))} Nothing was changed."


def _restore_refused(end: End) -> str:
    what = f"Rollback of {end.run.path}" if end.run.path else "Rollback"
    return f'{what} failed in step "{_step(end)}": {_why(end)}'


def _unhealthy(end: End) -> str:
    restored = end.run.result("rollback")
    held = "is restored" if end.run.result("rollback").get("changed", True) else "already holds these bytes"
    return f'The library {held} (sha256 {restored.get("sha256")}), but step "{_step(end)}" failed: {_why(end)}'


# Monitoring


def _verdict(end: End) -> str:
    """The reasons of the gate; where it came to no verdict, what stopped it."""
    reasons = [str(reason).strip().rstrip(".") for reason in end.run.result("watch").get("reasons") or []]
    return "; ".join(reason for reason in reasons if reason) or _why(end).rstrip(".") or "no reason was given"


def _evidence(end: End) -> str:
    return f"Evidence: {end.evidence or 'none was kept'}."


def _watch_rolled_back(end: End) -> str:
    return (
        f"Failed: {_verdict(end)}. Rolled back: {end.run.path} holds the bytes from before (sha256 {end.before}). "
        f"{_evidence(end)}"
    )


def _watch_nothing(end: End) -> str:
    nothing = end.run.result("rollback").get("nothing") or {}
    return f"Failed: {_verdict(end)}. Nothing was rolled back: {nothing.get('message')}. {_evidence(end)}"


def _watch_rollback_failed(end: End) -> str:
    restored = end.run.last("rollback")
    last = end.run.last_failure
    if restored is not None and restored.succeeded:
        text = f'The library is restored (sha256 {end.before}), but step "{last.step if last else ""}" failed:'
    else:
        text = "Rollback failed:"
    return f"Failed: {_verdict(end)}. {text} {_reason(last)} {_evidence(end)}"


def _kept(verdict: str) -> Callable[[End], str]:
    return lambda end: f"{verdict}: {_verdict(end)}. Nothing was rolled back."


# By status, then by kind.
_HEADLINES: Mapping[str, Mapping[str, Callable[[End], str]]] = {
    "deployed": {DEPLOYMENT: lambda end: "Deployed. Every image that could be read has its dHash."},
    "unchanged": {DEPLOYMENT: _unchanged, ROLLBACK: _nothing_to_restore},
    "refused": {DEPLOYMENT: _refused, ROLLBACK: _restore_refused, MONITORING: _refused},
    "rolled_back": {DEPLOYMENT: _rolled_back, MONITORING: _watch_rolled_back},
    "kept_edit": {DEPLOYMENT: _kept_edit},
    "rollback_failed": {DEPLOYMENT: _rollback_failed, MONITORING: _watch_rollback_failed},
    "restored": {ROLLBACK: lambda end: "Rolled back."},
    "partial": {DEPLOYMENT: _partial},
    "skipped": {ROLLBACK: _nothing_of_fleet},
    "unhealthy": {ROLLBACK: _unhealthy},
    "pass": {MONITORING: lambda end: f"pass: {_verdict(end)}"},
    "hold": {MONITORING: _kept("Inconclusive")},
    "inconclusive": {MONITORING: _kept("Inconclusive")},
    "fail": {MONITORING: _kept("Failed")},
    "nothing_to_roll_back": {MONITORING: _watch_nothing},
}


# Check mode


def _would_deploy(end: End) -> str:
    run = end.run
    if not run.succeeded:
        return f'Check mode: would fail in step "{_step(end)}": {_why(end)} Nothing was changed.'
    if run.status == "partial":
        return f"Check mode: ran {', '.join(run.part)} only, as selected by tags. Nothing was changed."
    if run.last("migrate") is None:
        return (
            "Check mode: the Python environment does not exist yet, so nothing can be predicted. Nothing was changed."
        )
    if run.status == "unchanged":
        return f"Check mode: would change nothing in {run.path}."
    return f"Check mode: would deploy {run.path}: {facts(end)['hashed']} images to hash. Nothing was changed."


def _would_roll_back(end: End) -> str:
    run = end.run
    if not run.succeeded:
        return f'Check mode: would fail in step "{_step(end)}": {_why(end)} Nothing was changed.'
    if run.status == "skipped":
        return f"Check mode: would be skipped: {(run.result('rollback').get('nothing') or {}).get('message')}."
    if run.status == "unchanged":
        return f"Check mode: nothing to roll back in {run.path}."
    backup = run.result("rollback").get("restored_from")
    return f"Check mode: would roll back {run.path} to {backup}. Nothing was changed."


def _would_monitor(end: End) -> str:
    status, inconclusive = end.run.status, end.settings.get("on_inconclusive")
    if status == "refused":
        return f'Check mode: would fail in step "{_step(end)}": {_why(end)} Nothing was changed.'
    if status == "fail" or (status in ("hold", "inconclusive") and inconclusive == "rollback"):
        return f"Check mode: {status}: {_verdict(end)}. Would roll back {end.run.path}. Nothing was changed."
    return f"Check mode: {status}: {_verdict(end)}. Would roll back nothing."


_CHECK_MODE: Mapping[str, Callable[[End], str]] = {
    DEPLOYMENT: _would_deploy,
    ROLLBACK: _would_roll_back,
    MONITORING: _would_monitor,
}
