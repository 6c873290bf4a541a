"""Image paths that cannot leave their root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage.images import UnsafePath, resolve_under


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
