"""What must never happen, whatever was broken."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional

from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import BACKUP, SIDECAR, SNAPSHOT
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import Store, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from broken import CRASHED, DONE, REPORTED, UNKNOWN, Ended
from paths import UNRELATED, Model, Site, clean, timeless


class Lost(Exception):
    """Something was lost, or reported incorrectly."""


def lost(model: Model, site: Site, ended: Ended) -> Optional[str]:
    """Judge a broken run, do it again unbroken, and judge that; None when nothing was lost."""
    try:
        survived(model, site, ended)
        try:
            model.writing.call(site)
        except Exception as error:
            raise Lost(f"the next run fails: {type(error).__name__}: {error}") from error
        recovered(model, site)
    except Lost as error:
        return str(error)
    return None


def survived(model: Model, site: Site, ended: Ended) -> None:
    """What has to hold when a broken run is over.

    :raises Lost: it does not.
    """
    if ended.how == CRASHED:
        raise Lost(f"an unexpected error: {ended.text}")
    now = site.library.read_bytes() if site.library.exists() else None
    is_old = now == model.library_before
    is_new = now is not None and timeless(now) == timeless(model.library_after)
    if not is_old and not is_new:
        raise Lost(f"the library is neither old nor new: {(now or b'')[:80]!r}")
    # A prune leaves alone what it cannot judge or remove, and reports it.
    reached = is_new and (model.writing.prunes or model.writing.reached(site))
    if ended.how in (DONE, UNKNOWN) and not reached:
        raise Lost(f"reported as {ended.how}, which is not true: {ended.text}")
    if ended.how == REPORTED and not is_old:
        raise Lost(f"reported as failed, but it was applied: {ended.text}")
    _kept(model, site)
    if not is_old and model.library_before is not None:
        _rollback_target(model, site)
    try:
        state.read_current(site.path, hashlib.sha256(now or b"").hexdigest())
    except state.DamagedState as error:
        raise Lost(str(error)) from error


def _kept(model: Model, site: Site) -> None:
    """Unrelated files and backups of before are as they were, and every visible backup verifies."""
    for name, content in model.before.items():
        if name not in UNRELATED and not name.startswith("backups/"):
            continue
        path = site.home / name
        # A backup that may go takes its checksum with it.
        if name not in model.may_go and (not path.exists() or path.read_bytes() != content):
            raise Lost(f"{name} is gone or other than it was")
    for backup in list_backups(site.path):
        if not backup.verified:
            raise Lost(f"{Path(backup.path).name}: {backup.reason}")


def _rollback_target(model: Model, site: Site) -> None:
    wanted = hashlib.sha256(model.library_before or b"").hexdigest()
    if wanted not in [each.sha256 for each in list_backups(site.path)]:
        raise Lost("no backup has the bytes from before")


def _kept_once(model: Model, site: Site) -> None:
    """What a broken run kept of the library serves the next run."""
    before = sum(content == model.library_before for content in model.before.values()) - 1
    wanted = hashlib.sha256(model.library_before or b"").hexdigest()
    for kind in (BACKUP, SNAPSHOT):
        same = [each.path for each in list_backups(site.path) if (each.kind, each.sha256) == (kind, wanted)]
        if len(same) > max(1, before):
            raise Lost(f"the same bytes are kept {len(same)} times: {same}")


def recovered(model: Model, site: Site) -> None:
    """What has to hold when the same was done once more, unbroken.

    :raises Lost: it does not.
    """
    now = site.library.read_bytes()
    if timeless(now) != timeless(model.library_after):
        raise Lost("the library is not the new one after the next run")
    if not model.writing.reached(site):
        raise Lost("the next run does not do what it is for")
    _kept(model, site)
    if model.library_before not in (None, now):
        _rollback_target(model, site)
    _kept_once(model, site)
    clean(site)
    _kept(model, site)
    if Store.of(site.path).orphans():
        raise Lost(f"checksums without a backup: {Store.of(site.path).orphans()}")
    strays = {timeless(name.encode()).decode() for name in site.tree()} - model.names_after
    # Each run has its own log.
    strays = {name for name in strays if not name.startswith("logs/") or name.endswith(".tmp")}
    # The older scripts made none, and the snapshot of a rollback has one; those without a backup are orphans.
    strays = {name for name in strays if not (name.endswith(SIDECAR) and name[: -len(SIDECAR)] in model.names_after)}
    # Informs a run whose lock was broken, when it resumes.
    strays.discard(".library.json.dhash/broken.json")
    if strays:
        raise Lost(f"left behind: {sorted(strays)}")
    current = state.read_document(site.path)
    if current is not None and "pending" in current:
        raise Lost("the state still has its note of a pending change")
