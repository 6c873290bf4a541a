"""A library that was deleted gets back what it was: bytes, owner, group, mode, ACL; never onto a bare mount point."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import remembered
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import mounts
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire
from ansible_collections.mobius.dhash.tests.support.deployed import A, B
from ansible_collections.mobius.dhash.tests.support.planted import plant

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@root
@pytest.mark.parametrize("mode", [0o664, 0o640, 0o600, 0o444, 0o604, 0o000, 0o200, 0o755, 0o1644, 0o2640, 0o4600])
def test_owner_group_and_mode_are_restored(library: Path, mode: int) -> None:
    os.chown(library, 4711, 4712)
    library.chmod(mode)
    create_backup(str(library))
    library.unlink()
    result = restore(str(library))
    facts = library.stat()
    assert (facts.st_uid, facts.st_gid, stat.S_IMODE(facts.st_mode)) == (4711, 4712, mode)
    assert library.read_bytes() == A
    assert result["warnings"] == []


@root
def test_the_backup_itself_may_have_another_owner_and_mode(library: Path) -> None:
    library.chmod(0o664)
    create_backup(str(library), owner="65534", group="65534", mode=0o600)
    library.unlink()
    restore(str(library))
    assert (library.stat().st_uid, stat.S_IMODE(library.stat().st_mode)) == (0, 0o664)


@root
def test_attributes_and_acl_are_restored(library: Path) -> None:
    try:
        os.setxattr(library, "user.note", b"kept \xff")
    except OSError:
        pytest.skip("no extended attributes here")
    # user::rw-, user:4711:rw-, group::r--, mask::rw-, other::---
    entries = [(1, 6, 0xFFFFFFFF), (2, 6, 4711), (4, 4, 0xFFFFFFFF), (16, 6, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + right.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, right, who in entries
    )
    os.setxattr(library, "system.posix_acl_access", acl)
    mode = stat.S_IMODE(library.stat().st_mode)
    create_backup(str(library))
    library.unlink()
    assert restore(str(library))["warnings"] == []
    assert os.getxattr(library, "user.note") == b"kept \xff"
    assert os.getxattr(library, "system.posix_acl_access") == acl
    assert stat.S_IMODE(library.stat().st_mode) == mode


def test_an_existing_library_keeps_its_own(library: Path) -> None:
    library.chmod(0o664)
    create_backup(str(library))
    library.chmod(0o600)
    library.write_bytes(B)
    restore(str(library))
    assert (library.read_bytes(), stat.S_IMODE(library.stat().st_mode)) == (A, 0o600)


def test_a_backup_of_an_older_version_takes_what_a_newer_one_remembers(library: Path) -> None:
    library.chmod(0o664)
    create_backup(str(library))
    old = plant(library, B, days=3)
    library.unlink()
    restore(str(library), None, old.name)
    assert (library.read_bytes(), stat.S_IMODE(library.stat().st_mode)) == (B, 0o664)


def test_without_a_sidecar_the_backups_own_mode_counts(library: Path) -> None:
    old = plant(library, B, days=3)
    old.chmod(0o660)
    library.unlink()
    restore(str(library))
    assert stat.S_IMODE(library.stat().st_mode) == 0o660


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "rw"},
        {"mode": None},
        {"uid": "x", "user": None},
        {"attributes": []},
        {"attributes": {"user.x": "%%"}},
        {"attributes": {"system.nonsense": "AAAA"}},
        {"gid": -1, "group": "no such group"},
        {"version": 99, "more": {}},
        {"mode": "7777777777"},
        {"mode": "-1"},
        {"user": "a\0b", "group": "\ud800"},
        {"user": "nobody here", "uid": True, "group": "nobody here", "gid": False},
        {"attributes": {"user.a\0b": "AAAA", "user.\ud800": "AAAA", "": "AAAA", "user." + "x" * 300: "AAAA"}},
        {"mount_point": "relative/x"},
        {"mount_point": "/\0"},
        {"sequence": "9"},
        {"sequence": 10**30},
    ],
)
def test_an_odd_sidecar_does_not_stop_a_restore(library: Path, changes: dict) -> None:
    made = create_backup(str(library))["backup"]["path"]
    meta = Path(f"{made}.meta")
    meta.write_text(json.dumps({**json.loads(meta.read_text()), **changes}))
    library.unlink()
    restore(str(library))
    assert library.read_bytes() == A
    assert stat.S_IMODE(library.stat().st_mode) & 0o7022 == 0
    assert library.stat().st_uid == os.geteuid()


@root
@pytest.mark.parametrize("mode", [0o4755, 0o2750, 0o6711])
def test_what_can_be_executed_never_becomes_setuid(library: Path, mode: int) -> None:
    library.chmod(mode)
    create_backup(str(library))
    library.unlink()
    restore(str(library))
    assert stat.S_IMODE(library.stat().st_mode) == mode & 0o777


@root
def test_ids_without_a_name_are_restored(library: Path) -> None:
    os.chown(library, 2**32 - 2, 654321)
    create_backup(str(library))
    library.unlink()
    restore(str(library))
    assert (library.stat().st_uid, library.stat().st_gid) == (2**32 - 2, 654321)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (folder, "is a folder"),
        (os.mkfifo, "is a FIFO"),
        (lambda path: path.symlink_to("/dev/null"), "is a device"),
        (lambda path: path.symlink_to(path.name), "leads to itself"),
        (lambda path: path.symlink_to("/mnt/no-such-disk/library.json"), "there is no folder /mnt/no-such-disk"),
        (lambda path: path.symlink_to("/proc/nosuch/library.json"), "folder of the library is missing|no folder"),
    ],
    ids=["folder", "fifo", "device", "loop", "dangling", "proc"],
)
def test_something_else_in_its_place_is_refused(library: Path, make: Callable[[Path], Any], words: str) -> None:
    create_backup(str(library))
    library.unlink()
    make(library)
    before = library.lstat()
    with pytest.raises(MobiusError, match=words):
        restore(str(library))
    assert (library.lstat().st_ino, library.lstat().st_mode) == (before.st_ino, before.st_mode)


@root
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_the_umask_does_not_count(library: Path, umask: int) -> None:
    library.chmod(0o664)
    create_backup(str(library))
    library.unlink()
    former = os.umask(umask)
    try:
        restore(str(library))
    finally:
        os.umask(former)
    assert stat.S_IMODE(library.stat().st_mode) == 0o664


def test_a_user_who_cannot_change_the_owner_gets_a_warning(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create_backup(str(library))["backup"]["path"]
    meta = Path(f"{made}.meta")
    foreign = {"uid": 4711, "user": None, "gid": 4712, "group": None}
    meta.write_text(json.dumps({**json.loads(meta.read_text()), **foreign}))
    library.unlink()
    monkeypatch.setattr(remembered.os, "geteuid", lambda: 1000)
    warnings = restore(str(library))["warnings"]
    assert any("belonged to uid 4711" in text for text in warnings)
    assert any("belonged to gid 4712" in text for text in warnings)
    assert library.read_bytes() == A


class Disk:
    """A file system of its own that holds the library, and a link to it from elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.point = folder / "disk"
        self.point.mkdir()
        self.mount()
        self.inside = self.point / "mobius"
        self.inside.mkdir()
        self.real = self.inside / "library.json"
        self.real.write_bytes(A)
        self.link = folder / "library.json"
        self.link.symlink_to(self.real)
        self.backups = folder / "backups"

    def mount(self) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "none", str(self.point)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("cannot mount here")

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.point)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    subprocess.run(["umount", str(made.point)], capture_output=True, check=False)


