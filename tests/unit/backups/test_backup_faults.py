"""Kill and break every writing system call of backup, restore and prune: the library and its backups survive."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, List, Tuple

import faulted
import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import BACKUP, SNAPSHOT
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.retention import Rules, prune
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import Store, create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from planted import plant

OLD, NEW = b'{"components": []}\n', b'{"components": [], "dhash_migration": {}}\n'


def deployed(folder: Path) -> Path:
    """A library after a deployment: NEW in place, OLD in the backup on record, older things beside it."""
    library = folder / "library.json"
    (folder / "backups").mkdir(parents=True)
    for days, kind, content in ((20, BACKUP, b"1"), (15, SNAPSHOT, b"2"), (12, BACKUP, b"3")):
        plant(library, content, days=days, kind=kind)
    way_back = plant(library, OLD, days=10)
    library.write_bytes(NEW)
    here = {"deployment": "D", "status": "deployed", "sha256": read_version(str(library)).sha256, "metrics": {"a": 1}}
    state.begin(str(library), {**here, "backup": {"path": str(way_back), "sha256": read_version(str(way_back)).sha256}})
    state.commit(str(library))
    return library


def backups_are_whole(library: Path) -> None:
    for backup in list_backups(str(library)):
        assert backup.verified, (backup.path, backup.reason)


def after_backup(library: Path) -> None:
    assert library.read_bytes() == NEW
    assert create_backup(str(library))["backup"]["sha256"] == read_version(str(library)).sha256


def snapshots_of(content: bytes, library: Path) -> int:
    kept = [each.path for each in list_backups(str(library)) if each.kind == SNAPSHOT]
    return [Path(path).read_bytes() for path in kept].count(content)


def after_restore(library: Path) -> None:
    if library.read_bytes() == OLD:
        assert snapshots_of(NEW, library) == 1
    else:
        assert library.read_bytes() == NEW
    again = restore(str(library), None, "deployment")
    # The one that a broken restore left serves the next.
    assert snapshots_of(NEW, library) == 1
    assert library.read_bytes() == OLD
    assert state.read_current(str(library))["status"] == "rolled_back"
    assert restore(str(library), None, "deployment")["changed"] is False
    assert again["sha256"] == read_version(str(library)).sha256


def after_prune(library: Path) -> None:
    assert library.read_bytes() == NEW
    assert OLD in [Path(each.path).read_bytes() for each in list_backups(str(library)) if each.kind == BACKUP]


CASES: List[Tuple[str, str, Callable[[Path], None]]] = [
    ("backup", "store.create_backup(path)", after_backup),
    ("restore", "restore.restore(path, None, 'deployment')", after_restore),
    ("prune", "retention.prune(path, rules=retention.Rules(days=5))", after_prune),
]


def sweep(tmp_path: Path, call: str, judge: Callable[[Path], None], fault: str, calls: Tuple[str, ...]) -> int:
    """Break each point of ``call`` by ``fault``; returns how many runs did not end as if nothing had happened."""
    faulted.needs_strace()
    model = deployed(tmp_path / "model").parent
    writing = faulted.writing_calls(call, copy_of(model, tmp_path / "counted"), tmp_path / "log")
    points = [(name, number) for name, number in writing if name in calls]
    assert len(points) > 2

    def one(point: Tuple[str, int]) -> bool:
        name, number = point
        library = copy_of(model, tmp_path / f"{name}-{number}")
        ended = faulted.run(call, library, inject=f"{name}:{fault}:when={number}")
        assert "Traceback" not in ended.stderr, (point, ended.stderr)
        try:
            backups_are_whole(library)
            judge(library)
            prune(str(library), rules=Rules(days=30))
            backups_are_whole(library)
            assert not faulted.leftovers(library.parent)
            assert not Store.of(str(library)).orphans()
        except BaseException as error:
            raise AssertionError(f"after {fault} at {name} number {number}: {ended.stdout}") from error
        shutil.rmtree(library.parent)
        return ended.returncode != 0

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one, points))


def copy_of(model: Path, folder: Path) -> Path:
    """A copy whose record names the backups of the copy."""
    shutil.copytree(model, folder)
    record = folder / ".library.json.dhash" / "current.json"
    record.write_text(record.read_text().replace(str(model), str(folder)))
    return folder / "library.json"


@pytest.mark.parametrize(("name", "call", "judge"), CASES, ids=[case[0] for case in CASES])
def test_killed_before_any_writing_call(tmp_path: Path, name: str, call: str, judge: Callable[[Path], None]) -> None:
    calls = faulted.WRITING
    assert sweep(tmp_path, call, judge, "signal=KILL", calls) >= 8


@pytest.mark.parametrize(("name", "call", "judge"), CASES, ids=[case[0] for case in CASES])
def test_failing_disk(tmp_path: Path, name: str, call: str, judge: Callable[[Path], None]) -> None:
    calls = ("write", "fsync", "rename", "unlink", "fchmod")
    assert sweep(tmp_path, call, judge, "error=EIO", calls) >= 2


@pytest.mark.parametrize(("name", "call", "judge"), CASES[:2], ids=["backup", "restore"])
def test_full_disk(tmp_path: Path, name: str, call: str, judge: Callable[[Path], None]) -> None:
    assert sweep(tmp_path, call, judge, "error=ENOSPC", ("openat", "write")) >= 2
