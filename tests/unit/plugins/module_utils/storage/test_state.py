"""The state, as a run killed at any instant leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.state import DamagedState


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "library.json").write_text("{}")
    return str(tmp_path / "library.json")


def facts(name: str, sha256: str) -> Dict[str, Any]:
    return {"deployment": name, "status": "deployed", "sha256": sha256, "backup": {"path": f"/b/{name}", "sha256": "0"}}


def deploy(library: str, name: str, sha256: str) -> None:
    state.begin(library, facts(name, sha256), actual_sha256="before")
    state.commit(library)


def test_nothing_is_deployed_at_first(library: str) -> None:
    assert state.read_current(library) is None
    assert state.named_backups(library) == []
    with pytest.raises(MobiusError, match="nothing to commit"):
        state.commit(library)


def test_what_was_before_is_kept_one_level_back(library: str) -> None:
    for name, sha256 in (("1", "a"), ("2", "b"), ("3", "c")):
        deploy(library, name, sha256)
    assert state.read_current(library) == {**facts("3", "c"), "previous": facts("2", "b")}


def test_a_note_counts_only_when_it_came_true(library: str) -> None:
    deploy(library, "1", "a")
    state.begin(library, facts("2", "b"), actual_sha256="a")
    assert state.read_current(library, "a")["deployment"] == "1"
    assert state.read_current(library)["deployment"] == "1"
    assert state.read_current(library, "b") == {**facts("2", "b"), "previous": facts("1", "a")}
    assert [each["path"] for each in state.named_backups(library)] == ["/b/1", "/b/2"]


@pytest.mark.parametrize(("actual", "previous"), [("b", "2"), ("a", "1")])
def test_the_next_run_settles_what_a_killed_one_left(library: str, actual: str, previous: str) -> None:
    deploy(library, "1", "a")
    state.begin(library, facts("2", "b"), actual_sha256="a")
    state.begin(library, facts("3", "c"), actual_sha256=actual)
    assert state.commit(library)["previous"]["deployment"] == previous


@pytest.mark.parametrize(("actual", "deployment", "ended"), [("b", "2", True), ("a", "1", True), ("x", "1", False)])
def test_a_note_ends_when_the_library_shows_the_outcome(
    library: str, actual: str, deployment: str, ended: bool
) -> None:
    deploy(library, "1", "a")
    state.begin(library, facts("2", "b"), actual_sha256="a")
    state.settle(library, actual)
    document = state.read_document(library)
    assert document is not None
    assert (document["deployment"], "pending" not in document) == (deployment, ended)


def test_the_bytes_are_read_without_a_given_hash(library: str) -> None:
    empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    state.begin(library, facts("1", empty_object))
    state.begin(library, facts("2", "b"))
    assert state.commit(library)["previous"]["deployment"] == "1"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"pending": 1}', b"\xff\xfe"])
def test_a_damaged_state_is_reported_and_kept_aside(library: str, content: bytes) -> None:
    deploy(library, "1", "a")
    path = Path(state.current_path(library))
    path.write_bytes(content)
    for read in (state.read_current, state.named_backups):
        with pytest.raises(DamagedState, match="is damaged"):
            read(library)
    deploy(library, "2", "b")
    assert state.read_current(library) == {**facts("2", "b"), "previous": None}
    assert Path(f"{path}.damaged").read_bytes() == content


def test_a_state_that_is_a_folder_is_damaged(library: str) -> None:
    Path(state.current_path(library)).mkdir(parents=True)
    with pytest.raises(DamagedState):
        state.read_current(library)
