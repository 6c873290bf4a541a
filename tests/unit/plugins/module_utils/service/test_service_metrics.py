"""What the service exposes to Prometheus."""

from __future__ import annotations

import re
import shutil
import subprocess
import time

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import acquire
from ansible_collections.mobius.dhash.tests.support.running import LIBRARY, deploy, write

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
parser = pytest.importorskip("prometheus_client.parser")


def test_prometheus_text_has_help_type_and_base_units(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY))
    service = start()
    service.settled()
    service.ask("/similar?dhash=zz")
    status, headers, body = service.ask("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    text = body.decode()
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    values = {
        sample.name: sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name.startswith("mobius_dhash") and not sample.labels
    }
    assert values["mobius_dhash_healthy"] == 1
    assert values["mobius_dhash_avg_hash_time_seconds"] == pytest.approx(0.0015)
    assert values["mobius_dhash_p95_hash_time_seconds"] == pytest.approx(0.003)
    assert values["mobius_dhash_extraction_failures_ratio"] == pytest.approx(0.05)
    assert values["mobius_dhash_low_confidence_queue_length"] == 2
    assert (values["mobius_dhash_items"], values["mobius_dhash_hashed_items"]) == (3, 2)
    assert values["mobius_dhash_lock_held"] == 0 and "mobius_dhash_lock_taken_timestamp_seconds" not in values
    acquire(str(path), "20260101T000000Z-aaaaaa")
    held = service.ask("/metrics")[2].decode()
    assert "mobius_dhash_lock_held 1.0" in held
    taken = float(re.search(r"^mobius_dhash_lock_taken_timestamp_seconds (.+)$", held, re.MULTILINE)[1])
    assert abs(time.time() - taken) < 60
    assert re.search(r'mobius_dhash_http_requests_total\{path="/similar",status="400"\} 1\.0', text)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_promtool_has_no_complaints(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY))
    service = start()
    service.settled()
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=service.ask("/metrics")[2], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_prometheus_leaves_out_what_was_not_measured(served):
    text = served.ask("/metrics")[2].decode()
    assert "hash_time_seconds" not in text
    assert "mobius_dhash_items 3.0" in text


def test_a_scanner_does_not_fill_the_metrics(served):
    for number in range(20):
        served.ask(f"/x{number}")
    text = served.ask("/metrics")[2].decode()
    assert "/x1" not in text
    assert 'mobius_dhash_http_requests_total{path="other",status="404"} 20.0' in text
