"""Reports and evidence that somebody edited: not ours, never removed, and no obstacle to a prune."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.clock import parse_file_stamp
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.artifacts import Artifact, artifacts_in
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prune import Rules, decide

ID = "20240101T120000Z-0000aa"
NOW = parse_file_stamp("20240601T120000Z")
NO_PATHS = ("/srv/\0", "/srv/\ud800", ["/srv/library.json"], {"path": "/srv"}, 1, True)


@pytest.fixture
def place(tmp_path: Path) -> Tuple[Path, str]:
    """The log folder, and the library."""
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs", str(tmp_path / "library.json")


def found(place: Tuple[Path, str], name: str, content: str) -> Artifact:
    folder, library = place
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    (artifact,) = artifacts_in(str(folder), library)
    return artifact


def report(**facts: Any) -> str:
    return json.dumps({"deployment": ID, "kind": "deployment", "facts": facts})


@pytest.mark.parametrize("library", NO_PATHS, ids=ascii)
def test_a_report_or_evidence_of_no_path_is_foreign(place: Tuple[Path, str], library: Any) -> None:
    artifact = found(place, f"deployment-{ID}.json", report(library=library))
    assert artifact.foreign.startswith("it is about ") and artifact.foreign.isprintable()
    Path(artifact.path).unlink()
    evidence = json.dumps({"deployment": ID, "library": library})
    assert found(place, f"evidence-{ID}/failure.json", evidence).foreign.startswith("it is about ")


@pytest.mark.parametrize("path", [*NO_PATHS, None, ""], ids=ascii)
def test_what_a_report_in_force_names_stays_as_far_as_it_is_a_path(place: Tuple[Path, str], path: Any) -> None:
    artifact = found(place, f"deployment-{ID}.json", report(library=place[1], migration_log=path, evidence="/kept"))
    assert (artifact.foreign, artifact.also) == ("", ("/kept",))
    (decision,) = decide([artifact], Rules(days=0, last=0), NOW, in_force=[ID])
    assert decision.keep and "the current deployment" in decision.reason


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"deployment": ' * 400 + "1" + "}" * 400, "[]", "{", "", "\0", '{"deployment": 1e999}']
)
def test_what_is_not_a_report_is_foreign(place: Tuple[Path, str], content: str) -> None:
    artifact = found(place, f"deployment-{ID}.json", content)
    assert artifact.foreign == "it is not a report of this run"
    Path(artifact.path).unlink()
    assert "not of this run" in found(place, f"evidence-{ID}/failure.json", content).foreign
