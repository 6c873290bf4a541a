"""Secrets are planted wherever one can be given, and searched for in all output and files."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.gate_server import METRICS, document, serving, url_of
from ansible_collections.mobius.dhash.tests.support.mail_server import mailing

# Each is easy to find, and none is a word of anything else.
SECRETS = {
    name: f"planted-{name}-5ecret"
    for name in ("urluser", "query", "header", "password", "hook", "hookheader", "slack", "teams", "smtp", "index")
}


class Processes(threading.Thread):
    """The command lines of all processes, looked at again and again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set = set()
        self.ended = False

    def run(self) -> None:
        while not self.ended:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue
            time.sleep(0.1)


@pytest.fixture
def processes():
    watching = Processes()
    watching.start()
    yield watching
    watching.ended = True
    watching.join()


@pytest.fixture
def people():
    """A service that requires a header and a password, and channels of which most fail."""

    def guarded(answer):
        def reply(handler):
            good = handler.headers["X-Api-Key"] == SECRETS["header"] and handler.headers["Authorization"]
            return (answer if good and not server.ill else document({"status": "unhealthy"}, 503))(handler)

        return reply

    def take(handler):
        server.received.append(handler.rfile.read(int(handler.headers["Content-Length"])).decode())
        handler.send(b"ok")

    answers = {
        f"/health?token={SECRETS['query']}": guarded(document({"status": "healthy"})),
        f"/metrics/dhash?token={SECRETS['query']}": guarded(document(METRICS)),
        f"/{SECRETS['hook']}": take,
        f"/{SECRETS['slack']}": document({}, 500),
    }
    with serving(answers) as server, mailing() as mailbox:
        server.ill, server.received = False, []
        login = f"me:{SECRETS['urluser']}@"
        query = f"?token={SECRETS['query']}"
        server.variables = {
            "mobius_health_url": url_of(server, f"/health{query}").replace("://", f"://{login}"),
            "mobius_metrics_url": url_of(server, f"/metrics/dhash{query}").replace("://", f"://{login}"),
            "mobius_health_headers": {"X-Api-Key": SECRETS["header"]},
            "mobius_runtime_environment": {"PIP_INDEX_URL": f"https://me:{SECRETS['index']}@127.0.0.1:1/simple"},
            "mobius_notify": [
                {
                    "type": "webhook",
                    "url": url_of(server, f"/{SECRETS['hook']}"),
                    "headers": {"X-Hook": SECRETS["hookheader"]},
                },
                {"type": "slack", "url": url_of(server, f"/{SECRETS['slack']}")},
                {"type": "teams", "url": f"http://127.0.0.1:1/{SECRETS['teams']}"},
                {
                    "type": "email",
                    "host": "127.0.0.1",
                    "port": mailbox.server_address[1],
                    "sender": "a@example.org",
                    "to": ["b@example.org"],
                    "username": "me",
                    "password": SECRETS["smtp"],
                },
            ],
        }
        yield server


def leaks(text: str) -> list:
    return [name for name, secret in SECRETS.items() if secret in text]


def assert_quiet(site, outputs, processes) -> None:
    for output in outputs:
        found = leaks(output)
        lines = [line[:300] for line in output.splitlines() if leaks(line)]
        assert not found, (found, lines[:10])
    for path in site.home.rglob("*"):
        if path.is_file() and path.name != "secrets.json":
            assert not leaks(path.read_bytes().decode(errors="replace")), path
    for line in processes.seen:
        assert not leaks(line.decode(errors="replace")), line
    assert len(processes.seen) > 10


def test_no_secret_is_shown_or_kept(site, people, processes, tmp_path):
    given = tmp_path / "secrets.json"
    before = site.library.read_bytes()
    outputs = []

    def play(name, **variables):
        given.write_text(json.dumps(people.variables))
        common = {"mobius_max_failure_rate": 30, "mobius_service_enabled": False, "mobius_health_timeout": 3}
        run = site.play(name, "-e", f"@{given}", "-vvv", **common, **variables)
        outputs.append(run.output)
        return run

    people.ill = True
    play("deploy", mobius_health_before=False).failed("Rolled back")
    assert site.library.read_bytes() == before
    people.ill = False
    metrics = site.home / "mobius.prom"
    play("deploy", mobius_metrics_file=str(metrics)).succeeded()
    assert metrics.exists()
    # The same service with a user and a password in variables of their own, and it falls ill while it is watched.
    login = f"me:{SECRETS['urluser']}@"
    for name in ("mobius_health_url", "mobius_metrics_url"):
        people.variables[name] = people.variables[name].replace(login, "")
    people.variables.update(mobius_health_username="me", mobius_health_password=SECRETS["password"])
    people.ill = True
    watch = {"mobius_monitor_duration": 2, "mobius_monitor_interval": 0.2, "mobius_limits_over": {}}
    play("monitor", **watch).failed("The library is restored")
    assert site.library.read_bytes() == before

    assert_quiet(site, outputs, processes)
    # The secrets were in use, and the failure was reported.
    assert len(people.received) >= 4 and not leaks("".join(people.received))
    assert any(headers.get("X-Hook") == SECRETS["hookheader"] for _path, headers in people.seen)
    reported = "".join(outputs)
    for reason in ("answered 500", "Connection refused", "does not support", "answered 503"):
        assert reason in reported, reason
