"""A deployment, as it changes the files of a library, and the files after it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.mobius.dhash.plugins.module_utils.backups.names import SNAPSHOT
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup, list_backups
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version

A, B, C = b'{"v": "a"}', b'{"v": "b"}', b'{"v": "c"}'


def deploy(library: Path, content: bytes, name: str, *, backup: bool = True) -> None:
    """What a deployment does to the files: backup, note, replace, commit."""
    path = str(library)
    before = read_version(path)
    made = create_backup(path)["backup"] if backup else state.read_current(path, before.sha256)["backup"]
    library.with_name("next").write_bytes(content)
    after = read_version(str(library.with_name("next"))).sha256
    note = {"deployment": name, "status": "deployed", "sha256": after, "metrics": {"name": name}}
    state.begin(path, {**note, "backup": {"path": made["path"], "sha256": made["sha256"]}}, actual_sha256=before.sha256)
    library.with_name("next").rename(library)
    state.commit(path)


def current(library: Path) -> dict:
    found = state.read_current(str(library), read_version(str(library)).sha256)
    assert found is not None
    assert found["sha256"] == read_version(str(library)).sha256
    return found


def snapshots(library: Path) -> list[bytes]:
    return [Path(each.path).read_bytes() for each in list_backups(str(library)) if each.kind == SNAPSHOT]
