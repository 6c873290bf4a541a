"""Replacing, creating and removing where the disk, the file system or another process is in the way."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import metadata, replace
from ansible_collections.mobius.dhash.plugins.module_utils.storage.metadata import read_attributes
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import (
    DurabilityUnknown,
    create_exclusively,
    make_folders,
    open_regular,
    read_version,
    remove_durably,
    replace_whole,
    write_json,
)
from ansible_collections.mobius.dhash.tests.support.limits import room_for
from ansible_collections.mobius.dhash.tests.support.users import acting_as, library_for_others

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def shared() -> Iterator[Path]:
    """A library of another group, in a folder where anybody may write."""
    with library_for_others(b"old", 0o777) as path:
        yield path


def unsyncable(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Folders cannot be synced."""
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)


def test_a_socket_is_named_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("library.json")
        with pytest.raises(MobiusError, match="socket or a device, not a regular file"):
            read_version(str(tmp_path / "library.json"))
        with pytest.raises(MobiusError, match="not a regular file"), open_regular("library.json", follow=False):
            raise AssertionError("entered")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_folder_that_cannot_be_synced(library: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Some network file systems cannot do it at all; a broken disk is something else."""
    unsyncable(monkeypatch, number)
    broken = number == errno.EIO
    for change, after in (
        (lambda: replace_whole(str(library), lambda stream: stream.write(b"new")), b"new"),
        (lambda: remove_durably(str(library)), None),
    ):
        if broken:
            with pytest.raises(DurabilityUnknown, match="Applied, durability unknown.*dmesg"):
                change()
        else:
            change()
        assert (library.read_bytes() if library.exists() else None) == after
    assert not list(library.parent.iterdir())


@pytest.mark.parametrize("made", [True, False])
def test_removing_reports_whether_it_was_there(library: Path, made: bool) -> None:
    if not made:
        library.unlink()
    assert remove_durably(str(library)) is made
    assert not library.exists()


def test_a_small_file_that_does_not_fit_is_not_left_behind(library: Path) -> None:
    with room_for(library, 100), pytest.raises(OSError, match="File too large"):
        create_exclusively(str(library.parent / "note"), b"x" * 1000)
    assert os.listdir(library.parent) == ["library.json"]
    create_exclusively(str(library.parent / "note"), b"x" * 1000)
    with pytest.raises(FileExistsError):
        create_exclusively(str(library.parent / "note"), b"")
    assert (library.parent / "note").read_bytes() == b"x" * 1000


@pytest.mark.parametrize("size", [1000, 3_000_000, 20_000_000])
def test_bytes_that_do_not_fit_leave_the_old_ones(library: Path, size: int) -> None:
    with room_for(library, size // 2), pytest.raises(OSError, match="File too large"):
        replace_whole(str(library), lambda stream: stream.write(b"x" * size))
    assert library.read_bytes() == b"old"
    assert os.listdir(library.parent) == ["library.json"]


def test_a_file_that_lost_its_end_does_not_take_the_place_of_the_old_one(library: Path) -> None:
    def write(stream: Any) -> None:
        stream.write(b"new bytes")
        stream.flush()
        (temporary,) = library.parent.glob(".*.tmp")
        os.truncate(temporary, 3)

    with pytest.raises(MobiusError, match="reads back differently.*the old file is unchanged"):
        replace_whole(str(library), write)
    assert library.read_bytes() == b"old"
    assert os.listdir(library.parent) == ["library.json"]


def test_a_folder_that_another_process_makes_first_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def beaten(path: Any, mode: int = 0o777) -> None:
        mkdir(path, 0o700)
        mkdir(path, mode)

    monkeypatch.setattr(replace.os, "mkdir", beaten)
    make_folders(str(tmp_path / "a" / "b"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700, "it is the other one's"
    write_json(str(tmp_path / "a" / "b" / "x.json"), {"a": 1})
    assert (tmp_path / "a" / "b" / "x.json").read_text() == '{\n  "a": 1\n}\n'


@root
@pytest.mark.parametrize(
    ("owner", "words"),
    [
        ((0, 4711), "The owner root .uid 0. cannot be kept by the user uid 4711, so nothing was written.*become: true"),
        ((4711, 0), "The group root .gid 0. cannot be kept by the user uid 4711, .*so nothing was written.*chgrp 4711"),
    ],
)
def test_an_owner_that_cannot_be_kept_is_refused_before_the_first_byte(
    shared: Path, owner: tuple[int, int], words: str
) -> None:
    os.chown(shared, *owner)
    written = []
    with acting_as(4711, 4711), pytest.raises(MobiusError, match=words):
        replace_whole(str(shared), written.append)
    assert (shared.read_bytes(), os.listdir(shared.parent), written) == (b"old", ["library.json"], [])


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EIO])
def test_attributes_that_a_file_system_does_not_have_and_those_that_cannot_be_read(
    library: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(_file: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(metadata.os, "listxattr", failing)
    if number == errno.ENOTSUP:
        assert read_attributes(str(library)) == {}
        replace_whole(str(library), lambda stream: stream.write(b"new"))
        assert library.read_bytes() == b"new"
    else:
        with pytest.raises(OSError, match="Input/output error"):
            replace_whole(str(library), lambda stream: stream.write(b"new"))
        assert library.read_bytes() == b"old"


def test_an_attribute_that_the_new_file_has_already_is_not_set_again(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with SELinux, where a user may not set the label that every file of the folder gets."""
    wanted, set_now = {"security.selinux": b"label"}, []
    own = {"user.a": b"1", **wanted}
    monkeypatch.setattr(metadata, "read_attributes", lambda file: own if file == str(library) else wanted)
    monkeypatch.setattr(metadata.os, "setxattr", lambda _file, name, value: set_now.append((name, value)))
    replace_whole(str(library), lambda stream: stream.write(b"new"))
    assert set_now == [("user.a", b"1")]
