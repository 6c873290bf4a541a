"""A lock that is stolen, unreadable or held by somebody at any moment between two looks at it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import ensure_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import kernel_lock, lease, lock
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import (
    Locked,
    LockLost,
    acquire,
    fence,
    folder_alone,
    release,
    wait_for_lock,
    writing,
)
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import state_dir
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version, replace_whole
from ansible_collections.mobius.dhash.tests.support.users import acting_as, library_for_others

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A library that other users can read."""
    with library_for_others(b"{}", 0o755) as path:
        yield path


def dead() -> int:
    process = subprocess.Popen(["sleep", "60"])
    process.kill()
    process.wait()
    return process.pid


def stolen(library: str, **members: Any) -> None:
    """The lease of another run is there, as after a theft."""
    lease.write_lease(library, {**lease.new_lease("S", "rescue", 60, None), **members})


@pytest.mark.parametrize(
    ("deployment", "theft", "kind", "words"),
    [
        ("R", lambda path: release(path, "R"), LockLost, r"\(R\) was released while it was still writing"),
        ("R", lambda path: release(path, "S", force=True), LockLost, r"\(R\) was broken by S \(breaking the lock"),
        ("R", stolen, LockLost, r"\(R\) was released while it was still writing"),
        ("R", lambda path: stolen(path, id="R", generation=1), LockLost, r"A rollback of this run \(R\) began"),
        (
            "R",
            lambda path: stolen(path, id="R", pid=dead(), pid_start=1),
            LockLost,
            r"The run that this belongs to \(R\) has ended",
        ),
        (None, stolen, Locked, r"locked by S \(rescue, .*mobius_lock_break=S"),
    ],
    ids=["released", "broken", "replaced", "rolled back", "died", "taken by another run"],
)
def test_a_call_that_lost_the_lock_replaces_nothing(
    library: str, deployment: Any, theft: Callable[[str], Any], kind: type, words: str
) -> None:
    if deployment:
        acquire(library, deployment)
    with pytest.raises(kind, match=words) as error, writing(library, deployment):
        replace_whole(library, lambda stream: [stream.write(b"[]"), theft(library)])
    assert kind is Locked or "nothing was changed by this call" in str(error.value)
    assert error.value.remedy
    assert Path(library).read_text() == "{}"
    assert not list(Path(library).parent.glob(".*.tmp"))


@pytest.mark.parametrize("deployment", [None, "R", "another"])
def test_without_a_theft_it_replaces(library: str, deployment: Any) -> None:
    if deployment == "R":
        acquire(library, "R")
    with writing(library, deployment):
        replace_whole(library, lambda stream: stream.write(b"[]"))
    assert Path(library).read_text() == "[]"


def test_a_run_whose_lock_was_released_does_not_take_it_again(library: str) -> None:
    """A call inside of the call; it would otherwise write under a lock that nobody knows of."""
    acquire(library, "R")
    with writing(library, "R"):
        assert release(library, "R")
        with pytest.raises(LockLost, match=r"\(R\) was released while it was still writing"), writing(library, "R"):
            raise AssertionError("entered")
        with pytest.raises(LockLost, match="was released"):
            acquire(library, "R")
    assert lease.read_lease(library) is None
    assert acquire(library, "R")["changed"] is True


