"""A file system that is not mounted does not count as failed pictures."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage.absent import absence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "my images"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("left", [[], ["lost+found"], [".snapshot", "lost+found"]])
def test_an_empty_root(root: Path, left: list) -> None:
    for name in left:
        (root / name).mkdir()
    found = absence(str(root), 1, 1)
    assert found is not None
    assert found.gone
    assert "All 1 pictures are missing: the image root is empty" in found.what
    assert "mobius_image_root" in found.remedy


@pytest.mark.parametrize("place", ["{root}", "{parent}", "{root}/photos"])
def test_a_mount_of_fstab_that_is_not_mounted(root: Path, tmp_path: Path, place: str) -> None:
    (root / "photos").mkdir()
    (root / "else.png").touch()
    point = place.format(root=root, parent=root.parent)
    written = point.replace(" ", "\\040")
    fstab = tmp_path / "fstab"
    fstab.write_text(
        f"# comment\n/dev/sda1 / ext4 defaults 0 1\nnas:/x {written}/ nfs _netdev 0 0\nproc /proc proc x\n"
    )
    found = absence(str(root), 10, 10, str(fstab))
    assert found is not None
    assert f"the file system at {point} is in {fstab} and not mounted" in found.what
    assert found.remedy.startswith(f"mount {point}")
    assert found.gone
    fstab.write_text(f"nas:/x {written} nfs noauto,ro 0 0\n/dev/sda1 / ext4 defaults 0 1\n")
    found = absence(str(root), 10, 10, str(fstab))
    assert found is not None
    assert "other files" in found.what
    assert not found.gone


@pytest.mark.parametrize(
    "line, named",
    [
        ("nas:/x\t{root}\tnfs\t_netdev\t0\t0", True),
        ("  nas:/x   {root}   nfs   defaults", True),
        ("nas:/x {root} nfs", True),
        ("nas:/x {root}//. nfs defaults # the pictures", True),
        ("nas:/x {root}/\\303\\251\\011 nfs defaults 0 0\r", True),
        ("#nas:/x {root} nfs defaults 0 0", False),
        ("# nas:/x {root} nfs defaults 0 0", False),
        ("nas:/x {root} nfs rw,x-systemd.automount,noauto 0 0", False),
        ("nas:/x {root}more nfs defaults 0 0", False),
        ("nas:/x none nfs defaults 0 0", False),
        ("nas:/x {root}", False),
        ("\0\x01", False),
    ],
)
def test_lines_of_fstab(root: Path, tmp_path: Path, line: str, named: bool) -> None:
    (root / "else.png").touch()
    fstab = tmp_path / "fstab"
    fstab.write_text(line.format(root=str(root).replace(" ", "\\040")) + "\n")
    found = absence(str(root), 10, 10, str(fstab))
    assert found is not None
    assert ("and not mounted" in found.what) == named, found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_bind_mount_of_the_same_file_system_is_mounted(root: Path, tmp_path: Path) -> None:
    (root / "else.png").touch()
    fstab = tmp_path / "fstab"
    written = str(root).replace(" ", "\\040")
    fstab.write_text(f"/srv/pictures {written} none bind 0 0\n")
    subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
    try:
        found = absence(str(root), 10, 10, str(fstab))
    finally:
        subprocess.run(["umount", str(root)], check=True)
    assert found is not None and "not mounted" not in found.what
    found = absence(str(root), 10, 10, str(fstab))
    assert found is not None and "and not mounted" in found.what


@pytest.mark.parametrize("kind", ["file", "fifo", "loop", "dangling"])
def test_a_root_that_is_not_a_folder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "images"
    if kind == "file":
        path.touch()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("images" if kind == "loop" else "nowhere/images")
    found = absence(str(path), 10, 10)
    assert found is not None and found.gone and "the image root cannot be read" in found.what


@pytest.mark.parametrize("name", ["README", "Thumbs.db", "desktop.ini", "System Volume Information", "$RECYCLE.BIN"])
def test_what_lies_on_a_bare_mount_point_is_named(root: Path, name: str) -> None:
    (root / name).touch()
    found = absence(str(root), 10, 10)
    assert found is not None and f"the image root holds other files ({name})" in found.what
    assert "mobius_max_failure_rate" not in found.remedy


def test_a_root_that_cannot_be_read(root: Path) -> None:
    found = absence(str(root / "gone"), 3, 3)
    assert found is not None
    assert "No such file" in found.what


def test_single_missing_pictures_are_not_a_missing_mount(root: Path) -> None:
    (root / "a.png").touch()
    assert absence(str(root), 94, 100) is None
    assert absence(str(root), 2, 2) is None
    assert absence(str(root), 0, 0) is None
    found = absence(str(root), 96, 100)
    assert found is not None
    assert not found.gone
    assert "96 of 100 pictures are missing: the image root holds other files (a.png)" in found.what
