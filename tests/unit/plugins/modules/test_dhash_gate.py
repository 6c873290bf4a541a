"""The gate as Ansible runs it, with values as strings as extra vars bring them."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

import pytest
from ansible_collections.mobius.dhash.tests.support.plays import play, task

METRICS = {"avg_hash_time": 80, "p95_hash_time": 3, "extraction_failures_rate": 0, "low_confidence_queue_length": 4}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Basic Ym9iOnBsYW50ZWQtcGFzcw==" and self.headers["X-Token"]
        status = 200 if self.path != "/bad" and (self.path != "/locked" or known) else 503
        body = json.dumps(METRICS if self.path == "/metrics" else {"status": "ok" if status == 200 else "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def base():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


QUICK = {"interval": "{{ tenth }}", "window": "{{ one }}"}


def test_the_gate_in_a_play(tmp_path, base):
    health, metrics = "http://{{ base }}/health", "http://{{ base }}/metrics"
    tasks = [
        *task("dhash_gate", ["result.result == 'pass'", "result.counts.ok == 3"], health_url=health, **QUICK),
        *task(
            "dhash_gate",
            ["result.metrics.avg_hash_time.worst == 80", "result is not changed"],
            health_url=health,
            metrics_url=metrics,
            **QUICK,
        ),
        *task(
            "dhash_gate",
            ["result is failed", "result.result == 'fail'", "'above the limit of 50 ms' in result.msg"],
            health_url=health,
            metrics_url=metrics,
            limits={"avg_hash_time": "50"},
            ignore_errors=True,
            **QUICK,
        ),
        *task(
            "dhash_gate",
            ["result is failed", "'answered 503' in result.msg", "result.samples | length > 3"],
            health_url="http://{{ base }}/bad",
            ignore_errors=True,
            **QUICK,
        ),
        *task(
            "dhash_gate",
            ["result is not failed", "result.counts.samples == 1"],
            health_url="http://{{ base }}/bad",
            check_mode=True,
            **QUICK,
        ),
        *task(
            "dhash_gate",
            ["result is failed", "'could never pass' in result.msg", "'window' in result.remedy"],
            health_url=health,
            consecutive="99",
            ignore_errors=True,
            **QUICK,
        ),
    ]
    done = play(tmp_path, tasks, base=base, tenth="0.1", one="1")
    assert done.returncode == 0, done.stdout


def test_secrets_are_not_shown_at_the_highest_verbosity(tmp_path, base):
    tasks = task(
        "dhash_gate",
        ["result.result == 'pass'"],
        health_url="http://bob:planted-pass@{{ base }}/locked",
        headers={"X-Token": "planted-token"},
        **QUICK,
    )
    (tmp_path / "log").mkdir()
    done = play(tmp_path, tasks, "-vvv", base=base, tenth="0.1", one="1")
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "module_args" in output or "invocation" not in output
    assert "planted" not in output.replace("play.json", "")
