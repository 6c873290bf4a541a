"""The gate as Ansible runs it, with values as strings as extra vars bring them."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT

METRICS = {"avg_hash_time": 80, "p95_hash_time": 3, "extraction_failures_rate": 0, "low_confidence_queue_length": 4}
OPTIONS = ("check_mode", "diff", "ignore_errors", "ignore_unreachable", "vars")


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    """Run a module and check its result, both as tasks."""
    options = {name: arguments.pop(name) for name in OPTIONS if name in arguments}
    return [
        {f"mobius.dhash.{module}": arguments, "register": "result", **options},
        {"ansible.builtin.assert": {"that": expect, "quiet": True}},
    ]


def play(tmp_path: Path, tasks: List[Dict[str, Any]], *words: str, **variables: str) -> Tuple[int, str]:
    book = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.json").write_text(json.dumps([book]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(tmp_path / "play.json"), *words]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    command += [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


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
    code, output = play(tmp_path, tasks, base=base, tenth="0.1", one="1")
    assert code == 0, output


def test_secrets_are_not_shown_at_the_highest_verbosity(tmp_path, base):
    tasks = task(
        "dhash_gate",
        ["result.result == 'pass'"],
        health_url="http://bob:planted-pass@{{ base }}/locked",
        headers={"X-Token": "planted-token"},
        **QUICK,
    )
    (tmp_path / "log").mkdir()
    code, output = play(tmp_path, tasks, "-vvv", base=base, tenth="0.1", one="1")
    assert code == 0, output
    assert "module_args" in output or "invocation" not in output
    assert "planted" not in output.replace("play.json", "")


@pytest.mark.parametrize("name", ["dhash_gate", "host_info", "runtime_environment", "service_control"])
def test_the_documentation_renders(name):
    command = [str(Path(sys.executable).with_name("ansible-doc")), "--json", f"mobius.dhash.{name}"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    documented = json.loads(done.stdout)[f"mobius.dhash.{name}"]
    assert {"check_mode", "diff_mode", "platform"} <= set(documented["doc"]["attributes"])
    assert documented["return"]
    assert f"mobius.dhash.{name}:" in documented["examples"]
