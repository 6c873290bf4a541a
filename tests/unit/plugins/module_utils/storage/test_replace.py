"""Atomic replacement: a file is replaced whole and keeps its attributes, or stays untouched."""

from __future__ import annotations

import errno
import os
import stat
import struct
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import replace
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import parse_mode, resolve_ownership
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import (
    ABSENT,
    ChangedMeanwhile,
    DurabilityUnknown,
    create_exclusively,
    make_folders,
    open_regular,
    read_version,
    replace_whole,
    sweep_temporaries,
    write_json,
)

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
NOBODY = 65534


def new_bytes(stream: BinaryIO) -> None:
    stream.write(b"new")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(b"old")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def as_nobody(call: Callable[[], Any]) -> str:
    """Run in a child that has given up root; returns the error's text, or an empty one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = ""
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            call()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_returns_the_version_that_is_there_afterwards(library: Path) -> None:
    version = replace_whole(str(library), lambda stream: stream.write(b"x" * 1_000_000))
    assert library.read_bytes() == b"x" * 1_000_000
    assert version == read_version(str(library))
    assert version.size == 1_000_000


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o664])
def test_keeps_the_mode_whatever_the_umask(library: Path, mode: int) -> None:
    library.chmod(mode)
    before = os.umask(0o077)
    try:
        replace_whole(str(library), new_bytes)
    finally:
        os.umask(before)
    assert stat.S_IMODE(library.stat().st_mode) == mode


def test_new_file_and_folders_have_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o077):
        target = tmp_path / f"made{umask}" / "deep" / "new.json"
        before = os.umask(umask)
        try:
            replace_whole(str(target), new_bytes)
        finally:
            os.umask(before)
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        assert [stat.S_IMODE(each.stat().st_mode) for each in (target.parent, target.parent.parent)] == [0o750, 0o750]


@root_only
def test_keeps_owner_and_setgid_folder(tmp_path: Path, library: Path) -> None:
    os.chown(library, 1234, 4321)
    replace_whole(str(library), new_bytes)
    assert (library.stat().st_uid, library.stat().st_gid) == (1234, 4321)
    (tmp_path / "shared").mkdir()
    os.chown(tmp_path / "shared", -1, 4321)
    (tmp_path / "shared").chmod(0o2750)
    replace_whole(str(tmp_path / "shared" / "sub" / "x"), new_bytes)
    made = (tmp_path / "shared" / "sub").stat()
    assert (made.st_gid, stat.S_IMODE(made.st_mode)) == (4321, 0o2750)


@root_only
def test_refuses_before_writing_when_the_owner_cannot_be_kept(open_folder: Path) -> None:
    library = open_folder / "library.json"
    library.write_bytes(b"old")
    library.chmod(0o666)
    called = open_folder / "called"

    def write(_stream: BinaryIO) -> None:
        called.touch()

    text = as_nobody(lambda: replace_whole(str(library), write))
    assert "The owner root (uid 0) cannot be kept" in text
    assert names_in(open_folder) == ["library.json"]
    assert library.read_bytes() == b"old"


@root_only
def test_the_owner_needs_no_privilege(open_folder: Path) -> None:
    library = open_folder / "library.json"
    library.write_bytes(b"old")
    os.chown(library, NOBODY, NOBODY)
    assert as_nobody(lambda: replace_whole(str(library), new_bytes)) == ""
    assert library.read_bytes() == b"new"


def test_keeps_extended_attributes_and_acl(library: Path) -> None:
    try:
        os.setxattr(library, "user.note", b"kept \x00 whole")
        os.setxattr(library, "system.posix_acl_access", user_may_write(1234))
    except OSError as error:
        pytest.skip(f"no extended attributes or ACLs here: {error}")
    before = {name: os.getxattr(library, name) for name in os.listxattr(library)}
    mode = library.stat().st_mode
    replace_whole(str(library), new_bytes)
    assert {name: os.getxattr(library, name) for name in os.listxattr(library)} == before
    assert library.stat().st_mode == mode
    assert {"user.note", "system.posix_acl_access"} <= before.keys()


def user_may_write(uid: int) -> bytes:
    """What ``setfacl -m u:UID:rw`` sets, as the kernel takes it: a version, then tag, rights and id of each entry."""
    nobody = 0xFFFFFFFF
    entries = [(0x01, 6, nobody), (0x02, 6, uid), (0x04, 4, nobody), (0x10, 6, nobody), (0x20, 4, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_refuses_when_an_attribute_cannot_be_kept(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    os.setxattr(library, "user.note", b"1")
    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(MobiusError, match="user.note cannot be kept"):
        replace_whole(str(library), new_bytes)
    assert library.read_bytes() == b"old"
    assert names_in(library.parent) == ["library.json"]


def test_follows_a_link_and_leaves_it(tmp_path: Path, library: Path) -> None:
    link = tmp_path / "elsewhere" / "current.json"
    link.parent.mkdir()
    link.symlink_to("../library.json")
    replace_whole(str(link), new_bytes)
    assert link.is_symlink()
    assert library.read_bytes() == b"new"
    assert names_in(link.parent) == ["current.json"]


def test_another_name_of_the_file_keeps_the_old_bytes(tmp_path: Path, library: Path) -> None:
    os.link(library, tmp_path / "hard")
    replace_whole(str(library), new_bytes)
    assert (tmp_path / "hard").read_bytes() == b"old"


@pytest.mark.parametrize("edit", ["in place", "by rename", "removed", "same size and mtime"])
def test_an_edit_meanwhile_is_kept(library: Path, edit: str) -> None:
    expected = read_version(str(library))

    def write(stream: BinaryIO) -> None:
        stream.write(b"new")
        if edit == "by rename":
            (library.parent / "other").write_bytes(b"edited")
            (library.parent / "other").rename(library)
        elif edit == "removed":
            library.unlink()
        else:
            library.write_bytes(b"odd" if edit == "same size and mtime" else b"edited")
            if edit == "same size and mtime":
                os.utime(library, ns=(expected.mtime_ns, expected.mtime_ns))

    with pytest.raises(ChangedMeanwhile):
        replace_whole(str(library), write, expected=expected)
    assert [each.read_bytes() for each in library.parent.iterdir()] in ([b"edited"], [b"odd"], [])


def test_an_edit_during_the_last_look_is_kept(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_version(str(library))

    def slow(path: str, **options: Any) -> replace.Version:
        version = read_version(path, **options)
        if path == str(library):
            library.write_bytes(b"edited")
        return version

    monkeypatch.setattr(replace, "read_version", slow)
    with pytest.raises(ChangedMeanwhile):
        replace_whole(str(library), new_bytes, expected=expected)
    assert library.read_bytes() == b"edited"


def test_absent_means_absent(tmp_path: Path) -> None:
    target = tmp_path / "new"
    replace_whole(str(target), new_bytes, expected=ABSENT)
    with pytest.raises(ChangedMeanwhile, match="appeared"):
        replace_whole(str(target), lambda stream: stream.write(b"newer"), expected=ABSENT)
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("where", ["write", "before_rename", "sha256"])
def test_what_fails_on_the_way_leaves_the_old_file_alone(library: Path, where: str) -> None:
    def fail(*_given: Any) -> None:
        raise MobiusError("no good")

    def look(path: str, _version: Any) -> None:
        seen.append(Path(path).read_bytes())

    seen: list[bytes] = []
    with pytest.raises(MobiusError):
        replace_whole(
            str(library),
            fail if where == "write" else new_bytes,
            before_rename=fail if where == "before_rename" else look,
            sha256="0" * 64 if where == "sha256" else None,
        )
    assert library.read_bytes() == b"old"
    assert names_in(library.parent) == ["library.json"]
    assert seen == []


def test_what_a_failed_write_left_in_the_buffer_reaches_no_other_file(library: Path) -> None:
    kept = []

    def fail(stream: BinaryIO) -> None:
        kept.append(stream)
        stream.write(b"left in the buffer")
        raise MobiusError("no good")

    with pytest.raises(MobiusError):
        replace_whole(str(library), fail)
    # The lowest free number, and so the one that was just closed.
    descriptor = os.open(library.parent / "innocent", os.O_RDWR | os.O_CREAT)
    kept[0].close()
    kept.clear()
    os.close(descriptor)
    assert (library.parent / "innocent").read_bytes() == b""


def test_what_reads_back_differently_is_not_used(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def rot(descriptor: int) -> None:
        real(descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.pwrite(descriptor, b"N", 0)

    monkeypatch.setattr(os, "fsync", rot)
    with pytest.raises(MobiusError, match="reads back differently"):
        replace_whole(str(library), new_bytes)
    assert library.read_bytes() == b"old"
    assert names_in(library.parent) == ["library.json"]


def test_a_folder_that_cannot_be_synced_is_reported_as_applied(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(DurabilityUnknown, match="Applied, durability unknown"):
        replace_whole(str(library), new_bytes)
    assert library.read_bytes() == b"new"


def test_syncs_the_file_before_the_rename_and_the_folder_after(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os, "fsync", lambda fd: (calls.append("dir" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"), sync(fd))
    )
    monkeypatch.setattr(os, "rename", lambda *args: (calls.append("rename"), rename(*args)))
    replace_whole(str(library), new_bytes)
    assert calls == ["file", "rename", "dir"]


def test_sweeps_only_its_own_temporaries(tmp_path: Path, library: Path) -> None:
    for name in (
        ".library.json.0123456789ab.tmp",
        ".library.json.x.tmp",
        ".other.0123456789ab.tmp",
        "library.json.tmp",
    ):
        (tmp_path / name).touch()
    (tmp_path / ".library.json.ba9876543210.tmp").mkdir()
    assert sweep_temporaries(str(library)) == [str(tmp_path / ".library.json.0123456789ab.tmp")]
    assert len(names_in(tmp_path)) == 5


def test_leaves_what_may_still_be_written(tmp_path: Path, library: Path) -> None:
    left = [tmp_path / f".library.json.{digit * 12}.tmp" for digit in "01"]
    for path in left:
        path.touch()
    os.utime(left[0], (0, 0))
    assert sweep_temporaries(str(library), idle=3600) == [str(left[0])]
    assert left[1].exists()


@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_reads_nothing_but_regular_files_and_never_blocks(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/etc/passwd")
    with pytest.raises(MobiusError, match="not a regular file"), open_regular(str(path), follow=False):
        pass


def test_creates_exclusively(tmp_path: Path) -> None:
    create_exclusively(str(tmp_path / "x"), b"1")
    with pytest.raises(FileExistsError):
        create_exclusively(str(tmp_path / "x"), b"2")
    assert (tmp_path / "x").read_bytes() == b"1"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_json_is_ascii_and_whole(tmp_path: Path) -> None:
    write_json(str(tmp_path / "x.json"), {"b": "ü\ud800", "a": 1})
    assert (tmp_path / "x.json").read_bytes() == b'{\n  "a": 1,\n  "b": "\\u00fc\\ud800"\n}\n'


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(OSError, match="Not a directory"):
        make_folders(str(tmp_path / "x" / "y"))


@pytest.mark.parametrize("text", ["0640", "640", "0600", "0440", "0644", "0400"])
def test_modes(text: str) -> None:
    assert parse_mode(text) == int(text, 8)


# 416, 384, 420, 432: what an unquoted 0640, 0600, 0644, 0660 arrives as.
@pytest.mark.parametrize("text", ["416", "384", "420", "432", "", "u=rw", "0777", "0", "-1", "010640"])
def test_invalid_modes(text: str) -> None:
    with pytest.raises(MobiusError, match="Invalid mode for a data file"):
        parse_mode(text)


def test_owners_by_name_and_number() -> None:
    assert resolve_ownership("root", "0", 0o600).uid == 0
    assert resolve_ownership("", None, None).gid == -1
    with pytest.raises(MobiusError, match="No such user on this host: nosuchuser"):
        resolve_ownership("nosuchuser", None, None)
