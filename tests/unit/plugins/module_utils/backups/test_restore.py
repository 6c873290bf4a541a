"""Restore: the right bytes, a snapshot of what was there, and never another backup than the one requested."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import SNAPSHOT
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, replace, state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import (
    ChangedMeanwhile,
    DurabilityUnknown,
    read_version,
)
from ansible_collections.mobius.dhash.tests.support.deployed import A, B, C, current, deploy, snapshots
from ansible_collections.mobius.dhash.tests.support.planted import plant


@pytest.mark.parametrize("wanted", ["latest", "deployment"])
def test_restore_without_a_state(library: Path, wanted: str) -> None:
    plant(library, B, days=1)
    plant(library, C, days=2)
    result = restore(str(library), None, wanted)
    assert library.read_bytes() == B
    assert bool(result["warnings"]) == (wanted == "deployment")


@pytest.mark.parametrize("wanted", ["latest", "deployment"])
@pytest.mark.parametrize("damage", ["rotten", "no checksum"])
def test_an_older_backup_is_never_restored_without_a_request(library: Path, wanted: str, damage: str) -> None:
    plant(library, b"snapshot", days=0.1, kind=SNAPSHOT)
    newest = plant(library, C, days=1, checksum=damage == "rotten")
    if damage == "rotten":
        newest.write_bytes(b"rotten")
    older = plant(library, B, days=3)
    with pytest.raises(MobiusError, match="newest backup does not verify") as error:
        restore(str(library), None, wanted)
    assert error.value.where == str(newest)
    assert f"the newest that verifies is {older}" in str(error.value)
    assert library.read_bytes() == A
    restore(str(library), None, str(older))
    assert library.read_bytes() == B


def test_latest_stops_where_a_backup_is_dated_in_the_future(library: Path) -> None:
    ahead, older = plant(library, B, days=-1), plant(library, C, days=1)
    for wanted in ("latest", "deployment"):
        with pytest.raises(MobiusError, match="so the newest backup cannot be determined") as error:
            restore(str(library), None, wanted)
        assert f"-e mobius_backup={ahead}" in str(error.value)
        assert str(older) in str(error.value)
    assert library.read_bytes() == A
    assert restore(str(library), None, ahead.name)["restored_from"] == str(ahead)
    assert library.read_bytes() == B


@pytest.mark.parametrize("wanted", ["latest", "deployment", "{path}", "{name}", "backups/{name}"])
def test_what_does_not_verify_is_refused(library: Path, wanted: str) -> None:
    path = plant(library, B, days=1)
    path.write_bytes(b"rotten")
    with pytest.raises(MobiusError, match=r"verif(y|ies)\b"):
        restore(str(library), None, wanted.format(path=path, name=path.name))
    assert library.read_bytes() == A
    assert snapshots(library) == []


def test_the_rollback_target_is_never_another_one(library: Path) -> None:
    deploy(library, B, "1")
    create_backup(str(library))
    (damaged,) = (each for each in list_backups(str(library)) if Path(each.path).read_bytes() == A)
    Path(damaged.path).write_bytes(b"rotten")
    with pytest.raises(MobiusError, match="before the last deployment cannot be used: its bytes do not match"):
        restore(str(library), None, "deployment")
    Path(damaged.path).unlink()
    with pytest.raises(MobiusError, match="it no longer exists"):
        restore(str(library), None, "deployment")
    plant(library, A, days=5)
    assert "has the same bytes" in restore(str(library), None, "deployment")["warnings"][0]
    assert library.read_bytes() == A


@pytest.mark.parametrize("wanted", ["{name}", "backups/{name}", "{path}", "./backups/{name}"])
def test_a_backup_by_name_or_path(library: Path, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    path = plant(library, B, days=9)
    plant(library, C, days=1)
    assert restore(str(library), None, wanted.format(name=path.name, path=path))["restored_from"] == str(path)
    assert library.read_bytes() == B


def test_a_copy_beside_the_library_under_any_name_once_it_has_a_checksum(library: Path) -> None:
    copy = library.with_name("library.json.monday")
    copy.write_bytes(B)
    with pytest.raises(MobiusError, match="create one: sha256sum"):
        restore(str(library), None, "library.json.monday")
    Path(f"{copy}.sha256").write_text(read_version(str(copy)).sha256)
    assert restore(str(library), None, "library.json.monday")["changed"] is True
    assert library.read_bytes() == B


@pytest.mark.parametrize("wanted", ["nosuch", "backups/nosuch/deeper", "/nosuch", "library.json/x", "a\0b", ""])
def test_no_such_backup(library: Path, wanted: str) -> None:
    with pytest.raises(MobiusError):
        restore(str(library), None, wanted)
    assert library.read_bytes() == A


def test_check_mode_predicts_and_writes_nothing(library: Path) -> None:
    plant(library, B, days=1)
    before = sorted(library.parent.rglob("*"))
    predicted = restore(str(library), check_mode=True)
    assert sorted(library.parent.rglob("*")) == before
    assert library.read_bytes() == A
    done = restore(str(library))
    same = ("changed", "restored_from", "sha256", "sha256_before", "size", "diff", "warnings")
    assert {key: predicted[key] for key in same} == {key: done[key] for key in same}
    assert predicted["snapshot"].partition("Z")[0][:-4] == done["snapshot"].partition("Z")[0][:-4]


def test_a_missing_library_is_created_again(library: Path) -> None:
    made = plant(library, B, days=1)
    made.chmod(0o600)
    library.unlink()
    result = restore(str(library))
    assert (result["changed"], result["snapshot"], result["sha256_before"]) == (True, None, None)
    assert library.read_bytes() == B
    assert stat.S_IMODE(library.stat().st_mode) == 0o600


def test_a_library_that_is_not_json_is_restored(library: Path) -> None:
    plant(library, B, days=1)
    library.write_bytes(b"\xff\x00{{{")
    restore(str(library))
    assert (library.read_bytes(), snapshots(library)) == (B, [b"\xff\x00{{{"])


def test_keeps_mode_and_link(library: Path) -> None:
    library.chmod(0o664)
    link = library.with_name("current.json")
    link.symlink_to("library.json")
    plant(link, B, days=1)
    restore(str(link))
    assert link.is_symlink()
    assert library.read_bytes() == B
    assert stat.S_IMODE(library.stat().st_mode) == 0o664


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_damaged_state_does_not_stop_a_restore(library: Path, content: bytes) -> None:
    deploy(library, B, "1")
    Path(state.current_path(str(library))).write_bytes(content)
    result = restore(str(library), None, "deployment")
    assert library.read_bytes() == A
    assert any("is damaged" in text for text in result["warnings"])
    assert current(library)["status"] == "rolled_back"


def test_a_state_that_cannot_be_written_does_not_stop_a_restore(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, B, days=1)

    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "write_json", full)
    assert any("could not be written" in text for text in restore(str(library))["warnings"])
    assert library.read_bytes() == B


def test_without_a_snapshot_nothing_is_restored(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, B, days=1)
    real = os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(replace.os, "fsync", broken)
    with pytest.raises(MobiusError, match="nothing was restored") as error:
        restore(str(library))
    assert not isinstance(error.value, DurabilityUnknown)
    assert library.read_bytes() == A


@pytest.mark.parametrize("kept_already", [True, False])
def test_a_full_disk(library: Path, monkeypatch: pytest.MonkeyPatch, kept_already: bool) -> None:
    plant(library, B, days=1)
    if kept_already:
        kept = create_backup(str(library))["backup"]["path"]
    real = store.replace_whole

    def full(path: str, *args: Any, **more: Any) -> Any:
        if "pre-restore" in path:
            raise OSError(28, "No space left on device", path)
        return real(path, *args, **more)

    monkeypatch.setattr(store, "replace_whole", full)
    if kept_already:
        result = restore(str(library), None, f"sha256:{hashlib.sha256(B).hexdigest()}")
        assert (library.read_bytes(), result["snapshot"]) == (B, kept)
        assert "No space left" in result["warnings"][0]
    else:
        with pytest.raises(MobiusError, match="No space left on device.*nothing was restored"):
            restore(str(library))
        assert library.read_bytes() == A


def test_unknown_durability_is_reported_and_kept_in_the_state(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, B, days=1)
    folder, real = library.parent.stat().st_ino, os.fsync

    def broken(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == folder and library.read_bytes() == B:
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(replace.os, "fsync", broken)
    with pytest.raises(DurabilityUnknown, match="Applied, durability unknown"):
        restore(str(library))
    assert library.read_bytes() == B
    assert current(library)["status"] == "rolled_back"


def test_an_edit_meanwhile_is_kept(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, B, days=1)
    real = state.begin

    def edited(*args: object, **more: object) -> None:
        real(*args, **more)  # type: ignore[arg-type]
        library.write_bytes(b"edited")

    monkeypatch.setattr(state, "begin", edited)
    with pytest.raises(ChangedMeanwhile):
        restore(str(library))
    assert (library.read_bytes(), snapshots(library)) == (b"edited", [A])


@pytest.mark.parametrize("holder", [None, "B"])
def test_nothing_is_restored_during_another_deployment(library: Path, holder: Optional[str]) -> None:
    plant(library, B, days=1)
    lock.acquire(str(library), "A")
    for check_mode in (False, True):
        with pytest.raises(lock.Locked):
            restore(str(library), deployment=holder, check_mode=check_mode)
    assert library.read_bytes() == A


def test_another_name_of_the_library_is_reported(library: Path) -> None:
    plant(library, B, days=1)
    os.link(library, library.with_name("hard"))
    assert any("another name" in text for text in restore(str(library))["warnings"])
    assert library.with_name("hard").read_bytes() == A


def test_an_unreadable_library_is_not_replaced_and_the_next_step_is_reported(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.mobius.dhash.plugins.module_utils.backups import restore as module

    plant(library, B, days=1)

    def broken(_path: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "read_version", broken)
    with pytest.raises(MobiusError, match="mv "):
        restore(str(library))