def written(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


@root
@pytest.mark.parametrize("folder_beneath", [False, True])
@pytest.mark.parametrize("through", ["link", "path"])
def test_a_file_system_that_is_not_mounted_is_named(disk: Disk, through: str, folder_beneath: bool) -> None:
    given = str(disk.link if through == "link" else disk.real)
    create_backup(given, str(disk.backups))
    disk.unmount()
    if folder_beneath:
        (disk.point / "mobius").mkdir()
        (disk.point / "mobius" / "README").write_text("mount the disk here")
    before = written(disk.point)
    for wanted in ("latest", "deployment"):
        with pytest.raises(MobiusError, match=f"the file system at {disk.point} is not mounted"):
            restore(given, str(disk.backups), wanted, deployment="1")
        with pytest.raises(MobiusError, match="not mounted"):
            restore(given, str(disk.backups), wanted, check_mode=True)
    assert written(disk.point) == before


@root
def test_a_backup_of_an_older_version_does_not_write_through_a_link_into_an_empty_folder(disk: Disk) -> None:
    create_backup(str(disk.link), str(disk.backups))
    for meta in disk.backups.glob("*.meta"):
        meta.unlink()
    disk.unmount()
    with pytest.raises(MobiusError, match="its file system may not be mounted"):
        restore(str(disk.link), str(disk.backups))
    (disk.point / "mobius").mkdir()
    with pytest.raises(MobiusError, match="is empty; its file system"):
        restore(str(disk.link), str(disk.backups))
    with pytest.raises(MobiusError, match="is empty; its file system"):
        acquire(str(disk.link), "a run")
    assert written(disk.point) == ["mobius"]


@root
def test_mounted_it_is_made_again_with_its_mode(disk: Disk) -> None:
    disk.real.chmod(0o664)
    create_backup(str(disk.link), str(disk.backups))
    disk.real.unlink()
    restore(str(disk.link), str(disk.backups))
    assert (disk.real.read_bytes(), stat.S_IMODE(disk.real.stat().st_mode)) == (A, 0o664)
    assert disk.link.is_symlink()


@root
def test_an_empty_file_marks_the_place_as_right(disk: Disk) -> None:
    create_backup(str(disk.link), str(disk.backups))
    disk.unmount()
    disk.inside.mkdir()
    disk.real.touch()
    restore(str(disk.link), str(disk.backups))
    assert disk.real.read_bytes() == A


def test_fstab_names_what_is_missing(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(library, B, days=1)
    library.unlink()
    monkeypatch.setattr(mounts, "_fstab_points", lambda: ["/", str(library.parent)])
    with pytest.raises(MobiusError, match=f"the file system at {library.parent} is not mounted"):
        restore(str(library))
    assert not library.exists()
    assert not (library.parent / ".library.json.dhash").exists()


def test_a_new_host_is_not_a_missing_mount(library: Path, tmp_path: Path) -> None:
    create_backup(str(library))
    moved = tmp_path / "other" / "library.json"
    moved.parent.mkdir()
    shutil.copytree(library.parent / "backups", moved.parent / "backups")
    restore(str(moved))
    assert moved.read_bytes() == A


def test_a_folder_that_is_gone_is_not_made_again(library: Path, tmp_path: Path) -> None:
    create_backup(str(library), str(tmp_path / "elsewhere"))
    gone = tmp_path / "gone" / "library.json"
    with pytest.raises(MobiusError, match="folder of the library is missing"):
        restore(str(gone), str(tmp_path / "elsewhere"))
    assert not gone.parent.exists()
