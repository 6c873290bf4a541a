"""A folder that cannot be made durable is removed, so that the next run does not rely on it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import (
    DurabilityUnknown,
    make_folders,
    read_version,
)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders cannot be synced."""
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


def test_it_is_not_made(tmp_path: Path, unsynced: None) -> None:
    with pytest.raises(MobiusError, match="cannot be created durably") as error:
        make_folders(str(tmp_path / "a" / "b"))
    assert not isinstance(error.value, DurabilityUnknown)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_need_not_be_durable_is_created(tmp_path: Path, unsynced: None) -> None:
    assert make_folders(str(tmp_path / "a"), durable=False) == [str(tmp_path / "a")]


def test_a_first_backup_is_not_reported_as_applied(tmp_path: Path, unsynced: None) -> None:
    library = tmp_path / "library.json"
    library.write_bytes(b"[]")
    with pytest.raises(MobiusError) as error:
        create_backup(str(library))
    assert not isinstance(error.value, DurabilityUnknown)
    assert not (tmp_path / "backups").exists()


def test_a_backup_of_unknown_durability_stops_a_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "library.json"
    library.write_bytes(b"[]")
    create_backup(str(library))

    def failing(_folder: str) -> None:
        raise DurabilityUnknown("Applied, durability unknown")

    monkeypatch.setattr(store, "sync_folder", failing)
    with pytest.raises(DurabilityUnknown):
        create_backup(str(library))
    with pytest.raises(MobiusError, match="nothing was changed") as error:
        store.ensure_backup(str(library), None, read_version(str(library)))
    assert not isinstance(error.value, DurabilityUnknown)
