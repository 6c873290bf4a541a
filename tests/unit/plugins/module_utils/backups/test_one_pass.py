"""A first backup hashes the library while it copies it, and must still be certain of what it copied."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups import examine, store
from ansible_collections.mobius.dhash.plugins.module_utils.backups.store import create_backup
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import ChangedMeanwhile


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_YOUNG_NS", 0)
    path = tmp_path / "library.json"
    path.write_bytes(b'{"components": []}\n')
    return path


@pytest.fixture
def passes(monkeypatch):
    """The files that were hashed on their own."""
    seen = []
    real = store.read_version

    def counted(path, **more):
        seen.append(path)
        return real(path, **more)

    for module in (store, examine):
        monkeypatch.setattr(module, "read_version", counted)
    return seen


def test_a_library_of_another_size_is_hashed_while_it_is_copied(library, passes):
    first = create_backup(str(library))
    library.write_bytes(library.read_bytes() + b"\n")
    second = create_backup(str(library))
    assert passes == []
    assert second["changed"] is True
    assert second["backup"]["sha256"] == hashlib.sha256(library.read_bytes()).hexdigest()
    assert second["backup"]["size"] == 20
    assert first["backup"]["sha256"] != second["backup"]["sha256"]


def test_one_of_the_same_size_is_compared_first(library, passes):
    first = create_backup(str(library))
    assert create_backup(str(library))["backup"] == first["backup"]
    library.write_bytes(b'{"components":[ ]}\n')
    assert create_backup(str(library))["changed"] is True
    assert len(passes) == 4


def test_a_library_changed_just_now_is_hashed_first(library, passes, monkeypatch):
    monkeypatch.setattr(store, "_YOUNG_NS", 10**18)
    create_backup(str(library))
    assert passes == [str(library)]


@pytest.mark.parametrize("change", ["times", "replaced"])
def test_a_library_that_changes_while_it_is_copied_is_no_backup(library, monkeypatch, change):
    real = store.copy_of

    class Late:
        """A stream under which the library changes."""

        def __init__(self, stream):
            self._stream = stream

        def write(self, data):
            self._stream.write(data)
            if change == "times":
                os.utime(library, (1, 1))
            else:
                twin = library.with_name("twin")
                twin.write_bytes(library.read_bytes())
                os.replace(twin, library)

    monkeypatch.setattr(store, "copy_of", lambda source: lambda stream: real(source)(Late(stream)))
    with pytest.raises(ChangedMeanwhile, match="while it was being copied"):
        create_backup(str(library))
    assert os.listdir(library.parent / "backups") == []
