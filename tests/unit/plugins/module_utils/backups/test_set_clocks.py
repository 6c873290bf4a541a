"""Clocks that were set: nothing good is pruned, and an older backup is restored only on request."""

from __future__ import annotations

import hashlib
import os
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
from ansible_collections.mobius.dhash.tests.support.deployed import A, B, C, deploy
from ansible_collections.mobius.dhash.tests.support.planted import plant


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


def test_a_process_in_its_own_time_namespace_prunes_nothing(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, A, days=2)
    plant(library, B, days=1)
    real = time.time
    monkeypatch.setattr(timeline.time, "time", lambda: real() + 9 * 365 * 86400)
    monkeypatch.setattr(prune, "utc_now", lambda: clock.utc(real() + 9 * 365 * 86400))
    result = prune.prune(str(library), rules=Rules())
    assert result["removed"] == []
    assert "days ahead of the kernel's" in result["warnings"][0]


def test_check_mode_predicts_the_same(library: Path, wall: Clock) -> None:
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
    with pytest.raises(MobiusError, match="so the newest backup cannot be determined") as error:
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


def named(library: Path, stamp: str, content: bytes) -> Path:
    """A backup of an older version, without a sidecar, whose name carries this time."""
    path = plant(library, content, days=0)
    other = path.with_name(f"{library.name}.bak.{stamp}")
    path.rename(other)
    Path(f"{path}.sha256").unlink()
    Path(f"{other}.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {other.name}\n")
    return other


@pytest.mark.parametrize("stamp", ["19700101T000000Z", "19700101T000317Z-2", "19800106T000000Z", "19991231T235959Z"])
def test_a_clock_that_was_never_set(library: Path, stamp: str) -> None:
    unset = named(library, stamp, B)
    good = plant(library, A, days=1)
    result = prune.prune(str(library), rules=Rules(days=0, last=1))
    assert result["removed"] == [] and unset.exists()
    assert any("dated before 2000" in each["reason"] for each in result["kept"])
    library.write_bytes(b"broken")
    with pytest.raises(MobiusError, match="is dated before 2000, by a clock that was not set") as error:
        restore(str(library), None, "latest")
    assert f"-e mobius_backup={unset}" in str(error.value) and str(good) in str(error.value)
    restore(str(library), None, unset.name)
    assert library.read_bytes() == B


def test_the_only_backup_may_be_of_a_clock_that_was_never_set(library: Path) -> None:
    named(library, "19700101T000000Z", B)
    restore(str(library), None, "latest")
    assert library.read_bytes() == B


@pytest.mark.parametrize(
    "stamp",
    [
        "20240230T000000Z",
        "20241301T000000Z",
        "20161231T235960Z",
        "00000101T000000Z",
        "20241027T023000",
        "20241027T023000+0200",
    ],
)
def test_a_name_without_a_valid_time_is_not_a_backup(library: Path, stamp: str) -> None:
    odd = named(library, stamp, B)
    plant(library, C, days=1)
    assert prune.prune(str(library), rules=Rules(days=0, last=0))["removed"] == [] and odd.exists()
    restore(str(library), None, "latest")
    assert library.read_bytes() == C


def test_backups_of_one_second_are_in_the_order_of_their_numbers(library: Path) -> None:
    for number in (1, 2, 9, 10, 11):
        plant(library, b'{"v": %d}' % number, days=1, number=number)
    restore(str(library), None, "latest")
    assert library.read_bytes() == b'{"v": 11}'


@pytest.mark.parametrize("seconds", [0, -(10**9), 2**33])
def test_the_time_of_a_file_is_not_that_of_its_backup(library: Path, seconds: int) -> None:
    for days, content in ((2, A), (1, B)):
        path = plant(library, content, days=days)
        os.utime(path, (seconds, -seconds if days == 2 else seconds))
    assert prune.prune(str(library), rules=Rules(days=7))["removed"] == []
    restore(str(library), None, "latest")
    assert library.read_bytes() == B


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
def test_names_are_in_utc_in_every_time_zone(library: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        create_backup(str(library))
        made = list_backups(str(library))[0]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs(made.created.timestamp() - time.time()) < 60


SPANS = [
    b"\xff\xfe",
    b"[]",
    b'{"spans": "x"}',
    b'{"spans": [null]}',
    b'{"spans": [{"boot": "x", "first": NaN, "last": 1e999, "uptime": -5}]}',
    b'{"spans": [{"boot": "x", "first": -1e300, "last": 1e300, "uptime": 1}]}',
    b'{"spans": [{"boot": "x", "first": 1e18, "last": 1e18, "uptime": 1}]}',
    b'{"spans": [{"boot": "x", "first": -1, "last": 1, "uptime": 1}]}',
    b'{"spans": [{"boot": null, "first": true, "last": "12", "uptime": "inf"}]}',
]


@pytest.mark.parametrize("spans", SPANS)
def test_what_is_known_of_the_time_was_damaged(library: Path, spans: bytes) -> None:
    deploy(library, B, "1")
    create_backup(str(library))
    writing = library.parent / ".library.json.dhash" / "writing"
    writing.parent.mkdir(exist_ok=True)
    for act in (
        lambda: prune.prune(str(library), rules=Rules()),
        lambda: restore(str(library), None, "deployment"),
        lambda: create_backup(str(library)),
    ):
        writing.write_bytes(spans)
        act()
    assert library.read_bytes() == A


def test_without_a_jump_old_ones_go(library: Path) -> None:
    plant(library, A, days=400)
    plant(library, B, days=30)
    plant(library, C, days=1)
    create_backup(str(library))
    result = prune.prune(str(library), rules=Rules())
    assert len(result["removed"]) == 2
    assert result["warnings"] == []
    assert names.CHECKSUM