@pytest.mark.parametrize("call", [release, fence])
def test_what_changes_between_two_looks_counts(library: str, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    acquire(library, "R")
    mutex = lock.lease_mutex

    @contextmanager
    def late(path: str) -> Iterator[None]:
        stolen(library)
        with mutex(path):
            yield

    monkeypatch.setattr(lock, "lease_mutex", late)
    assert call(library, "R") is False
    found = lease.read_lease(library)
    assert found is not None and (found["id"], found["generation"]) == ("S", 0)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), MobiusError("The written data reads back differently")]
)
def test_a_lease_that_cannot_be_written_stops_no_rollback(
    library: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    acquire(library, "R")
    before = (Path(state_dir(library)) / "lock").read_bytes()

    def failing(*_args: object) -> None:
        raise error

    monkeypatch.setattr(lock, "write_lease", failing)
    assert fence(library, "R") is False
    with writing(library, "R"):
        replace_whole(library, lambda stream: stream.write(b"[]"))
    assert Path(library).read_text() == "[]"
    assert (Path(state_dir(library)) / "lock").read_bytes() == before


@root
@pytest.mark.parametrize("locked", [False, True])
def test_a_user_who_may_not_write_beside_the_library_can_back_it_up(shared: Path, locked: bool) -> None:
    if locked:
        acquire(str(shared), "R")
        Path(state_dir(str(shared))).chmod(0o755)
        (Path(state_dir(str(shared))) / "lock").chmod(0o644)
    backups = shared.parent / "others"
    backups.mkdir()
    os.chown(backups, 4711, 4711)
    version = read_version(str(shared))
    with acting_as(4711, 4711):
        if locked:
            with pytest.raises(Locked, match="locked by R"):
                ensure_backup(str(shared), str(backups), version)
            assert not list(backups.iterdir())
        made = ensure_backup(str(shared), str(backups), version, deployment="R" if locked else None)
        with pytest.raises(PermissionError), writing(str(shared), "R"):
            raise AssertionError("entered")
    assert Path(made.path).read_text() == "{}"


@root
def test_a_lease_that_may_not_be_read_is_no_obstacle_to_a_backup(shared: Path) -> None:
    acquire(str(shared), "R")
    Path(state_dir(str(shared))).chmod(0o700)
    backups = shared.parent / "others"
    backups.mkdir()
    os.chown(backups, 4711, 4711)
    version = read_version(str(shared))
    with acting_as(4711, 4711):
        made = ensure_backup(str(shared), str(backups), version)
    assert Path(made.path).read_text() == "{}"


def test_a_lock_file_that_cannot_be_made_is_an_error_for_whoever_needs_none_too(library: str) -> None:
    """Only a missing right is passed over, not what is wrong with the folder."""
    Path(state_dir(library)).mkdir()
    (Path(state_dir(library)) / "writing").symlink_to("nowhere")
    with pytest.raises(OSError, match="symbolic links"), writing(library, required=False):
        raise AssertionError("entered")


@pytest.mark.parametrize("open_twice", [True, False])
def test_one_process_at_a_time_has_the_folder(tmp_path: Path, open_twice: bool) -> None:
    refusal = MobiusError("Another run prepares it", str(tmp_path), "wait")
    entered = []
    with folder_alone(str(tmp_path), 0.0, refusal):
        if open_twice:
            with pytest.raises(MobiusError, match="Another run prepares it"), folder_alone(str(tmp_path), 0.1, refusal):
                entered.append("while it was held")
    with folder_alone(str(tmp_path), 0.0, refusal):
        entered.append("later")
    assert entered == ["later"]


def test_what_is_no_lock_of_another_process_is_not_waited_for() -> None:
    def broken() -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        wait_for_lock(broken, 60.0, lambda: MobiusError("held"))


def test_a_lease_that_is_being_changed_for_long_is_reported(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire(library, "R")
    monkeypatch.setattr(lease, "_MUTEX_SECONDS", 0.05)
    folder = state_dir(library)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(MobiusError, match=f"has been changing the lock file.*fuser -v {folder}"):
            release(library, "R")
    finally:
        os.close(descriptor)
    assert release(library, "R") is True


def test_a_file_system_that_cannot_lock_a_folder_is_used_without(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel lock of the writing call is of another kind and stays."""

    def unable(*_args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lease.fcntl, "flock", unable)
    assert acquire(library, "R")["changed"] is True
    with pytest.raises(Locked, match="locked by R"):
        acquire(library, "S")
    assert state_dir(library) not in kernel_lock.held


@root
def test_a_process_that_proc_hides_counts_as_alive_unless_it_is_known_to_be_gone() -> None:
    with acting_as(4711, 4711):
        assert lease._exists(1) is True
    assert lease._exists(dead()) is False


def test_a_host_without_a_boot_id_or_a_user_name(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without /proc, with a uid that has no entry."""

    def nameless(uid: int) -> None:
        raise KeyError(uid)

    def absent(*_args: object, **_options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(lease.pwd, "getpwuid", nameless)
    monkeypatch.setattr(lease.Path, "read_text", absent)
    found = acquire(library, "R")["holder"]
    assert (found["user"], found["boot_id"]) == (str(os.geteuid()), None)
    with pytest.raises(Locked, match=f"locked by R .deployment, {os.geteuid()} on "):
        acquire(library, "S")
