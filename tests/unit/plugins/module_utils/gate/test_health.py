"""Which health responses count as healthy; a refusal states what was seen and what is accepted."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.gate.health import WORDS, HealthRules, judge_health
from ansible_collections.mobius.dhash.plugins.module_utils.gate.samples import BAD, NOT_OK, OK
from ansible_collections.mobius.dhash.plugins.module_utils.http import Response

JSON = "application/json"


def judged(body, kind=JSON, status=200, rules=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge_health(Response(status, kind, data), rules or HealthRules())


YES = [
    (b"\xef\xbb\xbf" + b'{"status":"ok"}', JSON),
    (b"\xef\xbb\xbf" + b'{"status":"ok"}', "text/plain"),
    ('{"status":"ok"}'.encode("utf-16"), JSON),
    ('{"status":"ok"}'.encode("utf-16-le"), "application/json; charset=utf-16le"),
    (b'\r\n {"status":"ok"} \r\n\x00', JSON),
    ({"status": 200, "message": "OK"}, JSON),
    ({"status": "200"}, JSON),
    ({"status": 200.0}, JSON),
    ({"status": "200 OK"}, JSON),
    ({"status": {"code": "200", "description": "All systems operational"}}, JSON),
    ({"status": True}, JSON),
    ({"status": "true"}, JSON),
    ({"status": "running"}, JSON),
    ({"status": "success"}, JSON),
    ({"status": "UP", "components": {"db": {"status": "UP"}}}, "application/vnd.spring-boot.actuator.v3+json"),
    ({"status": "pass"}, "application/health+json"),
    ({"status": "SERVING"}, JSON),
    ({"Status": "Ok"}, JSON),
    ({"status": "OK."}, JSON),
    ({"status": " ok "}, JSON),
    ({"status": "OK: all checks passed"}, JSON),
    ({"status": "ok - 3 checks"}, JSON),
    ({"status": {"code": 200, "text": "OK"}}, JSON),
    ({"status": {"status": "UP"}}, JSON),
    ({"status": ["ok", "up"]}, JSON),
    ({"status": None}, JSON),
    ({"health": "green"}, JSON),
    ({"healthy": True}, JSON),
    ({"ok": True}, JSON),
    ({"ok": 1}, JSON),
    ({"success": True, "data": {}}, JSON),
    ({"state": 42}, JSON),
    ({"state": "California", "health": 87}, JSON),
    ({"up": 86_400}, JSON),
    ({"up": ["a", "b"]}, JSON),
    ({"uptime": 5, "version": "1.0"}, JSON),
    ({}, JSON),
    ([], JSON),
    (True, JSON),
    ("ok", JSON),
    ("Hello, world", JSON),
    (200, JSON),
    (1, JSON),
    (None, JSON),
    (b"", JSON),
    (b"OK", JSON),
    (b"OK\n", "text/plain"),
    (b"true", "text/plain"),
    (b"200 OK", "text/plain"),
    (b"Healthy", "text/plain; charset=utf-8"),
    (b"alive and well", ""),
    (b"<html><body>Down the rabbit hole</body></html>", "text/html"),
    ('{"status":"ok","message":"Größe"}'.encode("latin-1"), JSON),
    (b'{"status":"ok"} trailing', "text/plain"),
]
NO = [
    ({"status": "DOWN"}, "text/plain", "DOWN"),
    ({"status": "unhealthy", "reasons": ["library missing"]}, JSON, "library missing"),
    ({"status": "starting"}, JSON, "starting"),
    ({"status": "ok with errors"}, JSON, "ok with errors"),
    ({"status": "not ok"}, JSON, "not ok"),
    ({"status": "warn"}, JSON, "warn"),
    ({"status": 503, "message": "no database"}, JSON, "no database"),
    ({"status": 0}, JSON, "status 0"),
    ({"status": "503 Service Unavailable"}, JSON, "503"),
    ({"status": "2000"}, JSON, "2000"),
    ({"status": "200 errors"}, JSON, "200 errors"),
    ({"status": "200 of 300 checks failed"}, JSON, "200 of 300"),
    ({"status": "degraded"}, JSON, "degraded"),
    ({"status": False}, JSON, "status false"),
    ({"status": ["ok", "down"]}, JSON, "down"),
    ({"status": {"code": 500}}, JSON, "status 500"),
    (b'{"status": NaN}', JSON, "NaN"),
    (b'{"status": 1e999}', JSON, "Infinity"),
    (b'{"status": 1%s}' % (b"0" * 400), JSON, "status 1000"),
    (b'{"status": {"code": -1%s}}' % (b"0" * 400), JSON, "status -1000"),
    (b'{"status": [200, 1%s]}' % (b"0" * 400), JSON, "status [200, 1000"),
    ({"status": "ok", "healthy": False}, JSON, "healthy false"),
    ({"success": False, "error": "disk full"}, JSON, "disk full"),
    ({"health": "red"}, JSON, "health"),
    ({"ready": False}, JSON, "ready false"),
    (False, JSON, "false"),
    ("DOWN", JSON, "DOWN"),
    (503, JSON, "503"),
    (b"DOWN", "text/plain", "DOWN"),
    (b"unhealthy\n", "text/plain", "unhealthy"),
    (b"false", "text/plain", "false"),
]


@pytest.mark.parametrize(("body", "kind"), YES, ids=str)
def test_a_yes(body, kind):
    assert judged(body, kind) == (OK, "")


@pytest.mark.parametrize(("body", "kind", "seen"), NO, ids=str)
def test_a_refusal_states_what_was_seen_and_what_is_accepted(body, kind, seen):
    result, note = judged(body, kind)
    assert result == NOT_OK
    assert seen in note and "accepted: healthy, ok, " in note
    assert len(note) <= 400 and note.isprintable()


DEEP = b'{"status": %s"ok"%s}' % (b"[" * 400, b"]" * 400)


@pytest.mark.parametrize("body", [b"{", b'{"status":"ok"', b"<html>", b"{'status': 'ok'}", b"[" * 100_000, DEEP])
def test_a_body_that_is_not_the_json_it_claims_to_be(body):
    result, note = judged(body)
    assert result == BAD
    assert "not valid JSON" in note and "application/json" in note


@pytest.mark.parametrize("status", [100, 204, 302, 404, 500, 503])
def test_another_http_status(status):
    result, note = judged({"status": "sick", "message": "no disk"}, status=status)
    assert result == NOT_OK
    assert f"answered {status}" in note and "accepted: 200" in note and "sick, no disk" in note


@pytest.mark.parametrize(
    ("codes", "accepted", "rejected"),
    [
        (None, [200], [201, 204]),
        ([], [200], [204]),
        ([""], [200], [204]),
        ([200, 204], [200, 204], [201]),
        (["200-204"], [200, 201, 204], [205]),
        (["2xx", "401"], [200, 299, 401], [300, 403]),
        ([" 2XX "], [299], [199]),
    ],
)
def test_codes_that_are_accepted(codes, accepted, rejected):
    rules = HealthRules.of(codes, None)
    assert all(judged(b"", "", code, rules)[0] == OK for code in accepted)
    assert all(judged(b"", "", code, rules)[0] == NOT_OK for code in rejected)


@pytest.mark.parametrize("code", ["20", "2x", "ok", "600", "200-", "200,204", "-1", "٢٠٠"])
def test_invalid_status_codes(code):
    with pytest.raises(MobiusError, match="Invalid HTTP status"):
        HealthRules.of([code], None)


def test_words_that_are_accepted():
    rules = HealthRules.of(None, ["Degraded", "UP", ""])
    assert judged({"status": "degraded"}, rules=rules)[0] == OK
    assert judged(b"degraded", "text/plain", rules=rules)[0] == OK
    result, note = judged({"status": "ok"}, rules=rules)
    assert (result, "accepted: degraded, up" in note) == (NOT_OK, True)
    assert HealthRules.of(None, [""]).words == HealthRules.of(None, None).words == WORDS


def test_a_number_can_be_a_word():
    assert judged({"status": 0}, rules=HealthRules.of(None, [0]))[0] == OK


def test_no_secret_of_a_body_is_shown():
    body = {"status": "down", "message": "login at https://me:planted@db failed, password=planted"}
    assert "planted" not in judged(body)[1]
