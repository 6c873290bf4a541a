"""A disk that becomes full in the middle of a line of the history."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import history
from ansible_collections.mobius.dhash.plugins.module_utils.storage.history import append, history_path, read_history
from ansible_collections.mobius.dhash.tests.support.limits import room_for


@pytest.fixture
def library(tmp_path: Path) -> str:
    path = tmp_path / "library.json"
    path.write_text("{}")
    return str(path)


@pytest.mark.parametrize("room", [0, 1, 100, "all but the line end"])
@pytest.mark.parametrize("before", [1, 3])
def test_a_line_that_does_not_fit_is_an_error_and_the_history_stays_whole(
    library: str, room: int | str, before: int
) -> None:
    path = Path(history_path(library))
    for number in range(before):
        append(library, {"id": f"run-{number}", "note": "x" * 500})
    length = len(path.read_bytes().splitlines()[-1])
    with room_for(path, length if isinstance(room, str) else room), pytest.raises(OSError, match="No space|too large"):
        append(library, {"id": "run-9", "note": "x" * 500})
    found = read_history(library)
    assert (len(found.entries), found.problems, found.notes) == (before, [], [])
    append(library, {"id": "run-9", "note": "x" * 500})
    found = read_history(library)
    assert ([each["number"] for each in found.entries], found.problems) == ([*range(1, before + 2)], [])


@pytest.mark.parametrize("fault", ["previous", "size"])
def test_what_no_run_has_written_is_named(library: str, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    path = Path(history_path(library))
    append(library, {"id": "run-1"})
    if fault == "previous":
        path.write_text(path.read_text().replace('"previous": ""', f'"previous": "{"0" * 64}"'))
        assert "entry 1 was changed" in read_history(library).problems
        return
    monkeypatch.setattr(history, "_LIMIT", 2000)
    content = path.read_bytes() + b"\0" * 2000
    path.write_bytes(content)
    for call in (lambda: read_history(library), lambda: append(library, {"id": "run-2"})):
        with pytest.raises(MobiusError, match="larger than 2000 bytes.*move it away: the next run begins a new one"):
            call()
    assert path.read_bytes() == content
    os.replace(path, f"{path}.away")
    append(library, {"id": "run-2"})
    assert [each["id"] for each in read_history(library).entries] == ["run-2"]
