"""The state and the host's journal around a replacement that did not happen, and where the host tells less."""

from __future__ import annotations

import errno
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import absent, rehearsal, retention, state, timeline
from ansible_collections.mobius.dhash.plugins.module_utils.storage.hints import Hints
from ansible_collections.mobius.dhash.plugins.module_utils.storage.images import ImageRoot, UnsafePath
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import unfinished
from ansible_collections.mobius.dhash.plugins.module_utils.storage.rehearsal import Folder, folder_faults, named_folder


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


def note(name: str, sha256: str, **members: Any) -> dict[str, Any]:
    return {"deployment": name, "status": "deployed", "sha256": sha256, **members}


def test_a_replacement_that_did_not_happen_is_withdrawn(library: str) -> None:
    state.withdraw(library)
    assert not Path(state.current_path(library)).exists(), "there was nothing to withdraw"
    state.begin(library, note("1", "a"), actual_sha256="before")
    state.commit(library)
    state.begin(library, note("2", "b"), actual_sha256="a")
    state.withdraw(library)
    assert state.read_document(library) == {**note("1", "a"), "previous": None}
    written = Path(state.current_path(library)).stat().st_mtime_ns
    state.withdraw(library)
    assert Path(state.current_path(library)).stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("pending", "deployment", "replaced"),
    [
        (None, "1", "old"),
        (None, "2", None),
        # Killed before or after it replaced the library: what it would have replaced is known.
        (note("2", "b", replaced="a"), "2", "a"),
        (note("2", "b", replaced="a"), "1", "old"),
        (note("2", "b"), "2", None),
        (note("2", "b", replaced=7), "2", None),
    ],
)
def test_what_a_deployment_replaced_is_known(library: str, pending: Any, deployment: str, replaced: Any) -> None:
    assert state.replaced_by(library, deployment) is None
    state.begin(library, note("1", "a", replaced="old"), actual_sha256="old")
    state.commit(library)
    if pending is not None:
        state.begin(library, pending, actual_sha256="a")
    assert state.replaced_by(library, deployment) == replaced


def test_files_beside_a_library_whose_folder_is_gone_belong_to_this_user(tmp_path: Path) -> None:
    assert state.library_owner(str(tmp_path / "none" / "library.json")) == (-1, -1)
    assert state.library_owner(str(tmp_path / "library.json")) == (os.geteuid(), tmp_path.stat().st_gid)


def test_without_a_run_before_nothing_is_unfinished() -> None:
    assert unfinished(None) is None
    run = {"id": "1", "steps": [{"step": "migrate", "outcome": "running"}], "owed": []}
    found = unfinished(run)
    assert found is not None and (found["id"], found["step"]) == ("1", "migrate")


def link_to_itself(root: Path) -> None:
    root.symlink_to(root)


@pytest.mark.parametrize(
    ("make", "bare"),
    [
        (lambda root: None, True),
        (lambda root: root.mkdir(), True),
        (lambda root: [root.mkdir(), (root / "lost+found").mkdir(), (root / ".hidden").touch()], True),
        (lambda root: [root.mkdir(), (root / "a.png").touch()], False),
        (Path.touch, False),
        (lambda root: root.symlink_to("nowhere"), False),
        (link_to_itself, False),
    ],
    ids=["missing", "empty", "a new file system", "a picture", "a file", "a dangling link", "a link to itself"],
)
def test_an_image_root_without_any_file(tmp_path: Path, make: Any, bare: bool) -> None:
    make(tmp_path / "images")
    assert absent.is_bare(str(tmp_path / "images")) is bare


def test_hints_for_a_root_that_cannot_be_listed_or_a_reference_to_the_root_itself(tmp_path: Path) -> None:
    assert Hints(ImageRoot(str(tmp_path / "none"))).meant("a.PNG") == ""
    (tmp_path / "a.png").write_bytes(b"x")
    hints = Hints(ImageRoot(str(tmp_path)))
    for reference in (".", "..", "/", "./.."):
        assert hints.meant(reference) == ""
    assert '"a.png" exists' in hints.meant("a.PNG")


def test_a_look_through_links_and_more_folders_than_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.mobius.dhash.plugins.module_utils.storage.images._MOST_FOLDERS", 2)
    seen: list[tuple[str, str]] = []
    root = tmp_path / "images"
    for each in ("a", "b", "c"):
        (root / each).mkdir(parents=True)
        (root / each / "x.png").write_text(each)
    (root / "link.png").symlink_to("b/x.png")
    (root / "a" / "out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "secret.png").touch()
    images = ImageRoot(str(root), lambda folder, real: seen.append((folder, real)))
    for each in ("a", "b", "c", "a", "c"):
        look = images.look(f"{each}/x.png")
        assert (Path(look.path).read_text(), look.linked) == (each, False)
    look = images.look("link.png")
    assert (look.path, look.linked, look.facts.st_size) == (str(root / "b" / "x.png"), True, 1)
    with pytest.raises(UnsafePath, match="leaves the image root through a link"):
        images.look("a/out.png")
    assert {folder for folder, _real in seen} == {str(root), *(str(root / each) for each in ("a", "b", "c"))}


@pytest.mark.parametrize(
    ("proven", "age", "text"),
    [
        (timedelta(days=3), timedelta(days=40), "40 days old by the clock, of which only 3.0 days are proven"),
        (timedelta(0), timedelta(days=9.96), "10.0 days old by the clock, of which only 0.0 days are proven"),
    ],
)
def test_an_age_that_is_not_proven_is_explained(proven: timedelta, age: timedelta, text: str) -> None:
    assert retention.unproven(proven, age) == f"{text}: the clock may have been set"


def test_without_proc_the_time_since_boot_is_that_of_the_kernels_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: object, **_options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(timeline.Path, "read_text", missing)
    assert abs(timeline._uptime() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
    assert timeline._now().boot is None


def test_the_folder_of_one_file(tmp_path: Path) -> None:
    assert named_folder(None) == named_folder("") == []
    (tmp_path / "link").symlink_to(tmp_path / "sub" / "x.json")
    assert named_folder(str(tmp_path / "link"), 7) == [Folder(str(tmp_path / "sub"), ["x.json"], 7)]


@pytest.mark.parametrize("call", ["pathconf", "ioctl", "fallocate"])
def test_a_file_system_that_tells_less_has_no_faults_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def unknown(*_args: object) -> None:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    if call == "pathconf":
        monkeypatch.setattr(rehearsal.os, "pathconf", unknown)
    elif call == "ioctl":
        monkeypatch.setattr(rehearsal.fcntl, "ioctl", unknown)
    else:
        # musl and older C libraries.
        monkeypatch.setattr(rehearsal.ctypes, "CDLL", lambda *_args, **_options: object())
    assert folder_faults(Folder(str(tmp_path), ["library.json"], 1000), write=True) == []
    assert folder_faults(Folder(str(tmp_path), ["library.json"], 0), write=True) == []
    assert not list(tmp_path.iterdir())
