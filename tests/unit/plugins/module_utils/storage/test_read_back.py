"""Large files are read back while they are written, with the same guarantees as small ones."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import read_back
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version, replace_whole

CHUNK = 300_000


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    monkeypatch.setattr(read_back, "CHUNK", CHUNK)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "library.json"
    path.write_bytes(b"old")
    yield path
    assert [thread.name for thread in threading.enumerate() if thread.name == "read-back"] == []
    assert os.listdir(tmp_path) == ["library.json"]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 3_456_789])
@pytest.mark.parametrize("piece", [7_001, 1 << 20])
def test_what_is_written_is_there(path, size, piece):
    data = os.urandom(size)

    def write(stream):
        for start in range(0, size, piece):
            stream.write(data[start : start + piece])

    version = replace_whole(str(path), write)
    assert path.read_bytes() == data
    assert version == read_version(str(path))


def test_what_reads_back_differently_replaces_nothing(path, monkeypatch):
    real = os.preadv
    seen = []

    def flipped(descriptor, buffers, offset):
        count = real(descriptor, buffers, offset)
        seen.append(offset)
        if offset <= CHUNK < offset + count:
            buffers[0][CHUNK - offset] ^= 1
        return count

    monkeypatch.setattr(os, "preadv", flipped)
    with pytest.raises(MobiusError, match="reads back differently"):
        replace_whole(str(path), lambda stream: stream.write(os.urandom(4 * CHUNK)))
    assert path.read_bytes() == b"old"
    assert seen


@pytest.mark.parametrize("size", [CHUNK // 2, 4 * CHUNK])
def test_a_temporary_file_that_grows_replaces_nothing(path, monkeypatch, size):
    real = os.fsync

    def longer(descriptor):
        real(descriptor)
        if os.fstat(descriptor).st_size == size:
            with Path(f"/proc/self/fd/{descriptor}").open("ab") as stream:
                stream.write(b"more")

    monkeypatch.setattr(os, "fsync", longer)
    with pytest.raises(MobiusError, match="reads back differently"):
        replace_whole(str(path), lambda stream: stream.write(os.urandom(size)))
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["fsync", "preadv"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_error_during_the_write_replaces_nothing(path, monkeypatch, call, number):
    real = getattr(os, call)
    calls = []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(errno.EIO, "Input/output error")
        return real(*arguments)

    monkeypatch.setattr(os, call, failing)

    def write(stream):
        for _unused in range(6):
            stream.write(os.urandom(CHUNK))

    with pytest.raises(OSError, match="Input/output"):
        replace_whole(str(path), write)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_writer_that_fails_late_leaves_nothing(path, error):
    def write(stream):
        stream.write(os.urandom(3 * CHUNK))
        raise error

    with pytest.raises(type(error)):
        replace_whole(str(path), write)
    assert path.read_bytes() == b"old"


def test_a_large_piece_is_taken_in_stretches(path):
    data = os.urandom(12 << 20)
    raw_writes = []
    real = os.write

    def noted(descriptor, piece):
        raw_writes.append(len(piece))
        return real(descriptor, piece)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", noted)
        replace_whole(str(path), lambda stream: stream.write(data))
    assert path.read_bytes() == data
    assert max(raw_writes) <= 1 << 20


@pytest.mark.parametrize("fault", [MemoryError(), OSError(errno.EIO, "Input/output error")])
def test_a_read_back_that_dies_does_not_block_the_writer(path, monkeypatch, fault):
    def dies(_follower, _blocks):
        raise fault

    monkeypatch.setattr(read_back._Reader, "_read", dies)

    def write(stream):
        for _unused in range(8):
            stream.write(os.urandom(CHUNK))

    with pytest.raises(type(fault)):
        replace_whole(str(path), write)
    assert path.read_bytes() == b"old"


def test_without_a_thread_nothing_is_replaced(path, monkeypatch):
    def none(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No thread can be started"):
        replace_whole(str(path), lambda stream: stream.write(os.urandom(2 * CHUNK)))
    assert len(os.listdir("/proc/self/fd")) == before
    assert path.read_bytes() == b"old"
