"""A file system that is gone is not a failure rate."""

from __future__ import annotations

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


def test_a_root_that_cannot_be_read(root: Path) -> None:
    found = absence(str(root / "gone"), 3, 3)
    assert found is not None
    assert "No such file" in found.what


def test_single_pictures_are_no_matter_of_mounts(root: Path) -> None:
    (root / "a.png").touch()
    assert absence(str(root), 94, 100) is None
    assert absence(str(root), 2, 2) is None
    assert absence(str(root), 0, 0) is None
    found = absence(str(root), 96, 100)
    assert found is not None
    assert not found.gone
    assert "96 of 100 pictures are missing: the image root holds other files (a.png)" in found.what
