"""Faults that would only show during the write are found by a rehearsal."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import rehearsal
from ansible_collections.mobius.dhash.plugins.module_utils.storage.rehearsal import (
    Folder,
    folder_faults,
    target_faults,
)
from ansible_collections.mobius.dhash.tests.support.users import acting_as

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def faults(folder: Path, name: str = "library.json", size: int = 1000, *, write: bool = True, **more: Any) -> list[str]:
    before = names(folder) if folder.is_dir() else None
    found = folder_faults(Folder(str(folder), [name], size, **more), write=write)
    assert before is None or names(folder) == before, "the rehearsal leaves nothing"
    return found


def run(*command: str) -> None:
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"cannot {command[0]} here")


def as_user(path: Path, uid: int = 4711, gid: int = 4711) -> str:
    """The faults that another user gets."""
    with acting_as(uid, gid):
        wanted = Folder(str(path.parent), [path.name], 100)
        return "\n".join([*target_faults(str(path), "the library"), *folder_faults(wanted, write=True)])


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "site" / "library.json"
    path.parent.mkdir()
    path.write_text("{}")
    return path


@pytest.fixture
def shared() -> Iterator[Path]:
    """A library that other users can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "library.json").write_text("{}")
    yield folder / "library.json"
    shutil.rmtree(folder)


def test_a_sound_folder_has_no_faults(library: Path) -> None:
    assert faults(library.parent) == []
    assert list(target_faults(str(library), "the library")) == []
    assert faults(library.parent / "backups" / "deep") == []
    assert not (library.parent / "backups").exists()


@pytest.mark.parametrize(("length", "ok"), [(200, True), (237, True), (238, False), (255, False)])
@pytest.mark.parametrize("write", [True, False])
def test_names_that_are_too_long(tmp_path: Path, length: int, ok: bool, write: bool) -> None:
    found = faults(tmp_path, "n" * length, write=write)
    assert (found == []) is ok
    assert ok or "is too long" in found[0]


def test_names_are_counted_in_bytes(tmp_path: Path) -> None:
    assert "is too long" in faults(tmp_path, "ü" * 120)[0]


@root
@pytest.mark.parametrize(("flag", "word"), [("i", "immutable"), ("a", "append-only")])
@pytest.mark.parametrize("what", ["library", "folder"])
def test_chattr(library: Path, flag: str, word: str, what: str) -> None:
    path = library if what == "library" else library.parent
    run("chattr", f"+{flag}", str(path))
    try:
        found = [*target_faults(str(library), "the library"), *faults(library.parent)]
    finally:
        run("chattr", f"-{flag}", str(path))
    assert any(f"is {word}: chattr -{flag} {path}" in each for each in found), found


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "point"
    point.mkdir()
    yield point
    subprocess.run(["umount", str(point)], capture_output=True, check=False)


@root
def test_a_read_only_mount(mounted: Path) -> None:
    run("mount", "-t", "tmpfs", "-o", "ro", "none", str(mounted))
    for write in (True, False):
        (found,) = faults(mounted, write=write)
        assert f"(mounted at {mounted}) is read-only" in found


@root
def test_no_free_space(mounted: Path) -> None:
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mounted))
    assert faults(mounted, size=100_000) == []
    assert f"{mounted} has no space for 5000000 bytes" in faults(mounted, size=5_000_000)[0]


@root
def test_no_free_inodes(mounted: Path) -> None:
    run("mount", "-t", "tmpfs", "-o", "nr_inodes=2", "none", str(mounted))
    (mounted / "one").touch()
    assert "has no space" in faults(mounted)[0]


@root
@pytest.mark.parametrize("link", [False, True])
def test_a_bind_mounted_file(library: Path, link: bool) -> None:
    run("mount", "--bind", str(library), str(library))
    given = library
    if link:
        given = library.parent / "link.json"
        given.symlink_to(library)
    try:
        (found,) = target_faults(str(given), "the library")
    finally:
        subprocess.run(["umount", str(library)], check=True)
    assert f"the library {library} is a mount point of its own" in found
    assert "mount its folder instead" in found


@root
@pytest.mark.parametrize(
    ("owner", "mode", "user", "words"),
    [
        ((4711, 4711), 0o755, (4711, 4711), []),
        ((0, 4711), 0o777, (4711, 4711), ["The owner root (uid 0) cannot be kept by the user uid 4711"]),
        ((4711, 0), 0o777, (4711, 4711), ["The group root (gid 0) cannot be kept by the user uid 4711"]),
        ((0, 0), 0o777, (4711, 4711), ["The owner root", "The group root"]),
        ((4711, 4711), 0o1777, (4712, 4711), ["its folder is sticky", "The owner uid 4711"]),
    ],
)
def test_owner_and_group_that_cannot_be_kept(
    shared: Path, owner: tuple, mode: int, user: tuple, words: list[str]
) -> None:
    library = shared
    os.chown(library.parent, 4711 if mode == 0o755 else 0, 4711)
    library.parent.chmod(mode)
    os.chown(library, *owner)
    found = as_user(library, *user)
    assert all(each in found for each in words), found
    assert bool(found) is bool(words)
    if words and "group" in words[0]:
        assert "owner" not in found


@root
def test_a_folder_that_may_not_be_entered_or_written(shared: Path) -> None:
    library, outer = shared, shared.parent
    inner = outer / "inner"
    inner.mkdir()
    moved = inner / "library.json"
    library.rename(moved)
    os.chown(moved, 4711, 4711)
    inner.chmod(0o755)
    assert f"no permission to write in {inner} as uid 4711" in as_user(moved)
    outer.chmod(0o700)
    assert f"no permission to enter {outer} as uid 4711 (x is missing)" in as_user(moved)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "the quota of"),
        (errno.ENOSPC, "has no space for 1000 bytes"),
        (errno.EFBIG, "is too large for"),
        (errno.EIO, "cannot be written to: Input/output error"),
        (errno.EROFS, "cannot be written to: Read-only file system"),
        (errno.EPERM, "cannot be created, renamed and removed: Operation not permitted"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "rename", "pwrite"])
def test_whatever_fails_is_reported_and_nothing_stays(
    library: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, call: str
) -> None:
    def broken(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(rehearsal.os, call, broken)
    (found,) = faults(library.parent)
    assert words in found


def test_a_group_that_does_not_exist(library: Path) -> None:
    assert "No such group on this host" in faults(library.parent, group="no-such-group")[0]


def test_a_missing_library_has_no_further_faults(tmp_path: Path) -> None:
    assert list(target_faults(str(tmp_path / "none.json"), "the library")) == []


@root
def test_a_right_that_is_taken_away_meanwhile_is_named(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, opened = shared.parent, os.open
    os.chown(folder, 4711, 4711)

    def late(path: str, *args: Any) -> int:
        if path.endswith(".tmp"):
            folder.chmod(0o500)
        return opened(path, *args)

    monkeypatch.setattr(rehearsal.os, "open", late)
    with acting_as(4711, 4711):
        (fault,) = folder_faults(Folder(str(folder), ["library.json"], 100), write=True)
    assert fault.startswith(f"no permission to write in {folder} as uid 4711: chown, chmod or setfacl there")
    assert names(folder) == ["library.json"]
