"""Which backup a broken library is answered with, and what is said of backups that cannot be used."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import examine, prune, store, validity
from ansible_collections.mobius.dhash.plugins.module_utils.backups.choose import newest_good, rollback_hint
from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import SNAPSHOT
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules
from ansible_collections.mobius.dhash.plugins.module_utils.backups.report import info
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import Store, create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.clock import utc_now
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import DurabilityUnknown
from ansible_collections.mobius.dhash.plugins.module_utils.storage.timeline import Span, Timeline
from ansible_collections.mobius.dhash.tests.support.deployed import A, B, C, deploy
from ansible_collections.mobius.dhash.tests.support.planted import plant


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("unusable", "rejected"),
    [
        ({"content": b"rotten", "damage": True}, []),
        ({"content": C, "checksum": False}, []),
        ({"content": b"{", "checksum": True}, []),
        ({"content": b"", "checksum": True}, []),
        ({"content": C, "days": -1}, []),
        ({"content": C, "kind": SNAPSHOT}, []),
        ({"content": C}, [digest(C)]),
    ],
    ids=["damaged", "no checksum", "not JSON", "empty", "in the future", "a snapshot", "rolled back"],
)
def test_the_newest_that_a_rollback_can_certainly_use(library: Path, unusable: Any, rejected: list[str]) -> None:
    damage = unusable.pop("damage", False)
    path = plant(library, **{"days": 1, **unusable})
    if damage:
        path.write_bytes(b"other")
    assert rollback_hint(str(library), None, {"rejected": rejected}) == {}
    good = plant(library, B, days=3)
    plant(library, A, days=5)
    hint = rollback_hint(str(library), None, {"rejected": rejected})
    assert (hint["rollback"]["backup"], hint["rollback"]["sha256"]) == (str(good), digest(B))
    assert f"playbooks/rollback.yml -e mobius_backup={good}" in hint["remedy"]


@pytest.mark.parametrize("current", [None, {}, {"rejected": None}])
def test_without_a_state_or_without_backups(library: Path, current: Any) -> None:
    assert newest_good(Store.of(str(library)), current) is None
    assert rollback_hint(str(library), None, current) == {}
    # A folder that is none is reported by the preflight itself.
    assert rollback_hint(str(library), str(library), current) == {}
    plant(library, B, days=1)
    assert rollback_hint(str(library), None, current)["rollback"]["sha256"] == digest(B)


def test_the_command_of_a_hint_survives_a_shell(library: Path) -> None:
    folder = library.parent / "it's a folder"
    plant(library, B, days=1)
    shutil.move(str(library.parent / "backups"), str(folder))
    assert "mobius_backup='" in rollback_hint(str(library), str(folder), None)["remedy"]


@pytest.mark.parametrize("damage", [None, "rotten", "gone"])
def test_bytes_are_found_in_the_backup_that_the_state_names_in_any_folder(library: Path, damage: Optional[str]) -> None:
    deploy(library, B, "1")
    named = Path(state.named_backups(str(library))[0]["path"])
    wanted = f"sha256:{digest(A)}"
    if damage == "rotten":
        named.write_bytes(b"rotten")
    elif damage == "gone":
        named.unlink()
    other = str(library.parent / "elsewhere")
    if damage:
        with pytest.raises(MobiusError, match="No backup that verifies has the SHA-256"):
            restore(str(library), other, wanted)
        assert library.read_bytes() == B
    else:
        assert restore(str(library), other, wanted)["restored_from"] == str(named)
        assert library.read_bytes() == A


def test_of_many_skipped_backups_three_are_named(library: Path) -> None:
    for days in (1, 2, 3, 4, 5):
        plant(library, b"{", days=days)
    plant(library, B, days=9)
    warnings = restore(str(library), None, "latest")["warnings"]
    assert len([each for each in warnings if each.startswith("Skipped a newer backup")]) == 3
    assert "2 more newer backups were skipped." in warnings
    assert library.read_bytes() == B


def test_a_checksum_that_cannot_be_read_makes_a_backup_unverified(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plant(library, B, days=1)

    def failing(_path: str) -> list[str]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(examine, "read_checksums", failing)
    (found,) = list_backups(str(library))
    assert (found.verified, found.judged, found.reason) == (
        False,
        False,
        "its checksum cannot be read: Input/output error",
    )
    with pytest.raises(MobiusError, match="its checksum cannot be read"):
        restore(str(library), None, str(path))
    assert library.read_bytes() == A


def test_a_backup_that_is_pruned_while_it_is_listed_is_left_out(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, stays = plant(library, C, days=1), plant(library, B, days=2)
    read = examine.read_checksums

    def pruning(path: str) -> list[str]:
        found = read(path)
        if path == str(gone):
            gone.unlink()
        return found

    monkeypatch.setattr(examine, "read_checksums", pruning)
    assert [each.path for each in list_backups(str(library))] == [str(stays)]


def test_a_backup_that_another_program_removes_first_is_pruned(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, newest = plant(library, C, days=40), plant(library, B, days=1)
    unlink = os.unlink

    def late(path: Any, *args: Any, **options: Any) -> None:
        if str(path) == str(gone):
            unlink(path)
        unlink(path, *args, **options)

    monkeypatch.setattr(prune.os, "unlink", late)
    decisions = prune._plan(str(library), Store.of(str(library)), Rules())
    assert [each.backup.path for each in decisions.decisions if each.keep] == [str(newest)]
    assert prune._remove(str(gone.parent), [str(gone)]) == {}
    assert sorted(each.name for each in gone.parent.iterdir()) == [newest.name, f"{newest.name}.sha256"]
    assert prune._changed(next(each.backup for each in decisions.decisions if not each.keep)) is None


def test_a_backup_of_unproven_age_stays_with_the_reason(library: Path) -> None:
    """Between two boots the clock alone tells how long the host was off."""
    plant(library, C, days=40)
    plant(library, B, days=1)
    backups, now, day = list_backups(str(library)), utc_now(), 86400.0
    for off, stays in ((39, True), (0.5, False)):
        at = now.timestamp()
        before = Span("1", at - 41 * day, at - off * day, 2 * day)
        seen = Timeline([before, Span("2", at - 60, at, 60)], "", [], 15 * day)
        old = prune.decide(backups, Rules(days=30), now, timeline=seen)[-1]
        assert old.keep is stays
        assert ("40 days old by the clock, of which only 16 days are proven" in old.reason) is stays


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (None, "verified (a rollback would use it)"),
        ("rotten", "(a rollback needs it and cannot use it: name another one)"),
        ("state", "verified"),
    ],
)
def test_the_rollback_target_is_marked_in_the_list(library: Path, damage: Optional[str], words: str) -> None:
    deploy(library, B, "1")
    target = Path(state.named_backups(str(library))[0]["path"])
    if damage == "rotten":
        target.write_bytes(b"rotten")
    elif damage == "state":
        Path(state.current_path(str(library))).write_text("{")
    result = info(str(library))
    (line,) = (each["line"] for each in result["backups"] if each["path"] == str(target))
    assert line.endswith(words)
    assert bool(result["warnings"]) is (damage == "state")
    assert [each["rollback_target"] for each in result["backups"]] == [damage != "state"]


def test_a_state_that_is_not_durable_is_a_warning_and_the_library_is_restored(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(library, B, days=1)
    commit = state.commit

    def unsynced(path: str) -> Any:
        commit(path)
        raise DurabilityUnknown("Applied, durability unknown", path, "check the disk (dmesg)")

    monkeypatch.setattr(state, "commit", unsynced)
    (warning,) = (w for w in restore(str(library), None, "latest")["warnings"] if "durability" in w)
    assert warning.startswith("The state of the deployment: Applied, durability unknown")
    assert library.read_bytes() == B
    found = state.read_current(str(library))
    assert found is not None and found["sha256"] == digest(B)


def test_a_second_that_has_too_many_backups_already(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, as with libfaketime: no backup may take the name of another one."""
    monkeypatch.setattr(store.os.path, "lexists", lambda _path: True)
    before = library.read_bytes()
    with pytest.raises(MobiusError, match="Too many backups within one second.*check the clock"):
        Store.of(str(library)).next_name(SNAPSHOT)
    assert library.read_bytes() == before


