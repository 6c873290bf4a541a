"""Metrics on disk, as Prometheus reads them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.info import deployed
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.textfile import render, write_textfile
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.plugins.module_utils.storage.replace import read_version
from prometheus_client.parser import text_string_to_metric_families

METRICS = {
    "avg_hash_time": 1.5,
    "p95_hash_time": 3,
    "extraction_failures_rate": 25,
    "low_confidence_queue_length": 2,
}


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.json"
    path.write_text("{}")
    found = {
        "deployment": "one",
        "status": "deployed",
        "sha256": read_version(str(path)).sha256,
        "items": 8,
        "with_dhash": 6,
        "metrics": METRICS,
        "migrated_at": "2024-09-24T16:00:00Z",
    }
    state.begin(str(path), found)
    state.commit(str(path))
    return path


def values(text: str):
    return {
        sample.name.replace("mobius_dhash_deployment_", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_are_in_base_units(library, tmp_path):
    result = write_textfile(str(library), str(tmp_path / "mobius.prom"))
    assert result["changed"]
    text = (tmp_path / "mobius.prom").read_text()
    assert values(text) == {
        "rolled_back": 0,
        "as_recorded": 1,
        "backup_verified": 0,
        "migrated_timestamp_seconds": 1727193600,
        "items": 8,
        "hashed_items": 6,
        "avg_hash_time_seconds": 0.0015,
        "p95_hash_time_seconds": 0.003,
        "extraction_failures_ratio": 0.25,
        "low_confidence_queue_length": 2,
    }
    assert (tmp_path / "mobius.prom").stat().st_mode & 0o777 == 0o644


def test_twice_is_once_and_check_mode_writes_nothing(library, tmp_path):
    dest = tmp_path / "mobius.prom"
    assert write_textfile(str(library), str(dest), check_mode=True)["changed"]
    assert not dest.exists()
    write_textfile(str(library), str(dest))
    inode = dest.stat().st_ino
    assert not write_textfile(str(library), str(dest))["changed"]
    assert dest.stat().st_ino == inode


def test_a_manual_change_of_the_library_is_exposed(library, tmp_path):
    library.write_text("[]")
    found = values(write_textfile(str(library), str(tmp_path / "mobius.prom"))["text"])
    assert found["as_recorded"] == 0


def test_what_was_not_measured_is_left_out():
    found = {"current": {"status": "rolled_back", "metrics": {"avg_hash_time": float("nan"), "p95_hash_time": None}}}
    assert values(render("/x", found)) == {"rolled_back": 1, "as_recorded": 0}


@pytest.mark.parametrize("value", [True, "8", None, [8], {}, 10**400, float("inf"), float("nan")], ids=str)
def test_what_is_not_a_number_was_not_measured(library, value):
    path = state.current_path(str(library))
    found = state.read_document(str(library))
    odd = {"items": value, "with_dhash": value, "metrics": dict.fromkeys(METRICS, value)}
    previous = {"metrics": {"low_confidence_queue_length": value}}
    Path(path).write_text(json.dumps({**found, **odd, "migrated_at": value, "previous": previous}))
    now = deployed(str(library), None, "deployment")
    assert now["baseline"] is None
    assert set(values(render(str(library), now))) == {"rolled_back", "as_recorded", "backup_verified"}


def test_nothing_deployed_is_an_empty_file(tmp_path):
    (tmp_path / "library.json").write_text("{}")
    assert values(write_textfile(str(tmp_path / "library.json"), str(tmp_path / "a.prom"))["text"]) == {}


def test_odd_paths_are_escaped():
    text = render('/a"b\\c\nd', {"current": {"status": "deployed"}})
    (family, _other) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {"library": '/a"b\\c\nd'}


@pytest.mark.parametrize("dest, words", [("x.txt", ".prom"), ("no/such/x.prom", "missing")])
def test_a_file_that_node_exporter_would_not_read_is_refused(library, tmp_path, dest, words):
    with pytest.raises(MobiusError, match=words):
        write_textfile(str(library), str(tmp_path / dest))


def test_the_metrics_file_overwrites_nothing_that_is_needed(library, tmp_path):
    (tmp_path / "mobius.prom").symlink_to("library.json")
    for dest in ("mobius.prom", "library.json.bak.prom", ".library.json.dhash/x.prom"):
        with pytest.raises(MobiusError, match="The metrics file may not be"):
            write_textfile(str(library), str(tmp_path / dest))
    assert library.read_text() == "{}"


def test_the_baseline_is_the_queue_before_the_deployment(library):
    assert deployed(str(library))["baseline"] is None
    state.begin(str(library), {"deployment": "two", "status": "deployed", "sha256": "0" * 64, "metrics": {}})
    state.commit(str(library))
    assert deployed(str(library))["baseline"] == 2


@pytest.mark.parametrize(
    "target, value", [({"verified": True}, 1), ({"verified": False, "reason": "damaged"}, 0), (None, None)]
)
def test_the_harness_detects_a_backup_that_does_not_verify(target, value):
    found = values(render("/x", {"current": {"status": "deployed"}, "rollback_target": target}))
    assert found.get("backup_verified") == value


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is not there")
def test_promtool_finds_nothing(library, tmp_path):
    text = write_textfile(str(library), str(tmp_path / "mobius.prom"))["text"]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
