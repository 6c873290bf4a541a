"""The real service, in a process of its own, queried over HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.storage import state
from ansible_collections.mobius.dhash.tests.support.running import CODE, LIBRARY, METRICS, command, deploy, item, write

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def test_a_library_that_was_never_deployed_is_healthy_and_measured_nothing(start, tmp_path):
    write(tmp_path / "library.json", LIBRARY)
    service = start()
    status, health = service.settled()
    assert (status, health["status"], health["reasons"]) == (200, "healthy", [])
    assert (health["service"], health["instance"], health["deployment"]) == ("mobius.dhash", "test", None)
    assert (health["items"], health["with_dhash"]) == (3, 2)
    status, metrics = service.json("/metrics/dhash")
    assert status == 200
    assert {name: metrics[name] for name in METRICS} == dict.fromkeys(METRICS)
    assert metrics["measured"] is False


def test_what_the_migration_measured(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY), migrated_at="2024-09-24T16:00:00Z")
    service = start()
    status, health = service.settled()
    assert (status, health["deployment"], health["deployed"]) == (200, "d1", "deployed")
    status, metrics = service.json("/metrics/dhash")
    assert status == 200
    assert {name: metrics[name] for name in METRICS} == METRICS
    assert (metrics["measured"], metrics["items"], metrics["with_dhash"]) == (True, 3, 2)


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
    assert "a folder" in health["reasons"][0]


def test_a_damaged_state_is_reported(start, tmp_path):
    path = tmp_path / "library.json"
    deploy(path, write(path, LIBRARY))
    Path(state.current_path(str(path))).write_text("{")
    status, health = start().settled()
    assert status == 503
    assert "is damaged" in health["reasons"][0]


def test_members_of_the_state_that_are_of_another_type_are_not_shown(start, tmp_path):
    path = tmp_path / "library.json"
    digest = write(path, LIBRARY)
    deploy(path, digest)
    service = start()
    assert service.settled()[1]["deployment"] == "d1"
    for value in (True, "8", [8], {}, -1, 10**400, float("inf"), float("nan"), "\ud800"):
        odd = dict.fromkeys(("deployment", "migrated_at", "items", "with_dhash"), value)
        document = {**odd, "status": "deployed", "sha256": digest, "metrics": dict.fromkeys(METRICS, value)}
        Path(state.current_path(str(path))).write_text(json.dumps(document))
        shown = value if isinstance(value, str) and value.isascii() else "\\ud800" if value == "\ud800" else None
        assert service.json("/health")[1]["deployment"] == shown
        metrics = service.json("/metrics/dhash")[1]
        assert metrics["measured"] is (value == -1)
        status, _headers, text = service.ask("/metrics")
        assert status == 200 and (b"avg_hash_time_seconds " in text) is (value == -1)


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
def test_invalid_queries_are_400(served, query, parameter):
    status, answer = served.json(f"/similar?{query}")
    assert status == 400
    assert answer["error"].startswith(f"{parameter}: ")


def test_unknown_paths_and_methods_answer_in_json(served):
    assert served.json("/nothing")[0] == 404
    status, _unused, body = served.ask("/health", "POST")
    assert status == 405
    assert "error" in json.loads(body)
    assert served.ask("/health", "HEAD")[2] == b""


def test_the_log_has_lookups_and_errors_and_no_probes(served):
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


def test_it_ends_on_sigterm(served):
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(20)
    assert served.process.returncode in (0, -signal.SIGTERM)


def test_a_taken_port_is_reported(tmp_path):
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
def test_invalid_settings_are_reported(tmp_path, content):
    config = tmp_path / "config.json"
    config.write_text(content)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(CODE)}
    answer = subprocess.run(command(config), env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert "settings cannot be used" in answer.stderr