@pytest.mark.parametrize("problem", ["", "it is not valid JSON"])
def test_what_a_preflight_found_is_not_read_again(library: Path, monkeypatch: pytest.MonkeyPatch, problem: str) -> None:
    state.prepare_folder(str(library))
    validity.note(str(library), digest(A), problem)

    def twice(_path: str) -> str:
        raise AssertionError("read again")

    monkeypatch.setattr(validity, "problem_of", twice)
    found = create_backup(str(library))
    assert found["backup"]["valid"] is (not problem)
    assert any(problem in each for each in found["warnings"]) is bool(problem)


def test_only_the_latest_results_are_remembered(library: Path) -> None:
    state.prepare_folder(str(library))
    for number in range(validity._MOST_KNOWN + 5):
        validity.note(str(library), f"{number:064}")
        validity.note(str(library), f"{number:064}")
    assert list(validity._known(str(library)))[0] == f"{5:064}"
    assert len(validity._known(str(library))) == validity._MOST_KNOWN


@pytest.mark.parametrize(("content", "found"), [(b"", b""), (b" \n\t" * 40_000, b""), (b" " * 70_000 + b"[]", b"[")])
def test_the_first_byte_of_a_document_after_any_number_of_blanks(library: Path, content: bytes, found: bytes) -> None:
    library.write_bytes(content)
    assert validity._first(str(library)) == found
