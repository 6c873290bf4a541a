"""A folder brought to exactly the given files, unless it belongs to someone else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.service.tree import (
    MARKER,
    build,
    compare,
    digests,
    ensure,
    stamp,
)

FILES = {"app/main.py": "print('{{ not a template }}')\n", "app/sub/util.py": "ä\n", "config.json": "{}"}


def content(folder: Path):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def test_made_once_and_left_alone(tmp_path):
    dest = tmp_path / "tree"
    first = ensure(str(dest), FILES, {})
    assert first.added == sorted(FILES)
    assert content(dest) == FILES
    before = {path: path.stat().st_mtime_ns for path in dest.rglob("*")}
    assert not ensure(str(dest), FILES, {})
    assert {path: path.stat().st_mtime_ns for path in dest.rglob("*")} == before


def test_modes_whatever_the_umask(tmp_path):
    for umask in (0, 0o077):
        dest = tmp_path / f"tree{umask}"
        old = os.umask(umask)
        try:
            ensure(str(dest), FILES, {})
        finally:
            os.umask(old)
        assert {stat.S_IMODE(path.stat().st_mode) for path in dest.rglob("*") if path.is_file()} == {0o640}
        assert {stat.S_IMODE(path.stat().st_mode) for path in [dest, *dest.rglob("*")] if path.is_dir()} == {0o750}


def test_changes_are_distinguished(tmp_path):
    dest = tmp_path / "tree"
    ensure(str(dest), FILES, {})
    first = build(str(dest))
    changed = {"app/main.py": "new", "config.json": "{}", "more": "1"}
    predicted = ensure(str(dest), changed, {}, check_mode=True)
    assert content(dest) == FILES
    result = ensure(str(dest), changed, {})
    assert predicted == result
    assert (result.added, result.modified, result.removed) == (["more"], ["app/main.py"], ["app/sub/util.py"])
    assert result.lines[:3] == ["+ more", "~ app/main.py", "- app/sub/util.py"]
    assert build(str(dest)) != first
    assert not compare(str(dest), digests(changed), {})
    assert content(dest) == changed
    assert not (dest / "app/sub").exists()


def test_check_mode_makes_nothing(tmp_path):
    assert ensure(str(tmp_path / "tree"), FILES, {}, check_mode=True)
    assert list(tmp_path.iterdir()) == []


def test_a_loosened_mode_is_tightened(tmp_path):
    dest = tmp_path / "tree"
    ensure(str(dest), FILES, {})
    (dest / "config.json").chmod(0o666)
    assert ensure(str(dest), FILES, {})
    assert stat.S_IMODE((dest / "config.json").stat().st_mode) == 0o640
    assert not ensure(str(dest), FILES, {})


def test_a_stamp_that_changes_is_a_change(tmp_path):
    dest, marker = tmp_path / "tree", tmp_path / "stamp"
    stamps = {"venv": stamp(str(marker)), "unit": "1"}
    assert stamps["venv"] == ""
    ensure(str(dest), FILES, stamps)
    assert not ensure(str(dest), FILES, stamps)
    marker.write_text("1")
    changed = {**stamps, "venv": stamp(str(marker))}
    before = build(str(dest))
    assert ensure(str(dest), FILES, changed).stamped == ["venv"]
    assert build(str(dest)) != before
    assert not ensure(str(dest), FILES, changed)
    assert ensure(str(dest), FILES, {"venv": changed["venv"]}), "a stamp that is no longer one"


def test_nothing_installed_has_no_build(tmp_path):
    assert build(str(tmp_path)) == ""


def test_compiled_code_is_ignored(tmp_path):
    dest = tmp_path / "tree"
    ensure(str(dest), FILES, {})
    cache = dest / "app" / "__pycache__"
    cache.mkdir()
    (cache / "main.pyc").write_text("x")
    assert not ensure(str(dest), FILES, {})
    assert (cache / "main.pyc").exists()


def test_a_folder_of_another_owner_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(MobiusError, match="holds other things"):
        ensure(str(tmp_path), FILES, {})
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_link_inside_is_replaced_not_followed(tmp_path):
    dest, outside = tmp_path / "tree", tmp_path / "outside"
    outside.write_text("mine")
    ensure(str(dest), FILES, {})
    (dest / "config.json").unlink()
    (dest / "config.json").symlink_to(outside)
    assert ensure(str(dest), FILES, {}).modified == ["config.json"]
    assert outside.read_text() == "mine"
    assert content(dest) == FILES


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "a\0b", MARKER])
def test_paths_that_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(MobiusError, match="Not a path inside"):
        ensure(str(tmp_path / "tree"), {name: "x"}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_is_done_again(tmp_path):
    dest = tmp_path / "tree"
    ensure(str(dest), FILES, {})
    assert ensure(str(dest), {**FILES, "config.json": "new"}, {})
    (dest / MARKER).write_text("{")
    assert ensure(str(dest), {**FILES, "config.json": "new"}, {})
    assert not ensure(str(dest), {**FILES, "config.json": "new"}, {})
