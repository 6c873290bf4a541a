"""A symlink that is changed during a run: refused before anything changes, and rolled back at its old target."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration.strip import strip
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire, hold, holder
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import LibraryMoved
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from ansible_collections.mobius.dhash.plugins.module_utils.verify.verify import Request, verify

TEXT = b'{"components": [{"image": "a.png", "release": %d}]}'


class Releases:
    def __init__(self, folder: Path, through: str) -> None:
        for number in (1, 2):
            (folder / "releases" / str(number)).mkdir(parents=True)
            self.real(folder, number).write_bytes(TEXT % number)
        self.folder = folder
        self._through = through
        self.link = folder / ("current" if through == "folder" else "library.json")
        self.given = str(self.link / "library.json") if through == "folder" else str(self.link)
        self.switch(1)
        self.backups = str(folder / "backups")

    @staticmethod
    def real(folder: Path, number: int) -> Path:
        return folder / "releases" / str(number) / "library.json"

    def path(self, number: int) -> Path:
        return self.real(self.folder, number)

    def switch(self, number: int) -> None:
        if self.link.is_symlink():
            self.link.unlink()
        target = self.path(number)
        self.link.symlink_to(target.parent if self._through == "folder" else target)


@pytest.fixture(params=["folder", "file"])
def releases(tmp_path: Path, request: pytest.FixtureRequest) -> Releases:
    return Releases(tmp_path, request.param)


def test_a_move_is_refused_by_every_module_before_anything_changes(releases: Releases) -> None:
    real = hold(releases.given, "R", present=True, check_mode=False)["real_path"]
    assert real == str(releases.path(1))
    made = create_backup(releases.given, releases.backups, deployment="R", expected_real_path=real)
    assert made["real_path"] == real
    releases.switch(2)
    before = sorted(releases.folder.rglob("*"))
    for call in (
        lambda: create_backup(releases.given, releases.backups, expected_real_path=real),
        lambda: create_backup(releases.given, releases.backups, expected_real_path=real, check_mode=True),
        lambda: restore(releases.given, releases.backups, expected_real_path=real),
        lambda: strip(releases.given, expected_real_path=real),
        lambda: verify(Request(releases.given, expected_real_path=real)),
        lambda: hold(releases.given, "S", present=True, check_mode=False, expected_real_path=real),
    ):
        with pytest.raises(LibraryMoved, match=f"from {real} to {releases.path(2)}, so nothing was changed"):
            call()
    assert sorted(releases.folder.rglob("*")) == before
    assert releases.path(2).read_bytes() == TEXT % 2


def test_the_lock_that_was_taken_is_given_back(releases: Releases) -> None:
    real = hold(releases.given, "R", present=True, check_mode=False)["real_path"]
    releases.switch(2)
    acquire(releases.given, "S")
    result = hold(releases.given, "R", present=False, check_mode=False, expected_real_path=real)
    assert (result["changed"], result["real_path"]) == (True, real)
    assert holder(real) is None
    assert holder(releases.given)["id"] == "S"


def test_what_was_migrated_before_the_move_is_rolled_back_where_it_is(releases: Releases) -> None:
    made = create_backup(releases.given, releases.backups, deployment="R")
    real, backup = made["real_path"], made["backup"]
    note = {"deployment": "R", "status": "deployed", "sha256": "", "backup": backup, "replaced": backup["sha256"]}
    Path(real).write_bytes(b'{"migrated": 1}')
    note["sha256"] = read_version(real).sha256
    state.begin(real, note, actual_sha256=backup["sha256"])
    state.commit(real)
    releases.switch(2)
    for wanted in (f"sha256:{backup['sha256']}", "deployment", backup["path"]):
        Path(real).write_bytes(b'{"migrated": 1}')
        result = restore(real, releases.backups, wanted, deployment="R")
        assert Path(real).read_bytes() == TEXT % 1
        assert result["real_path"] == real
    assert releases.path(2).read_bytes() == TEXT % 2


@pytest.mark.parametrize("empty", [None, ""])
def test_without_an_expectation_any_place_is_right(releases: Releases, empty: object) -> None:
    releases.switch(2)
    assert create_backup(releases.given, releases.backups, expected_real_path=empty)["changed"]


def test_a_library_that_went_away_has_not_moved(releases: Releases) -> None:
    create_backup(releases.given, releases.backups)
    releases.path(1).unlink()
    with pytest.raises(MobiusError):
        create_backup(releases.given, releases.backups, expected_real_path=str(releases.path(1)))
    (releases.path(1).parent / "other.txt").touch()
    restore(releases.given, releases.backups, expected_real_path=str(releases.path(1)))
    assert releases.path(1).read_bytes() == TEXT % 1
