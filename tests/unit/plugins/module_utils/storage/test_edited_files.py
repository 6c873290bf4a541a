"""Small files that somebody edited, or that a disk damaged, stop neither a run nor a rollback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import sidecar
from ansible_collections.mobius.dhash.plugins.module_utils.backups.report import info
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, state, timeline
from ansible_collections.mobius.dhash.plugins.module_utils.storage.cache import cache_path, read_cache, write_cache
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lease import read_lease
from ansible_collections.mobius.dhash.plugins.module_utils.storage.paths import state_dir

A, B = b'{"v": "a"}', b'{"v": "b"}'
NESTED = b"[" * 100_000
# As deep as the parser takes, and too deep for code that walks it.
DEEP = b'{"id": "R", "previous": %s1%s}' % (b'{"previous": ' * 400, b"}" * 400)
BACKUP = {"path": "/b/1", "sha256": "0" * 64}
ODD = {
    "nested": NESTED,
    "deep": DEEP,
    "infinite": b'{"id": "R", "ttl": 1e999, "renewed": 1, "spans": [{"boot": null, "first": 1e999}]}',
    "a long number": b'{"id": "R", "ttl": 9, "renewed": 1%s, "spans": [{"boot": "b", "first": 1%s, "last": 1}]}'
    % (b"0" * 400, b"0" * 400),
    "a list": b"[1]",
    "no JSON": b"\xff\x00{",
    "empty": b"",
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.json"
    path.write_bytes(A)
    return path


def put(library: Path, name: str, content: bytes) -> Path:
    path = Path(state_dir(str(library))) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_whatever_is_in_the_files_a_restore_brings_the_bytes_back(library: Path, content: bytes) -> None:
    backup = create_backup(str(library))["backup"]["path"]
    library.write_bytes(B)
    for name in ("current.json", "run.json", "broken.json", "validity.json", "writing", "history.jsonl"):
        put(library, name, content)
    Path(backup + ".meta").write_bytes(content)
    assert restore(str(library), None, backup)["changed"] is True
    assert library.read_bytes() == A
    (snapshot,) = library.parent.glob("backups/library.json.pre-restore.*Z")
    assert snapshot.read_bytes() == B


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_a_lease_that_cannot_be_read_is_held_by_somebody(library: Path, content: bytes) -> None:
    put(library, "lock", content)
    found = read_lease(str(library))
    assert found is not None and found["id"] == "an unreadable lock"
    with pytest.raises(lock.Locked, match="locked by an unreadable lock"):
        lock.acquire(str(library), "R")
    assert lock.acquire(str(library), "R", force=True)["taken_over_from"]["id"] == "an unreadable lock"


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_only_helps_counts_as_missing(library: Path, content: bytes) -> None:
    put(library, "help.json", content)
    found = read_cache(str(library), "help.json")
    assert found == {} or found["id"] == "R"
    assert timeline._parse(content) == []
    (library.parent / "b.meta").write_bytes(content)
    assert sidecar.read(str(library.parent / "b")) is None


@pytest.mark.parametrize(
    "members",
    [
        {"backup": "/b/1"},
        {"backup": [BACKUP]},
        {"previous": "1"},
        {"previous": {"backup": "/b/1"}},
        {"previous": {"rejected": "0"}},
        {"pending": {"backup": 1}},
        {"pending": None},
        {"rejected": None},
        {"rejected": "0" * 64},
        {"rejected": {"0": 1}},
        {"backup": {**BACKUP, "path": "/b/\0"}},
        {"backup": {**BACKUP, "path": "/b/\ud800"}},
        {"backup": {**BACKUP, "path": ["/b/1"]}},
        {"backup": {**BACKUP, "path": ""}},
        {"backup": {**BACKUP, "sha256": 1}},
        {"backup": {**BACKUP, "sha256": []}},
        {"previous": {"backup": {**BACKUP, "path": "/b/\0"}}},
        {"pending": {"backup": {**BACKUP, "path": "/b/\0"}}},
        {"previous": json.loads(b'{"previous": ' * 90 + b"[1]" + b"}" * 90)},
    ],
)
@pytest.mark.parametrize("wanted", ["latest", "deployment"])
def test_a_state_with_a_member_of_another_type_is_damaged_and_a_restore_goes_on(
    library: Path, members: Any, wanted: str
) -> None:
    create_backup(str(library))
    library.write_bytes(B)
    edited = json.dumps({"deployment": "1", "status": "deployed", "sha256": "1" * 64, "backup": BACKUP, **members})
    path = put(library, "current.json", edited.encode())
    with pytest.raises(state.DamagedState, match=f"damaged.*rm {path}"):
        state.named_backups(str(library))
    (warning,) = info(str(library))["warnings"]
    assert "The state of the deployment is damaged" in warning
    result = restore(str(library), None, wanted)
    assert "The restore continues without it." in result["warnings"][0]
    assert library.read_bytes() == A
    assert Path(f"{path}.damaged").read_text() == edited


@pytest.mark.parametrize(
    "members", [{}, {"backup": None}, {"previous": None}, {"previous": {"backup": None}}, {"x": 1}]
)
def test_a_state_without_them_is_whole(library: Path, members: Any) -> None:
    put(library, "current.json", json.dumps({"deployment": "1", **members}).encode())
    assert state.read_current(str(library)) == {"deployment": "1", **members}


LEASE = {"id": "R", "ttl": 900, "renewed": 1.0, "boottime": 1.0, "pid": 1, "info": {"job": "AWX 1"}, "generation": 0}


@pytest.mark.parametrize(
    "members",
    [
        *({"ttl": value} for value in (None, 0, -1, True, "900", 900.0, 10**30, 1e308, float("nan"), [900])),
        *({"renewed": value} for value in (None, 0, True, "1", 10**400, float("inf"), float("nan"))),
        *({"boottime": value} for value in ("1", True, 10**400, float("nan"))),
        *({"pid": value} for value in (0, -1, True, "1", 1.5, 2**31, 10**30, [1])),
        *({"id": value} for value in (None, 1, ["R"], {})),
        *({"info": value} for value in ("AWX 1", ["job"], 1)),
    ],
    ids=str,
)
def test_a_lease_with_a_member_of_another_type_is_held_by_somebody(library: Path, members: Any) -> None:
    put(library, "lock", json.dumps(LEASE).encode())
    assert read_lease(str(library)) == LEASE
    put(library, "lock", json.dumps({**LEASE, **members}).encode())
    with pytest.raises(lock.Locked, match="locked by an unreadable lock"):
        lock.acquire(str(library), "R")
    lock.acquire(str(library), "R", force=True)
    lock.refuse_if_held(str(library), "R")


def test_a_cache_that_cannot_be_put_in_place_leaves_nothing(library: Path) -> None:
    place = Path(cache_path(str(library), "help.json"))
    (place / "in the way").mkdir(parents=True)
    write_cache(str(library), "help.json", {"a": 1})
    assert [each.name for each in place.parent.iterdir()] == ["help.json"]
    assert read_cache(str(library), "help.json") == {}
    (place / "in the way").rmdir()
    place.rmdir()
    write_cache(str(library), "help.json", {"a": 1})
    assert read_cache(str(library), "help.json") == {"a": 1}
