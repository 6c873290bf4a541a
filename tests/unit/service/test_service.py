"""The real service, in a process of its own, asked over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
parser = pytest.importorskip("prometheus_client.parser")

ROOT = Path(__file__).parents[3]
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
        """The answer once the library is read; a slow machine may say first that it is being read."""
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


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def starting(**settings):
            port = free_port()
            config = tmp_path / "config.json"
            given = {
                "library_path": str(tmp_path / "library.json"),
                "port": port,
                "log_file": str(tmp_path / "service.log"),
                "instance": "test",
                **settings,
            }
            config.write_text(json.dumps(given))
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(CODE)}
            process = stack.enter_context(subprocess.Popen(command(config), env=environment))
            stack.callback(process.kill)
            running = Running(tmp_path, process, port)
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError):
                    running.ask("/health")
                    return running
                assert process.poll() is None and time.monotonic() < deadline, "the service did not start"
                time.sleep(0.05)

        yield starting


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


def test_a_library_that_was_never_deployed_is_healthy_and_measured_nothing(start, tmp_path):
    write(tmp_path / "library.json", LIBRARY)
    service = start()
    status, health = service.settled()
    assert (status, health["status"], health["reasons"]) == (200, "healthy", [])
    assert (health["service"], health["instance"], health["deployment"]) == ("mobius.dhash", "test", None)
    assert (health["items"], health["with_dhash"]) == (3, 2)
    status, figures = service.json("/metrics/dhash")
    assert status == 200
    assert {name: figures[name] for name in METRICS} == dict.fromkeys(METRICS)
    assert figures["measured"] is False


def test_what_the_migration_measured(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY), migrated_at="2024-09-24T16:00:00Z")
    service = start()
    status, health = service.settled()
    assert (status, health["deployment"], health["deployed"]) == (200, "d1", "deployed")
    status, figures = service.json("/metrics/dhash")
    assert status == 200
    assert {name: figures[name] for name in METRICS} == METRICS
    assert (figures["measured"], figures["items"], figures["with_dhash"]) == (True, 3, 2)


def test_other_bytes_than_deployed_are_unhealthy_until_they_are_back(start, tmp_path):
    path = tmp_path / "library.json"
    deployed = write(path, LIBRARY)
    deploy(path, deployed)
    service = start()
    assert service.settled()[0] == 200
    other = write(path, {"components": [item(1)]})
    status, health = service.settled()
    assert (status, health["status"]) == (503, "unhealthy")
    assert other[:12] in health["reasons"][0] and deployed[:12] in health["reasons"][0]
    write(path, LIBRARY)
    assert service.settled()[0] == 200


def test_a_note_that_came_true_counts_and_one_that_did_not_does_not(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY))
    service = start()
    after = {"components": [item(1, "00000000000000ff")]}
    digest = hashlib.sha256(json.dumps(after).encode()).hexdigest()
    state.begin(str(path), {"deployment": "d2", "status": "deployed", "sha256": digest, "metrics": METRICS})
    assert service.settled()[1]["deployment"] == "d1"
    write(path, after)
    status, health = service.settled()
    assert (status, health["deployment"]) == (200, "d2")


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "missing"),
        (b'{"components": [', "not strict JSON"),
        (b"", "not strict JSON"),
        (b'{"components": [{"image": "a.png"}], "x": NaN}', "not strict JSON"),
        (b'{"nothing": []}', "no item"),
    ],
)
def test_a_library_that_cannot_be_used(start, tmp_path, content, words):
    path = tmp_path / "library.json"
    if content is not None:
        write(path, content)
    service = start()
    status, health = service.settled()
    assert (status, health["status"]) == (503, "unhealthy")
    assert words in health["reasons"][0]
    status, answer = service.json("/similar?dhash=0000000000000000")
    assert (status, words in answer["error"]) == (503, True)
    assert service.json("/metrics/dhash")[0] == 200
    assert b"mobius_dhash_healthy 0.0" in service.ask("/metrics")[2]
    write(path, LIBRARY)
    assert service.settled()[0] == 200


def test_a_folder_in_place_of_the_library(start, tmp_path):
    (tmp_path / "library.json").mkdir()
    status, health = start().settled()
    assert status == 503
    assert "folder" in health["reasons"][0]


def test_a_damaged_record_is_told(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY))
    Path(state.current_path(str(path))).write_text("{")
    status, health = start().settled()
    assert status == 503
    assert "damaged" in health["reasons"][0]


def test_a_symlinked_library_is_followed(start, tmp_path):
    real = tmp_path / "elsewhere" / "real.json"
    real.parent.mkdir()
    digest = write(real, LIBRARY)
    (tmp_path / "library.json").symlink_to(real)
    deploy(tmp_path / "library.json", digest)
    assert start().settled()[1]["deployment"] == "d1"


def test_similar_finds_what_a_plain_search_finds(start, tmp_path):
    rng = random.Random(7)
    hashes = [f"{rng.getrandbits(64):016x}" for _unused in range(300)]
    wanted = int(hashes[0], 16)
    hashes += [f"{wanted ^ sum(1 << bit for bit in rng.sample(range(64), count)):016x}" for count in range(12)]
    items = [item(number, value) for number, value in enumerate(hashes)]
    write(tmp_path / "library.json", {"components": [*items, item(999), item(998, "not a dhash")]})
    service = start()
    service.settled()
    for distance in (0, 3, 30):
        status, answer = service.json(f"/similar?dhash={hashes[0].upper()}&distance={distance}&limit=1000")
        away = [bin(int(value, 16) ^ wanted).count("1") for value in hashes]
        expected = sorted((bits, number) for number, bits in enumerate(away) if bits <= distance)
        assert status == 200
        assert [(hit["distance"], hit["id"]) for hit in answer["items"]] == expected
        assert (answer["total"], answer["truncated"]) == (len(expected), False)
    first = answer["items"][0]
    assert first == {
        "distance": 0,
        "dhash": hashes[0],
        "pointer": "/components/0",
        "id": 0,
        "name": "die 0",
        "image": "images/0.png",
        "dhash_confidence": 0.9,
    }


def test_similar_is_bounded(start, tmp_path):
    write(tmp_path / "library.json", {"components": [item(number, "0" * 16) for number in range(20)]})
    service = start()
    service.settled()
    answer = service.json(f"/similar?dhash={'0' * 16}&limit=5")[1]
    assert (len(answer["items"]), answer["total"], answer["truncated"]) == (5, 20, True)


@pytest.mark.parametrize(
    "query, parameter",
    [
        ("", "dhash"),
        ("dhash=", "dhash"),
        ("dhash=xyz", "dhash"),
        ("dhash=000000000000000", "dhash"),
        ("dhash=00000000000000000", "dhash"),
        ("dhash=0x00000000000000", "dhash"),
        ("dhash=%00000000000000000", "dhash"),
        ("dhash=0000000000000000&dhash=0000000000000000", "dhash"),
        ("dhash=0000000000000000&distance=65", "distance"),
        ("dhash=0000000000000000&distance=-1", "distance"),
        ("dhash=0000000000000000&distance=1e3", "distance"),
        ("dhash=0000000000000000&distance=%D9%A3", "distance"),
        ("dhash=0000000000000000&distance=" + "9" * 5000, "distance"),
        ("dhash=0000000000000000&limit=0", "limit"),
        ("dhash=0000000000000000&limit=1001", "limit"),
    ],
)
def test_queries_that_make_no_sense_are_400(served, query, parameter):
    status, answer = served.json(f"/similar?{query}")
    assert status == 400
    assert answer["error"].startswith(f"{parameter}: ")


def test_unknown_paths_and_methods_answer_in_json(served):
    assert served.json("/nothing")[0] == 404
    status, _unused, body = served.ask("/health", "POST")
    assert status == 405
    assert "error" in json.loads(body)
    assert served.ask("/health", "HEAD")[2] == b""


@pytest.fixture
def served(start, tmp_path):
    write(tmp_path / "library.json", LIBRARY)
    service = start()
    service.settled()
    return service


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
    assert re.search(r'mobius_dhash_http_requests_total\{path="/similar",status="400"\} 1\.0', text)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_promtool_has_nothing_to_say(start, tmp_path):
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


def test_the_log_tells_look_ups_and_errors_and_no_probes(served):
    served.ask("/similar?dhash=0000000000000000")
    served.ask("/odd%0Aname%1B[31m")
    deadline = time.monotonic() + 20
    # A line is written after its answer was sent.
    while "404" not in served.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    log = served.log.read_text()
    assert "GET '/similar' 200" in log
    assert "404" in log
    assert "\x1b" not in log and "\\n" in log
    assert "/health" not in log
    assert served.log.stat().st_mode & 0o007 == 0


def test_it_ends_when_told(served):
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(20)
    assert served.process.returncode in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "config.json"
        port = taken.getsockname()[1]
        config.write_text(json.dumps({"library_path": "x", "port": port}))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(CODE)}
        answer = subprocess.run(
            command(config), env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert answer.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken by another program" in answer.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"library_path": "x", "prot": 1}', '{"library_path": "x", "port": "1"}', "{}"]
)
def test_settings_that_cannot_be_used_are_said(tmp_path, content):
    config = tmp_path / "config.json"
    config.write_text(content)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(CODE)}
    answer = subprocess.run(command(config), env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert "settings cannot be used" in answer.stderr
