"""What the service does while a library is being read: it answers, and reports the reading."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state

pytest.importorskip("starlette")

from ansible_collections.mobius.dhash.roles.service.files.dhash_service.index import Index, _bits, _count_by_text, build
from ansible_collections.mobius.dhash.roles.service.files.dhash_service.library import Library, Reading
from ansible_collections.mobius.dhash.roles.service.files.dhash_service.settings import Settings


class Held(Library):
    """Reads only once the gate is open."""

    def __init__(self, settings):
        super().__init__(settings)
        self.gate, self.begun = threading.Event(), threading.Event()
        self.reads = 0

    def _read_file(self, key):
        self.begun.set()
        self.gate.wait(30)
        self.reads += 1
        return Reading(key, "0" * 64, 1, Index())


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.json"
    path.write_text(json.dumps({"components": [{"image": "a.png"}]}))
    held = Held(Settings(library_path=str(path)))
    yield held
    held.gate.set()
    held.close()


def test_a_long_reading_does_not_hold_up_an_answer(library):
    async def query():
        first = await library.look(wait=0.0)
        second = await library.look(wait=0.0)
        library.gate.set()
        return first, second, await library.look(wait=30.0)

    first, second, third = asyncio.run(query())
    assert (first.status, second.status, third.status) == ("starting", "starting", "healthy")
    assert first.reasons == ["the library is being read"]
    assert library.reads == 1


def test_many_requests_share_one_reading(library):
    async def query():
        looks = [asyncio.create_task(library.look(wait=30.0)) for _unused in range(20)]
        await asyncio.sleep(0)
        library.gate.set()
        return await asyncio.gather(*looks)

    assert {view.status for view in asyncio.run(query())} == {"healthy"}
    assert library.reads == 1


def test_an_unchanged_library_is_not_read_again(library):
    library.gate.set()

    async def query():
        return [(await library.look(wait=30.0)).status for _unused in range(5)]

    assert asyncio.run(query()) == ["healthy"] * 5
    assert library.reads == 1


def test_a_library_that_changes_while_it_is_read_is_read_again(library, tmp_path):
    async def query():
        await library.look(wait=0.0)
        library.begun.wait(30)
        (tmp_path / "library.json").write_text("{}")
        library.gate.set()
        return await library.look(wait=30.0), await library.look(wait=30.0)

    asyncio.run(query())
    assert library.reads == 2


def test_bytes_that_a_migration_wrote_are_healthy_before_they_are_parsed(tmp_path, monkeypatch):
    path = tmp_path / "library.json"
    path.write_text(json.dumps({"components": [{"image": "a.png"}]}))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    hashed, gate = threading.Event(), threading.Event()

    def slow(items, image_key):
        hashed.set()
        gate.wait(30)
        return build(items, image_key)

    monkeypatch.setattr("ansible_collections.mobius.dhash.roles.service.files.dhash_service.library.build", slow)
    library = Library(Settings(library_path=str(path)))

    async def query():
        await library.look(wait=0.0)
        hashed.wait(30)
        before = await library.look(wait=0.0)
        for status in ("rolled_back", "deployed"):
            state.begin(str(path), {"deployment": "d", "status": status, "sha256": digest, "items": 7, "with_dhash": 5})
            state.commit(str(path))
            seen[status] = await library.look(wait=0.0)
        gate.set()
        return before, await library.look(wait=30.0)

    seen = {}
    before, after = asyncio.run(query())
    library.close()
    assert before.status == "starting"
    # Bytes from a backup may be anything: they have to be parsed first.
    assert seen["rolled_back"].status == "starting"
    assert seen["deployed"].status == "healthy"
    assert seen["deployed"].counts == {"items": 7, "with_dhash": 5}
    assert (after.status, after.counts) == ("healthy", {"items": 1, "with_dhash": 0})


def test_bits_are_counted_alike():
    for value in (0, 1, 2**64 - 1, 0xF0F0, 1 << 63):
        assert _bits(value) == _count_by_text(value)
