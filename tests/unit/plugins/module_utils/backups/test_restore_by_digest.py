from __future__ import annotations

import hashlib

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_backup_with_these_bytes_is_restored(tmp_path):
    library = tmp_path / "library.json"
    for data in (b"[1]", b"[2]"):
        library.write_bytes(data)
        create_backup(str(library))
    library.write_bytes(b"[3]")
    assert restore(str(library), None, digest(b"[1]"))["changed"]
    assert library.read_bytes() == b"[1]"


def test_bytes_that_are_there_already_need_no_backup(tmp_path):
    library = tmp_path / "library.json"
    library.write_bytes(b"[1]")
    assert not restore(str(library), None, digest(b"[1]"))["changed"]


def test_bytes_that_no_backup_has_are_refused(tmp_path):
    library = tmp_path / "library.json"
    library.write_bytes(b"[1]")
    create_backup(str(library))
    with pytest.raises(MobiusError, match="No backup that verifies"):
        restore(str(library), None, digest(b"[2]"))
    assert library.read_bytes() == b"[1]"
