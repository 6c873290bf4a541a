"""The library behind its links, and image paths that cannot leave their root."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import (
    UnsafePath,
    locate_library,
    refuse_target,
    resolve_library,
    resolve_under,
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


@pytest.mark.parametrize(("kind", "told"), [("fifo", "a FIFO"), ("folder", "a folder"), ("socket", "a socket")])
def test_a_library_is_a_regular_file(tmp_path: Path, kind: str, told: str) -> None:
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(MobiusError, match=told):
        locate_library(str(path))


def test_a_missing_library_and_a_link_into_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone/library.json")
    (tmp_path / "loop").symlink_to("loop")
    assert resolve_library(str(tmp_path / "link")) == str(tmp_path / "gone" / "library.json")
    for name in ("link", "none"):
        with pytest.raises(MobiusError, match="There is no library"):
            locate_library(str(tmp_path / name))
    with pytest.raises(MobiusError, match="leads to itself"):
        resolve_library(str(tmp_path / "loop"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.png").touch()
    (tmp_path / "secret.png").touch()
    return folder


@pytest.mark.parametrize(
    "reference",
    [
        "sub/a.png",
        "/sub/a.png",
        "./sub/a.png",
        "sub/../sub/a.png",
        "sub//a.png",
        "{root}/sub/a.png",
        "//sub/a.png",
        "/{root}/sub/a.png",
        "file://{root}/sub/a.png",
        "file:{root}/sub/a.png",
        "FILE://localhost{root}/sub/a.png",
        "file://127.0.0.1{root}/sub/%61.png",
        "file:///{root}/sub/../sub/a.png",
        "file:///sub/a.png",
        "file://sub/a.png",
        "file:\\\\{root}\\sub\\a.png",
    ],
)
def test_stays_under_the_root(root: Path, reference: str) -> None:
    assert resolve_under(str(root), reference.format(root=root)) == str(root / "sub" / "a.png")


def test_a_file_that_is_missing_has_a_path(root: Path) -> None:
    assert resolve_under(str(root), "none/b.png") == str(root / "none" / "b.png")
    assert resolve_under(str(root), "Catan: Seafarers.png") == str(root / "Catan: Seafarers.png")
    assert resolve_under(str(root), "ü \udcff.png") == str(root / "ü \udcff.png")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "empty"),
        ("a\0.png", "nul"),
        ("http://x/a.png", "remote"),
        ("HTTPS://x/a.png", "remote"),
        ("//cdn.example.com/a.png", "remote"),
        ("//localhost/a.png", "remote"),
        ("//user@cdn/a.png", "remote"),
        ("//cdn:8080/a.png", "remote"),
        ("s3://bucket/sub/a.png", "remote"),
        ("data:image/png;base64,AA", "remote"),
        ("file:///etc/passwd", "escapes-root"),
        ("file://localhost/etc/passwd", "escapes-root"),
        ("file://{root}/../secret.png", "escapes-root"),
        ("file://{root}/%2e%2e/secret.png", "escapes-root"),
        ("file:///..%2fsecret.png", "escapes-root"),
        ("file://../secret.png", "escapes-root"),
        ("//../secret.png", "escapes-root"),
        ("file://{root}/a%00.png", "nul"),
        ("../secret.png", "escapes-root"),
        ("sub/../../secret.png", "escapes-root"),
        ("/../secret.png", "escapes-root"),
        ("{root}/../secret.png", "escapes-root"),
        (".", "escapes-root"),
        ("sub/..", "escapes-root"),
    ],
)
def test_names_no_file_under_the_root(root: Path, reference: str, reason: str) -> None:
    with pytest.raises(UnsafePath) as error:
        resolve_under(str(root), reference.format(root=root))
    assert error.value.reason == reason


@pytest.mark.parametrize("reference", ["//sub/none.png", "//none.png", "file://none.png", "file://server/share/a.png"])
def test_a_path_of_this_host_is_not_remote_for_being_missing(root: Path, reference: str) -> None:
    assert not Path(resolve_under(str(root), reference)).exists()


def test_a_root_that_is_a_link_is_known_by_both_names(root: Path) -> None:
    (root.parent / "link").symlink_to("images")
    for folder in (root, root.parent / "link"):
        for reference in (f"{folder}/sub/a.png", f"file://{folder}/sub/a.png", f"/{folder}/./sub//a.png"):
            assert resolve_under(str(root.parent / "link"), reference) == str(root / "sub" / "a.png")


def test_links_may_not_leave_the_root(root: Path) -> None:
    (root / "out.png").symlink_to("../secret.png")
    (root / "outdir").symlink_to("..")
    (root / "inside.png").symlink_to("sub/a.png")
    (root / "loop.png").symlink_to("loop.png")
    for reference in (
        "out.png",
        "outdir/secret.png",
        "/outdir/images/../secret.png",
        f"file://{root}/out.png",
        "//outdir/secret.png",
    ):
        with pytest.raises(UnsafePath, match="leaves the image root"):
            resolve_under(str(root), reference)
    assert resolve_under(str(root), "inside.png") == str(root / "sub" / "a.png")
    assert resolve_under(str(root), "loop.png") == str(root / "loop.png")


def test_the_root_may_be_a_link_itself(root: Path) -> None:
    (root.parent / "link").symlink_to("images")
    assert resolve_under(str(root.parent / "link"), "sub/a.png") == str(root / "sub" / "a.png")
    assert resolve_under("/", "/etc/hostname") == os.path.realpath("/etc/hostname")


@pytest.mark.parametrize(
    "target, told",
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
def test_nothing_is_written_over_the_library_or_its_way_back(tmp_path: Path, target: str, told: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "library.json").touch()
    os.link(tmp_path / "data" / "library.json", tmp_path / "hard")
    (tmp_path / "folder").symlink_to("data")
    (tmp_path / "library.json").symlink_to("data/library.json")
    (tmp_path / "current.json").symlink_to("data/library.json")
    (tmp_path / "to-a-backup").symlink_to("backups/library.json.bak.20240924T160000Z")
    for library in ("current.json", "data/library.json") if "current" not in target else ("current.json",):
        if told:
            with pytest.raises(MobiusError, match=f"The report may not be {told}"):
                refuse_target(str(tmp_path / target), str(tmp_path / library), "The report")
        else:
            refuse_target(str(tmp_path / target), str(tmp_path / library), "The report")


def test_the_place_of_a_library_that_is_gone_is_not_taken_either(tmp_path: Path) -> None:
    with pytest.raises(MobiusError, match="the library itself"):
        refuse_target(str(tmp_path / "library.json"), str(tmp_path / "library.json"), "The report")
