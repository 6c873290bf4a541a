"""Clocks that were set: nothing good is pruned, and no older state is restored unasked."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils import clock
from ansible_collections.mobius.dhash.plugins.module_utils.backups import choose, names, prune, store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.prune import Rules
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import timeline
from deployed import A, B, C, deploy
from planted import plant


class Clock:
    """The wall clock of this host, without the file system and the time since boot."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        real = time.time

        def utc_now() -> datetime:
            return datetime.fromtimestamp(real() + self.ahead.total_seconds(), timezone.utc).replace(microsecond=0)

        for module in (clock, choose, prune, store):
            monkeypatch.setattr(module, "utc_now", utc_now)
        monkeypatch.setattr(timeline.time, "time", lambda: real() + self.ahead.total_seconds())
        # The same as a clock that was really set: the kernel's own time agrees.
        monkeypatch.setattr(timeline, "_kernel_doubt", lambda _now: "")


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    return Clock(monkeypatch)


@pytest.mark.parametrize("days", [8, 40, 400, 9 * 365])
@pytest.mark.parametrize("rules", [Rules(), Rules(days=0, last=0), Rules(days=7, last=0, daily=2)])
def test_deployments_with_a_clock_ahead_prune_nothing(library: Path, wall: Clock, days: int, rules: Rules) -> None:
    deploy(library, B, "1")
    library.write_bytes(b'{"v": "edited"}')
    create_backup(str(library))
    wall.ahead = timedelta(days=days)
    for number in range(4):
        deploy(library, b'{"v": %d}' % number, f"ahead-{number}")
        result = prune.prune(str(library), rules=rules)
        assert result["removed"] == []
        assert any("jumped forward" in text for text in result["warnings"])
    contents = [Path(each.path).read_bytes() for each in list_backups(str(library))]
    assert A in contents
    assert b'{"v": "edited"}' in contents


def test_a_process_with_a_time_of_its_own_prunes_nothing(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, A, days=2)
    plant(library, B, days=1)
    real = time.time
    monkeypatch.setattr(timeline.time, "time", lambda: real() + 9 * 365 * 86400)
    monkeypatch.setattr(prune, "utc_now", lambda: clock.utc(real() + 9 * 365 * 86400))
    result = prune.prune(str(library), rules=Rules())
    assert result["removed"] == []
    assert "days ahead of the kernel's" in result["warnings"][0]


def test_check_mode_says_the_same(library: Path, wall: Clock) -> None:
    deploy(library, B, "1")
    deploy(library, C, "2")
    wall.ahead = timedelta(days=300)
    result = prune.prune(str(library), rules=Rules(days=1), check_mode=True)
    assert (result["changed"], result["removed"]) == (False, [])
    assert "jumped forward" in result["warnings"][0]


def test_backups_of_the_wrong_time_are_named_once_the_clock_is_right(library: Path, wall: Clock) -> None:
    create_backup(str(library))
    wall.ahead = timedelta(days=9 * 365)
    library.write_bytes(B)
    ahead = create_backup(str(library))["backup"]["path"]
    wall.ahead = timedelta()
    library.write_bytes(C)
    right = create_backup(str(library))["backup"]["path"]
    library.write_bytes(b"broken")
    with pytest.raises(MobiusError, match="which backup is the newest is unknown") as error:
        restore(str(library), None, "latest")
    assert f"-e mobius_backup={ahead}" in str(error.value)
    assert right in str(error.value)
    assert library.read_bytes() == b"broken"
    result = prune.prune(str(library), rules=Rules(days=0, last=1))
    assert any("Dated in the future and left alone" in text and ahead in text for text in result["warnings"])
    assert Path(ahead).exists()
    assert Path(right).exists()


def test_a_backup_made_while_the_clock_was_behind_is_not_taken_for_an_old_one(library: Path, wall: Clock) -> None:
    older = create_backup(str(library))["backup"]["path"]
    wall.ahead = timedelta(days=-40)
    library.write_bytes(B)
    behind = create_backup(str(library))["backup"]["path"]
    wall.ahead = timedelta()
    library.write_bytes(b"broken")
    with pytest.raises(MobiusError, match="was made after it, although its name is older") as error:
        restore(str(library), None, "latest")
    assert f"-e mobius_backup={behind}" in str(error.value)
    assert older in str(error.value)
    prune.prune(str(library), rules=Rules(days=1, last=1))
    assert Path(behind).exists()
    restore(str(library), None, behind)
    assert library.read_bytes() == B


def test_the_clock_far_behind_all_backups(library: Path, wall: Clock) -> None:
    create_backup(str(library))
    library.write_bytes(B)
    newest = create_backup(str(library))["backup"]["path"]
    library.write_bytes(C)
    wall.ahead = timedelta(days=-20000)
    with pytest.raises(MobiusError, match="dated") as error:
        restore(str(library), None, "latest")
    assert newest in str(error.value)
    assert prune.prune(str(library), rules=Rules(days=0, last=0))["removed"] == []


def test_without_a_jump_old_ones_go(library: Path) -> None:
    plant(library, A, days=400)
    plant(library, B, days=30)
    plant(library, C, days=1)
    create_backup(str(library))
    result = prune.prune(str(library), rules=Rules())
    assert len(result["removed"]) == 2
    assert result["warnings"] == []
    assert names.CHECKSUM
