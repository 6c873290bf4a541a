"""Pruning never removes the last rollback target, and gives a reason for everything it does."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import BACKUP, SNAPSHOT, Name
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Decision, Rules, decide, prune
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import Backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state
from ansible_collections.mobius.dhash.tests.support.planted import plant
from hypothesis import given
from hypothesis import strategies as some

NOW = datetime(2024, 9, 24, 16, 0, 0, tzinfo=timezone.utc)


def backup(
    days: float,
    *,
    verified: bool = True,
    kind: str = BACKUP,
    number: int = 1,
    judged: bool = True,
    sha256: str = "0",
) -> Backup:
    name = Name(NOW - timedelta(days=days), number, kind)
    reason = "the checksum matches" if verified else "its bytes do not match"
    return Backup(f"/b/{kind}-{days}-{number}", sha256, 1, name, verified, reason, judged)


def decided(
    backups: List[Backup], protected: Optional[Dict[str, str]] = None, rejected: Sequence[str] = (), **rules: int
) -> Dict[str, Decision]:
    newest_first = sorted(backups, key=lambda each: each.name, reverse=True)
    return {each.backup.path: each for each in decide(newest_first, Rules(**rules), NOW, protected, rejected)}


def kept(backups: List[Backup], protected: Optional[Dict[str, str]] = None, **rules: Any) -> List[float]:
    decisions = decided(backups, protected, **rules)
    return sorted(float(path.split("-", 1)[1].rpartition("-")[0]) for path, each in decisions.items() if each.keep)


def test_days_count_from_now_and_the_newest_stays_however_old() -> None:
    assert kept([backup(1), backup(6.99), backup(7), backup(30)]) == [1, 6.99]
    assert kept([backup(30), backup(60)]) == [30]
    assert kept([backup(30), backup(60)], days=0, last=0) == [30]


def test_last() -> None:
    assert kept([backup(each) for each in (10, 20, 30, 40)], last=3) == [10, 20, 30]


def test_daily_weekly_monthly_keep_the_last_of_each_period() -> None:
    backups = [backup(10.1), backup(10.2), backup(11), backup(13), backup(14)]
    assert kept(backups, daily=3) == [10.1, 11, 13]
    # 2024-09-24 is a Tuesday; ten days before is a Saturday.
    assert kept([backup(each) for each in (10, 12, 16, 17, 30)], weekly=2) == [10, 16]
    assert kept([backup(each) for each in (10, 20, 30, 40, 60)], monthly=2) == [10, 30]


def test_what_does_not_verify_never_counts_as_kept() -> None:
    backups = [backup(10, verified=False), backup(20), backup(30), backup(40)]
    assert kept(backups, last=2) == [10, 20, 30]
    assert kept([backup(10), backup(20, verified=False), backup(30)]) == [10]


def test_what_does_not_verify_stays_while_nothing_newer_does() -> None:
    assert kept([backup(50, verified=False), backup(40, verified=False)]) == [40, 50]
    reason = decided([backup(50, verified=False)])["/b/backup-50-1"].reason
    assert reason == "no newer backup verifies, though this one does not either: its bytes do not match"
    reason = decided([backup(3, verified=False), backup(2)])["/b/backup-3-1"].reason
    assert reason == "younger than 7 days, does not count as a backup: its bytes do not match"
    gone = decided([backup(8, verified=False), backup(2)])["/b/backup-8-1"]
    assert (gone.keep, gone.reason) == (False, "older than 7 days and does not verify: its bytes do not match")


def test_the_future_is_left_alone_and_does_not_count() -> None:
    assert kept([backup(-5), backup(20), backup(30)]) == [-5, 20]


def test_what_cannot_be_judged_is_left_alone() -> None:
    assert kept([backup(1), backup(50, verified=False, judged=False)]) == [1, 50]


def test_snapshots_go_by_age_and_do_not_count() -> None:
    assert kept([backup(1, kind=SNAPSHOT), backup(8, kind=SNAPSHOT), backup(20), backup(30)], last=2) == [1, 20, 30]
    assert kept([backup(8, kind=SNAPSHOT), backup(9, kind=SNAPSHOT)]) == [8], "the last good copy of all"


def test_what_was_rolled_back_never_counts_as_kept() -> None:
    backups = [backup(10, sha256="bad"), backup(20), backup(30)]
    assert kept(backups, rejected=["bad"]) == [20]
    assert kept(backups[:1], rejected=["bad"]) == [10], "the last good copy of all"


def test_the_rollback_target_stays() -> None:
    assert kept([backup(10), backup(50)], {"/b/backup-50-1": "a rollback would use it"}) == [10, 50]


ANY = some.builds(
    backup,
    days=some.integers(-10, 400),
    verified=some.booleans(),
    kind=some.sampled_from([BACKUP, SNAPSHOT]),
    number=some.integers(1, 3),
    judged=some.booleans(),
)
RULES = some.fixed_dictionaries({name: some.integers(0, 12) for name in ("days", "last", "daily", "weekly", "monthly")})


@given(some.lists(ANY, max_size=20, unique_by=lambda each: each.path), RULES)
def test_for_any_backups_and_rules(backups: List[Backup], rules: Dict[str, int]) -> None:
    decisions = decided(backups, **rules)
    assert len(decisions) == len(backups)
    good = [each for each in backups if each.verified and each.created <= NOW]
    trusted = [each for each in good if each.kind == BACKUP] or good
    if trusted:
        assert decisions[max(trusted, key=lambda each: each.name).path].keep
    stay = {path for path, each in decisions.items() if each.keep}
    assert len([each for each in trusted if each.path in stay]) >= min(rules["last"], len(trusted)) or not any(
        each.kind == BACKUP for each in trusted
    )
    for each in backups:
        assert decisions[each.path].reason
        assert decisions[each.path].keep or each.created <= NOW - timedelta(days=rules["days"])
        assert decisions[each.path].keep or each.judged or each.verified
    # What stayed decides the same again.
    again = decided([each for each in backups if each.path in stay], **rules)
    assert all(each.keep for each in again.values())


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(b"{}")
    return path


def left(library: Path) -> List[str]:
    return sorted(each.read_text() for each in (library.parent / "backups").iterdir() if ".sha256" not in each.name)


def test_removes_backup_and_checksum_and_orphans(library: Path) -> None:
    plant(library, b"1", days=1)
    old = plant(library, b"20", days=20)
    orphan = plant(library, b"30", days=30)
    orphan.unlink()
    unrelated = library.parent / "backups" / "notes.sha256"
    unrelated.write_text("mine")
    result = prune(str(library), rules=Rules())
    assert [each["path"] for each in result["removed"]] == [str(old), f"{orphan}.sha256"]
    assert result["freed"] == 2
    assert len(list((library.parent / "backups").iterdir())) == 3
    assert unrelated.exists()
    assert prune(str(library), rules=Rules())["changed"] is False


def test_check_mode_predicts_and_writes_nothing(library: Path) -> None:
    plant(library, b"1", days=1)
    plant(library, b"20", days=20)
    plant(library, b"30", days=30).unlink()
    before = sorted(library.parent.rglob("*"))
    predicted = prune(str(library), rules=Rules(), check_mode=True)
    assert sorted(library.parent.rglob("*")) == before
    assert prune(str(library), rules=Rules()) == predicted


def test_keeps_every_backup_that_the_state_names(library: Path) -> None:
    paths = [plant(library, content, days=days) for content, days in ((b"a", 30), (b"b", 20), (b"c", 10), (b"d", 9))]
    names = iter(paths)

    def facts(sha256: str) -> Dict[str, Any]:
        return {"sha256": sha256, "backup": {"path": str(next(names)), "sha256": "?"}}

    for sha256 in ("1", "2"):
        state.begin(str(library), facts(sha256), actual_sha256="0")
        state.commit(str(library))
    state.begin(str(library), facts("3"), actual_sha256="2")
    plant(library, b"e", days=15)
    prune(str(library), rules=Rules())
    assert left(library) == ["a", "b", "c", "d"]


def test_one_like_the_rollback_target_stays_when_that_is_damaged(library: Path) -> None:
    named = plant(library, b"a", days=30)
    plant(library, b"a", days=40)
    plant(library, b"z", days=9)
    sha256 = next(each.sha256 for each in list_backups(str(library)) if each.path == str(named))
    state.begin(str(library), {"sha256": "1", "backup": {"path": str(named), "sha256": sha256}}, actual_sha256="0")
    state.commit(str(library))
    named.write_bytes(b"rotten")
    prune(str(library), rules=Rules())
    assert left(library) == ["a", "rotten", "z"]


def test_a_state_that_cannot_be_read_stops_a_prune(library: Path) -> None:
    plant(library, b"a", days=30)
    plant(library, b"b", days=20)
    state.prepare_folder(str(library))
    Path(state.current_path(str(library))).write_text("{")
    for check_mode in (True, False):
        with pytest.raises(MobiusError, match="damaged"):
            prune(str(library), rules=Rules(), check_mode=check_mode)
    assert left(library) == ["a", "b"]


def test_nothing_is_pruned_during_a_deployment(library: Path) -> None:
    plant(library, b"a", days=30)
    plant(library, b"b", days=20)
    lock.acquire(str(library), "D")
    with pytest.raises(lock.Locked):
        prune(str(library), rules=Rules())
    assert prune(str(library), rules=Rules(), deployment="D")["changed"] is True


def test_one_that_cannot_be_removed_stays_is_reported_and_stops_no_other(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = plant(library, b"30", days=30)
    plant(library, b"20", days=20)
    plant(library, b"1", days=1)
    real = os.unlink

    def unlink(path: str) -> None:
        if path == str(stuck):
            raise PermissionError(1, "Operation not permitted")
        real(path)

    monkeypatch.setattr(os, "unlink", unlink)
    result = prune(str(library), rules=Rules())
    assert left(library) == ["1", "30"]
    assert result["warnings"] == [f"{stuck} was not removed: it cannot be removed: Operation not permitted"]
    assert [each.verified for each in list_backups(str(library))] == [True, True]


@pytest.mark.parametrize("checksum", [None, "", "garbage\n"])
def test_a_copy_without_a_checksum_is_left_alone_and_never_counts(library: Path, checksum: Optional[str]) -> None:
    made_by_cp = plant(library, b"cp", days=10, checksum=False)
    if checksum is not None:
        Path(f"{made_by_cp}.sha256").write_text(checksum)
    damaged = plant(library, b"good", days=11)
    damaged.write_bytes(b"rotten")
    for content, days in ((b"old", 30), (b"older", 40), (b"oldest", 50)):
        plant(library, content, days=days)
    plant(library, b"snapshot", days=1, kind=SNAPSHOT)
    result = prune(str(library), rules=Rules(last=2))
    assert left(library) == ["cp", "old", "older", "rotten", "snapshot"]
    (reason,) = (each["reason"] for each in result["kept"] if each["path"] == str(made_by_cp))
    assert reason.startswith("left alone, does not count as a backup: it")
    plant(library, b"new", days=2)
    assert [each["path"] for each in prune(str(library), rules=Rules(last=2))["removed"]][0] == str(damaged)
    assert left(library) == ["cp", "new", "old", "snapshot"]


def test_links_folders_and_fifos_are_left_alone(library: Path) -> None:
    plant(library, b"1", days=1)
    for number, make in ((1, os.mkfifo), (2, os.mkdir), (3, lambda path: os.symlink("elsewhere", path))):
        path = plant(library, b"", days=30, number=number, checksum=False)
        path.unlink()
        make(path)
    assert prune(str(library), rules=Rules())["changed"] is False
    assert len(list((library.parent / "backups").iterdir())) == 5


def test_a_missing_folder_is_not_a_change_and_is_not_created(library: Path) -> None:
    assert prune(str(library), rules=Rules())["changed"] is False
    assert list(library.parent.iterdir()) == [library]


@pytest.mark.parametrize("rules", [{"days": -1}, {"last": -1}, {"monthly": 10**9}])
def test_rules_out_of_range(rules: Dict[str, int]) -> None:
    with pytest.raises(MobiusError, match="between 0 and 100000"):
        Rules(**rules)
