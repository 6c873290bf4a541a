"""The health endpoint before a deployment: if it is unhealthy, nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.prepare import prepare
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.gate import before
from ansible_collections.mobius.dhash.plugins.module_utils.gate.before import refuse_unhealthy
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import begin_run
from ansible_collections.mobius.dhash.plugins.module_utils.storage.lock import holder
from ansible_collections.mobius.dhash.tests.support.gate_server import document, hang_up, in_turn, raw, serving, url_of

WELL, ILL = document({"status": "healthy"}), document({"status": "unhealthy", "reason": "no database"}, 503)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(before.time, "sleep", lambda _seconds: None)


@pytest.mark.parametrize(
    "answer, more",
    [
        (WELL, {}),
        (raw(b"OK"), {}),
        (document({"up": True}, 204), {"status_codes": [204]}),
        (document({"status": "fine"}), {"words": ["fine"]}),
        # It is being restarted.
        (in_turn(ILL, hang_up, ILL, WELL), {}),
    ],
)
def test_a_healthy_service_lets_the_deployment_continue(answer, more: Dict[str, Any]) -> None:
    with serving({"/health": answer}) as server:
        assert refuse_unhealthy({"url": url_of(server, "/health"), **more}) == {"health": "ok"}


@pytest.mark.parametrize(
    "answer, why",
    [
        (ILL, "answered 503"),
        (document({"status": "starting"}), "starting"),
        (raw(b"moved", 302), "302"),
        (hang_up, "health"),
        (document({"status": "healthy"}, 500), "500"),
    ],
)
def test_an_unhealthy_service_is_refused(answer, why: str) -> None:
    with serving({"/health": answer}) as server, pytest.raises(MobiusError, match="unhealthy before") as error:
        refuse_unhealthy({"url": url_of(server, "/health")})
    assert why in str(error.value) and "mobius_health_before" in str(error.value)
    assert len(server.seen) == 4


def test_one_that_is_not_there_is_refused() -> None:
    with pytest.raises(MobiusError, match="Connection refused"):
        refuse_unhealthy({"url": "http://127.0.0.1:9/health"})


def test_headers_and_password_are_sent_and_not_shown() -> None:
    given = {"headers": {"X-Key": "s3cret-key"}, "username": "me", "password": "s3cret-word"}
    with serving({"/health": ILL}) as server, pytest.raises(MobiusError) as error:
        refuse_unhealthy({"url": url_of(server, "/health"), **given})
    sent = server.seen[0][1]
    assert sent["X-Key"] == "s3cret-key" and sent["Authorization"].startswith("Basic ")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("url", ["", "ftp://x/", "http:///x", "no url"])
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(MobiusError):
        refuse_unhealthy({"url": url})


@pytest.mark.parametrize("owed, refused", [([], True), (["restart"], False), (["health"], False), (["verify"], True)])
def test_a_run_is_refused_before_lock_and_backup_unless_it_mends_an_earlier_one(tmp_path: Path, owed, refused) -> None:
    library = tmp_path / "library.json"
    library.write_text(json.dumps({"components": [{"image": "a.png"}]}))
    if owed:
        begin_run(str(library), {"id": "earlier", "kind": "deployment"}, "x")
        journal = tmp_path / ".library.json.dhash" / "run.json"
        run = {**json.loads(journal.read_text()), "owed": owed, "ended_at": "T", "status": "unhealthy"}
        journal.write_text(json.dumps(run))
    with serving({"/health": ILL}) as server:
        done = prepare(
            str(library),
            run={"id": "R", "kind": "deployment"},
            steps=["preflight", "lock", "backup"],
            check={"image_root": str(tmp_path), "items": [], "log_dir": str(tmp_path / "logs")},
            lock={"ttl": 900},
            backup_dir=str(tmp_path / "backups"),
            health={"url": url_of(server, "/health")},
        )
    assert bool(done.get("failed")) == refused, done
    assert (holder(str(library)) is None) == refused
    assert (tmp_path / "backups").exists() != refused
    assert not refused or (done["step"] == "preflight" and "unhealthy before the deployment" in done["msg"])
