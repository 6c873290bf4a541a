"""A last run that is damaged, or not ours, costs only time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.migration import last_run
from ansible_collections.mobius.dhash.tests.support.site import swap


def damaged(data):
    head, _newline, body = data.partition(b"\n")
    facts = json.loads(head[65:])
    yield b""
    yield b"nothing of ours"
    yield data[:-1]
    yield head + b"\n"
    yield data + b'[[], [], "", [], ""]\n'
    yield data.replace(b'"unchanged": 6', b'"unchanged": 7')
    yield data.replace(b"0.png", b"1.png")
    yield head + b"\n" + body[:40] + bytes([body[40] ^ 4]) + body[41:]
    yield b"[" * 200_000
    for wrong in ({}, [], {**facts, "counts": None}, {**facts, "counts": {}}, {**facts, "body": 3}):
        text = json.dumps(wrong).encode()
        yield hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n" + body


def test_a_damaged_last_run_costs_only_time(settled, ways):
    path = settled.state / last_run.NAME
    good = path.read_bytes()
    expected = settled.migrate(check_mode=True)
    for data in damaged(good):
        del ways[:]
        path.write_bytes(data)
        assert settled.migrate(check_mode=True) == expected
        assert ways == ["long"], data[:200]
    assert settled.migrate() == expected
    del ways[:]
    assert (settled.migrate(), ways) == (expected, [])


@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_no_file_of_ours_is_read_or_followed(settled, ways, kind, tmp_path):
    path = settled.state / last_run.NAME
    good = path.read_bytes()
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "elsewhere").write_bytes(good)
        path.symlink_to(tmp_path / "elsewhere")
    assert settled.migrate()["changed"] is False
    assert ways == ["long"]
    if kind == "link":
        assert (tmp_path / "elsewhere").read_bytes() == good


def test_the_state_of_another_library_does_not_count(settled, ways, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(settled.home / "images", other / "images", symlinks=True)
    swap(other / "images/0.png", other / "images/1.png")
    shutil.copy2(settled.library, other / "library.json")
    shutil.copytree(settled.state, other / settled.state.name)
    settled.home, settled.library = other, other / "library.json"
    assert settled.migrate()["changed"] is True
    assert ways == ["long"]
