"""The index of hashed pictures: used when valid, never trusted when not, and enough to resume after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration import pictures as module
from ansible_collections.mobius.dhash.plugins.module_utils.migration.pictures import Kept, Pictures, identity, key_of
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS
from ansible_collections.mobius.dhash.tests.support.site import Site

GOOD = Kept("0123456789abcdef", 0.9, (), None, 0.001)
BROKEN = Kept(None, 0.0, ("truncated",), "cut short", 0.001)
OLD = "10 1000 2000"


def rows(site: Site) -> int:
    with sqlite3.connect(site.state / "pictures.sqlite") as connection:
        return connection.execute("SELECT count(*) FROM pictures").fetchone()[0]


@pytest.fixture
def store(site):
    opened = []

    def open_store(maker="1/12", write=True):
        opened.append(Pictures(str(site.library), maker, write=write))
        return opened[-1]

    yield open_store
    for each in opened:
        each.close()


def known(pictures, name, now=OLD):
    key = key_of(name)
    return pictures.kept(pictures.find([key]).get(key), now)


def test_what_is_kept_is_found_again(store):
    first = store()
    for name, outcome in (("a", GOOD), ("b", BROKEN), ("c", GOOD._replace(confidence=0.1, reasons=("flat", "tiny")))):
        first.keep(key_of(name), OLD, outcome)
        assert known(first, name) == outcome
    first.close()
    again = store()
    assert known(again, "a") == GOOD
    assert known(again, "b") == BROKEN
    assert known(again, "c").reasons == ("flat", "tiny")
    assert known(again, "d") is None


@pytest.mark.parametrize("now", ["11 1000 2000", "10 1001 2000", "10 1000 2001", "1"])
def test_another_file_is_not_the_same(store, now):
    pictures = store()
    pictures.keep(key_of("a"), OLD, GOOD)
    assert known(pictures, "a", now) is None


def test_another_pillow_is_not_the_same(store):
    first = store()
    first.keep(key_of("a"), OLD, GOOD)
    first.close()
    assert known(store("1/13"), "a") is None
    assert known(store("1/1"), "a") is None


@pytest.mark.parametrize("code", ["timeout", "crashed", "out-of-memory", "unreadable", "too-many-pixels"])
def test_failures_that_may_pass_are_not_kept(store, code):
    pictures = store()
    pictures.keep(key_of("a"), OLD, BROKEN._replace(reasons=(code,)))
    assert known(pictures, "a") is None


def test_a_file_that_may_be_written_within_the_same_tick_is_not_kept(store, tmp_path):
    pictures = store()
    now = time.time_ns()
    pictures.keep(key_of("a"), f"10 {now} {now}", GOOD)
    assert known(pictures, "a", f"10 {now} {now}") is None


def test_a_flipped_bit_in_a_row_is_noticed(store, site):
    first = store()
    first.keep(key_of("a"), OLD, GOOD)
    first.close()
    with sqlite3.connect(site.state / "pictures.sqlite") as connection:
        connection.execute("UPDATE pictures SET row = replace(row, '0123456789abcdef', '0123456789abcdee')")
    assert known(store(), "a") is None


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None])
def test_a_damaged_store_is_rebuilt_with_a_warning(site, damage):
    images = site.pictures(3)
    site.write({"components": [{"image": image} for image in images]})
    site.migrate()
    path = site.state / "pictures.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * (len(data) - 100) if damage is None else damage)
    before = site.tree()
    check = site.migrate(check_mode=True)
    assert site.tree() == before
    result = site.migrate()
    assert (result["changed"], result["hashed"], check["hashed"]) == (False, 3, 3)
    assert bool(result["warnings"]) == bool(check["warnings"]) == (damage != b"")
    third = site.migrate()
    assert (third["hashed"], third["warnings"]) == (0, [])


def test_a_store_that_cannot_be_written_costs_only_time(site):
    images = site.pictures(2)
    site.write({"components": [{"image": image} for image in images]})
    site.state.mkdir()
    (site.state / "pictures.sqlite").symlink_to(site.home / "elsewhere")
    result = site.migrate()
    assert result["hashed"] == 2
    assert "cannot be used" in result["warnings"][0]
    assert not (site.home / "elsewhere").exists()


def test_without_sqlite_everything_is_hashed(site, monkeypatch):
    images = site.pictures(2)
    site.write({"components": [{"image": image} for image in images]})
    monkeypatch.setattr(module, "sqlite3", None)
    assert site.migrate()["hashed"] == 2
    assert site.migrate()["hashed"] == 2


def test_modes(site):
    image, *_unused = site.pictures(1)
    site.write({"components": [{"image": image}]})
    umask = os.umask(0o077)
    try:
        site.migrate()
    finally:
        os.umask(umask)
    assert site.state.stat().st_mode & 0o777 == 0o750
    assert (site.state / "pictures.sqlite").stat().st_mode & 0o777 == 0o640


KILLED = """
import os, sys
sys.path[:0] = {path!r}
from ansible_collections.mobius.dhash.plugins.module_utils.migration import apply, pictures
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
pictures._COMMIT_ROWS = 10
heard = apply.Survey._heard
def hear(self, outcome):
    heard(self, outcome)
    if self.tally.hashed == 35:
        os.kill(os.getpid(), 9)
apply.Survey._heard = hear
apply.migrate(Options({library!r}, workers=2))
"""


def test_a_killed_run_resumes_where_it_was(site):
    images = site.pictures(40)
    before = site.write({"components": [{"image": image} for image in images]})
    script = KILLED.format(path=[COLLECTIONS, *sys.path], library=str(site.library))
    run = subprocess.run([sys.executable, "-c", script], check=False)
    assert run.returncode == -signal.SIGKILL
    assert site.library.read_bytes() == before
    assert rows(site) >= 30
    result = site.migrate()
    assert (result["hashed"] <= 10, result["hashed"] + result["unchanged"]) == (True, 40)
    assert all("dhash" in item for item in site.read()["components"])


def test_progress_can_be_read_while_it_lasts(site, monkeypatch):
    images = site.pictures(5)
    site.write({"components": [{"image": image} for image in images]})
    seen = []
    monkeypatch.setattr("ansible_collections.mobius.dhash.plugins.module_utils.migration.progress._WRITE_SECONDS", 0.0)
    heard = "ansible_collections.mobius.dhash.plugins.module_utils.migration.survey.Survey._heard"
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.survey import Survey

    real = Survey._heard

    def hear(self, outcome):
        real(self, outcome)
        self._on_progress(self.tally)
        seen.append(json.loads((site.state / "progress.json").read_text()))

    monkeypatch.setattr(heard, hear)
    site.migrate()
    assert [each["done"] for each in seen] == [1, 2, 3, 4, 5]
    assert {each["total"] for each in seen} == {5}
    assert {each["phase"] for each in seen} == {"hashing"}
    assert not list(site.state.glob("progress*"))


def test_identity_is_size_mtime_and_ctime(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    first = identity(path.stat())
    assert first == identity(path.stat())
    path.chmod(0o600 if path.stat().st_mode & 0o777 != 0o600 else 0o640)
    assert identity(path.stat()) != first
