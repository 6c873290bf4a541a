"""The messages of a run leave through real channels; a channel that fails is a warning."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import messages
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.notification import Hosts, Notice
from ansible_collections.mobius.dhash.tests.support.gate_server import document, serving, url_of

NOTICE = Notice("failure", "games-1 failed", "rolled back", {"deployment": "1"})


class Action:
    """What an action plugin has of Ansible: its display and whether it only predicts."""

    def __init__(self, check_mode: bool = False) -> None:
        self.warnings: List[str] = []
        self._display = SimpleNamespace(warning=self.warnings.append)
        self._task = SimpleNamespace(check_mode=check_mode)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch):
    for name in ("JOB_ID", "GITHUB_RUN_ID", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    received: List[Dict[str, Any]] = []

    def accept(handler: Any) -> None:
        received.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.send(b"ok")

    with serving({"/hook": accept, "/refuses": document({}, 500)}) as server:
        server.received = received
        yield server


def test_a_message_carries_the_facts_of_the_run_and_of_the_job(hook, monkeypatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_JOB_ID", "77")
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example.org/jobs/77")
    action = Action()
    # Extra variables arrive as text.
    messages.send(action, NOTICE, [{"type": "webhook", "url": url_of(hook, "/hook")}], "5", {"hosts": ["games-1"]})
    assert action.warnings == []
    (message,) = hook.received
    shown = json.dumps(message)
    for part in ("games-1 failed", "rolled back", "GitLab CI 77", "https://gitlab.example.org/jobs/77", "deployment"):
        assert part in shown


@pytest.mark.parametrize(
    ("notice", "channels"),
    [(None, [{"type": "webhook", "url": "http://127.0.0.1:9/hook"}]), (NOTICE, []), (NOTICE, None)],
)
def test_nothing_to_send_or_nowhere_to_send_it_is_no_warning(notice, channels) -> None:
    action = Action()
    messages.send(action, notice, channels, None, {})
    assert action.warnings == []


@pytest.mark.parametrize(
    "channel",
    [
        {"type": "webhook", "url": "http://127.0.0.1:9/secret"},
        {"type": "pigeon"},
        {"type": "email", "prot": 25},
        "text",
    ],
)
def test_a_channel_that_cannot_work_is_one_warning_without_its_secrets(channel) -> None:
    action = Action()
    messages.send(action, NOTICE, [channel], 1, {})
    (warning,) = action.warnings
    assert "otification" in warning and "secret" not in warning


def test_check_mode_sends_nothing(hook) -> None:
    action = Action(check_mode=True)
    messages.send(action, NOTICE, [{"type": "webhook", "url": url_of(hook, "/hook")}], 5, {})
    assert hook.received == []


def test_the_hosts_are_those_of_the_play() -> None:
    given = {"ansible_play_hosts_all": ["a", "b"], "ansible_play_hosts": ["a"], "ansible_play_batch": ["a"]}
    assert messages.hosts_of(given) == Hosts(["a", "b"], ["a"], ["a"])
    assert messages.hosts_of({"ansible_play_batch": None}) == Hosts([], [], [])
