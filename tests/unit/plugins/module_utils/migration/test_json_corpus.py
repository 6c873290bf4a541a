"""Each document of the corpus, migrated: a valid one keeps every other byte, an invalid one is untouched."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.backups.restore import restore
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.preflight import preflight
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.library.document import LibraryError
from ansible_collections.mobius.dhash.tests.support.json_corpus import INVALID, NO_LIBRARY, VALID

# What one picture adds behind its item's last member, and the block at the end of an object.
_ADDED = re.compile(
    rb'\s*,\s*"dhash"\s*:\s*"[0-9a-f]{16}"\s*,\s*"dhash_confidence"\s*:\s*[0-9.]+'
    rb'(?:\s*,\s*"dhash_reasons"\s*:\s*\[[^\]]*\])?|\s*,\s*"dhash_migration"\s*:\s*\{[^{}]*\}'
)
_MAY_STAY = {f".library.json.dhash{name}" for name in ("", "/writing", "/pictures.sqlite")}


def check(site: Any) -> dict:
    home = str(site.home)
    return preflight(
        str(site.library), image_root=home, items=None, backup_dir=f"{home}/backups", log_dir=f"{home}/logs"
    )


@pytest.mark.parametrize("name", VALID)
def test_a_valid_document_keeps_every_other_byte(site, name):
    original = VALID[name]
    site.pictures(1)
    site.library.write_bytes(original)
    assert check(site)["item_count"] == 1

    result = site.migrate()
    assert (result["hashed"], result["failed_items"]) == (1, 0)
    migrated = site.library.read_bytes()
    stripped, pieces = _ADDED.subn(b"", migrated)
    assert stripped == original
    assert pieces == (1 if original.lstrip(b"\xef\xbb\xbf").startswith(b"[") else 2)

    assert not site.migrate()["changed"]
    assert site.library.read_bytes() == migrated
    assert restore(str(site.library), None, "deployment")["changed"]
    assert site.library.read_bytes() == original


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_document_is_refused_with_its_place_and_nothing_is_written(site, name):
    wrong = INVALID[name]
    site.pictures(1)
    site.library.write_bytes(wrong.document)
    before = site.tree()
    for check_mode in (True, False):
        with pytest.raises(LibraryError) as refusal:
            site.migrate(check_mode=check_mode)
        assert (refusal.value.line, refusal.value.column) == (wrong.line, wrong.column)
        assert f"line {wrong.line} column {wrong.column}: " in str(refusal.value)
        assert str(refusal.value).isprintable() and len(str(refusal.value)) < 500
    with pytest.raises(MobiusError, match=f"line {wrong.line} column {wrong.column}: ") as early:
        check(site)
    assert str(early.value).isprintable()
    # A migration takes its lock, and looks for what it knows of pictures, before it reads.
    left = {name: facts for name, facts in site.tree().items() if name not in _MAY_STAY}
    assert left == before


@pytest.mark.parametrize("document", NO_LIBRARY)
def test_json_without_an_item_is_refused_and_nothing_is_written(site, document):
    site.pictures(1)
    site.library.write_bytes(document)
    with pytest.raises(LibraryError, match="The library has no item"):
        site.migrate()
    assert site.library.read_bytes() == document
    assert not (site.home / "backups").exists()


@pytest.mark.parametrize("member", ["dhash", "other"])
def test_a_value_too_deep_for_pythons_parser_is_kept_or_refused(site, member):
    image = site.pictures(1)[0]
    deep = "[" * 5_000 + "]" * 5_000
    before = f'{{"components": [{{"image": "{image}", "{member}": {deep}}}]}}'.encode()
    site.library.write_bytes(before)
    # How deep it goes depends on the version of Python.
    try:
        site.migrate()
    except MobiusError:
        assert site.library.read_bytes() == before
    else:
        after = site.library.read_bytes()
        assert deep.encode() in after
        assert site.migrate()["changed"] is False
        assert site.library.read_bytes() == after
