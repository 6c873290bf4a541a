"""Which mount holds a path, and when a missing library means that its file system is not mounted."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import mounts


def table(*points: str) -> List[mounts.Mount]:
    return [mounts.Mount(point, "/", "ext4", f"/dev/{number}", False) for number, point in enumerate(points)]


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch):
    def mounting(*points: str, fstab: str = "") -> None:
        monkeypatch.setattr(mounts, "mounts", lambda: table(*points))
        read = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda p: fstab.encode() if str(p) == "/etc/fstab" else read(p))

    return mounting


def test_the_table_of_this_machine_has_its_root() -> None:
    assert any(each.point == "/" for each in mounts.mounts())
    found = mounts.mount_of("/proc/self/status")
    assert found is not None and (found.point, found.kind) == ("/proc", "proc")


@pytest.mark.parametrize(
    ("points", "path", "expected"),
    [
        (["/", "/srv"], "/srv/library.json", "/srv"),
        (["/", "/srv"], "/srvother/library.json", "/"),
        # The mount point itself is on what is mounted there.
        (["/", "/srv", "/srv/images"], "/srv/images", "/srv/images"),
        # The later mount covers the earlier one.
        (["/", "/srv", "/srv"], "/srv/x", "/srv"),
        ([], "/srv/x", None),
    ],
)
def test_the_deepest_mount_holds_a_path(mounted, points, path, expected) -> None:
    mounted(*points)
    found = mounts.mount_of(path)
    assert (found and found.point) == expected
    if points.count("/srv") == 2:
        assert found is not None and found.source == "/dev/2"


FSTAB = "# comment\nUUID=1 / ext4 defaults 0 1\nserver:/x {home}/my\\040disk nfs ro 0 0\nswap none swap sw 0 0\nshort\n"


@pytest.mark.parametrize("by", ["fstab", "the backup"])
def test_a_library_on_a_disk_that_is_not_mounted_is_refused_by_name(mounted, tmp_path: Path, by: str) -> None:
    disk = tmp_path / "my disk"
    disk.mkdir()
    path = str(disk / "library.json")
    mounted("/", fstab=FSTAB.replace("{home}", str(tmp_path)) if by == "fstab" else "")
    with pytest.raises(MobiusError, match="my disk is not mounted"):
        mounts.refuse_unmounted(path, str(disk) if by == "the backup" else None)
    mounted("/", str(disk), fstab=FSTAB.replace("{home}", str(tmp_path)))
    mounts.refuse_unmounted(path, str(disk))


def test_a_library_that_is_there_is_never_refused(mounted, tmp_path: Path) -> None:
    (tmp_path / "library.json").touch()
    mounted("/", fstab=f"x {tmp_path} ext4 defaults 0 0\n")
    mounts.refuse_unmounted(str(tmp_path / "library.json"))


def test_a_system_without_a_table_refuses_nothing(mounted, tmp_path: Path) -> None:
    mounted(fstab=f"x {tmp_path} ext4 defaults 0 0\n")
    mounts.refuse_unmounted(str(tmp_path / "library.json"), str(tmp_path))


@pytest.mark.parametrize(
    ("there", "points", "refused"),
    [
        ([], [], "is empty"),
        (["lost+found", ".library.json.dhash"], [], "is empty"),
        (["images"], [], None),
        # A mount of its own: the file system is there.
        ([], ["disk"], None),
        (None, [], "there is no folder"),
    ],
)
def test_a_link_into_a_bare_folder_is_refused(mounted, tmp_path: Path, there, points, refused) -> None:
    disk = tmp_path / "disk"
    if there is not None:
        disk.mkdir()
        for name in there:
            (disk / name).mkdir()
    (tmp_path / "library.json").symlink_to(disk / "library.json")
    mounted("/", *(str(tmp_path / point) for point in points))
    if refused is None:
        mounts.refuse_unmounted(str(tmp_path / "library.json"))
        return
    with pytest.raises(MobiusError, match=refused) as refusal:
        mounts.refuse_unmounted(str(tmp_path / "library.json"))
    assert "mount the file system" in str(refusal.value)


def test_a_folder_that_cannot_be_listed_is_not_bare(mounted, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "library.json").symlink_to(tmp_path / "disk" / "library.json")
    mounted("/")

    def no_right(_folder: str) -> List[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(mounts.os, "listdir", no_right)
    mounts.refuse_unmounted(str(tmp_path / "library.json"))
