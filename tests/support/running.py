"""The service as a process of its own, on a library of a few items."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import sys
import time
from pathlib import Path

from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.tests.support.places import ROOT

CODE = [str(ROOT / "playbooks" / "collections"), str(ROOT / "roles" / "service" / "files")]
METRICS = {
    "avg_hash_time": 1.5,
    "p95_hash_time": 3.0,
    "extraction_failures_rate": 5.0,
    "low_confidence_queue_length": 2,
}


class Running:
    def __init__(self, folder: Path, process, port: int) -> None:
        self.folder, self.process, self.port = folder, process, port
        self.library = folder / "library.json"
        self.log = folder / "service.log"

    def ask(self, path: str, method: str = "GET"):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, path: str):
        status, headers, body = self.ask(path)
        assert headers["content-type"].startswith("application/json")
        return status, json.loads(body)

    def settled(self, path: str = "/health"):
        """The answer once the library is read; a slow machine may first report that it is being read."""
        deadline = time.monotonic() + 20
        while True:
            status, document = self.json(path)
            if document.get("status") != "starting" or time.monotonic() > deadline:
                return status, document
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(config: Path):
    return [sys.executable, "-m", "dhash_service", "--config", str(config)]


def item(number: int, dhash=None):
    entry = {"id": number, "name": f"die {number}", "image": f"images/{number}.png"}
    return entry if dhash is None else {**entry, "dhash": dhash, "dhash_confidence": 0.9}


def write(path: Path, document) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    os.replace(fresh, path)
    return hashlib.sha256(data).hexdigest()


def deploy(path: Path, sha256: str, **more):
    state.begin(str(path), {"deployment": "d1", "status": "deployed", "sha256": sha256, "metrics": METRICS, **more})
    state.commit(str(path))


LIBRARY = {"components": [item(1, "00000000000000ff"), item(2, "00000000000000f0"), item(3)]}
