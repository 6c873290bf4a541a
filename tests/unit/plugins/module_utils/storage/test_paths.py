"""The library behind its links, and what may not be written over."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import (
    locate_library,
    refuse_target,
    resolve_library,
    state_dir,
)


def test_every_link_leads_to_the_same_library_and_state(tmp_path: Path) -> None:
    real = tmp_path / "data" / "library.json"
    real.parent.mkdir()
    real.touch()
    (tmp_path / "link").symlink_to("data/library.json")
    (tmp_path / "folder").symlink_to("data")
    for path in (tmp_path / "link", tmp_path / "folder" / "library.json", real):
        assert locate_library(str(path)) == str(real)
        assert state_dir(str(path)) == str(real.parent / ".library.json.dhash")
    assert not Path(state_dir(str(real))).exists()


@pytest.mark.parametrize(("kind", "reported"), [("fifo", "a FIFO"), ("folder", "a folder"), ("socket", "a socket")])
def test_a_library_is_a_regular_file(tmp_path: Path, kind: str, reported: str) -> None:
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(MobiusError, match=reported):
        locate_library(str(path))


def test_a_missing_library_and_a_link_into_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone/library.json")
    (tmp_path / "loop").symlink_to("loop")
    assert resolve_library(str(tmp_path / "link")) == str(tmp_path / "gone" / "library.json")
    for name in ("link", "none"):
        with pytest.raises(MobiusError, match="The library does not exist"):
            locate_library(str(tmp_path / name))
    with pytest.raises(MobiusError, match="leads to itself"):
        resolve_library(str(tmp_path / "loop"))


@pytest.mark.parametrize(
    "target, reported",
    [
        ("data/library.json", "the library itself"),
        ("library.json", "the library itself"),
        ("folder/./library.json", "the library itself"),
        ("hard", "the library itself"),
        ("backups/library.json.bak.20240924T160000Z", "a backup of the library"),
        ("backups/library.json.bak.20240924T160000Z.sha256", "a backup of the library"),
        ("anywhere/current.json.bak.20240924T160000Z-2", "a backup of the library"),
        ("backups/library.json.pre-restore.20240924T160000Z", "a backup of the library"),
        ("to-a-backup", "a backup of the library"),
        ("data/.library.json.dhash", "in the folder of the library's state"),
        ("folder/.library.json.dhash/current.json", "in the folder of the library's state"),
        *[(free, "") for free in ("data/migrate-dryrun.json", "library.json.maintenance", "backups/notes", "x.prom")],
    ],
)
def test_nothing_is_written_over_the_library_or_its_rollback_target(tmp_path: Path, target: str, reported: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "library.json").touch()
    os.link(tmp_path / "data" / "library.json", tmp_path / "hard")
    (tmp_path / "folder").symlink_to("data")
    (tmp_path / "library.json").symlink_to("data/library.json")
    (tmp_path / "current.json").symlink_to("data/library.json")
    (tmp_path / "to-a-backup").symlink_to("backups/library.json.bak.20240924T160000Z")
    for library in ("current.json", "data/library.json") if "current" not in target else ("current.json",):
        if reported:
            with pytest.raises(MobiusError, match=f"The report may not be {reported}"):
                refuse_target(str(tmp_path / target), str(tmp_path / library), "The report")
        else:
            refuse_target(str(tmp_path / target), str(tmp_path / library), "The report")


def test_the_place_of_a_library_that_is_gone_is_not_taken_either(tmp_path: Path) -> None:
    with pytest.raises(MobiusError, match="the library itself"):
        refuse_target(str(tmp_path / "library.json"), str(tmp_path / "library.json"), "The report")
