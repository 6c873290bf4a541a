"""What a migration reports when the library is already replaced, and its state or its log cannot be written."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import DurabilityUnknown


def fails(error):
    def call(*_arguments, **_options):
        raise error

    return call


@pytest.fixture
def library(site):
    site.write({"components": [{"image": image} for image in site.pictures(2)]})
    return site


def current(site):
    return state.read_current(str(site.library), hashlib.sha256(site.library.read_bytes()).hexdigest())


def test_an_unfinished_state_is_a_warning_and_the_next_run_finishes_it(library, monkeypatch):
    monkeypatch.setattr(apply, "commit", fails(OSError(28, "No space left on device")))
    result = library.migrate()
    assert result["changed"] and "could not be completed" in result["warnings"][0]
    assert "pending" in state.read_document(str(library.library))
    assert current(library)["sha256"] == result["sha256_after"]
    monkeypatch.undo()
    assert not library.migrate()["changed"]
    assert "pending" not in state.read_document(str(library.library))
    assert current(library)["sha256"] == result["sha256_after"]


def test_unknown_durability_is_reported_even_when_the_state_fails_too(library, monkeypatch):
    replace = apply.replace_whole

    def unsure(*arguments, **options):
        replace(*arguments, **options)
        raise DurabilityUnknown("Applied, durability unknown")

    monkeypatch.setattr(apply, "replace_whole", unsure)
    monkeypatch.setattr(apply, "commit", fails(OSError(5, "Input/output error")))
    with pytest.raises(DurabilityUnknown):
        library.migrate()


def test_a_note_of_unknown_durability_stops_the_migration_before_any_change(library, monkeypatch):
    before = library.library.read_bytes()
    monkeypatch.setattr(apply, "begin", fails(DurabilityUnknown("Applied, durability unknown")))
    with pytest.raises(MobiusError, match="nothing was changed") as error:
        library.migrate()
    assert not isinstance(error.value, DurabilityUnknown)
    assert library.library.read_bytes() == before


def test_a_log_that_cannot_be_made_durable_is_a_warning(library, monkeypatch):
    monkeypatch.setattr(apply, "write_log", fails(MobiusError("The folder cannot be synced")))
    result = library.migrate()
    assert result["changed"] and result["log"] is None and "The log could not be written" in result["warnings"][0]


def test_what_a_killed_run_left_beside_the_output_is_swept(library, tmp_path):
    stray = library.home / ".out.json.0123456789ab.tmp"
    stray.write_bytes(b"half")
    library.migrate(output=library.home / "out.json")
    assert not stray.exists()
