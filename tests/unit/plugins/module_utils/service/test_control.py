"""The real service in the background, installed, looked at and controlled as a module does it on a host."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.host import Host
from ansible_collections.mobius.dhash.plugins.module_utils.service import control as controls
from ansible_collections.mobius.dhash.plugins.module_utils.service.look import look
from ansible_collections.mobius.dhash.plugins.module_utils.service.manager import manager_of
from ansible_collections.mobius.dhash.plugins.module_utils.service.plan import Options, resolve
from ansible_collections.mobius.dhash.plugins.plugin_utils import service as sources
from ansible_collections.mobius.dhash.tests.support.running import LIBRARY, free_port, write

HOST = Host(1000, "me", "/nonexistent", "", "other")


def run(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Site:
    """A service of a library in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        write(folder / "library.json", LIBRARY)
        self.options = Options(
            str(folder / "library.json"), port=free_port(), dir=str(folder / "service"), python=sys.executable
        )

    @property
    def service(self):
        return resolve(self.options, HOST)

    def control(self, state, check_mode=False):
        request = controls.Request(state, sources.code() if state == "started" else None)
        return controls.control(self.service, request, manager_of(self.service, run), check_mode)

    def look(self):
        return look(self.service, sources.digests(), manager_of(self.service, run))


@pytest.fixture
def site(tmp_path):
    place = Site(tmp_path)
    yield place
    with contextlib.suppress(MobiusError):
        place.control("stopped")


def test_the_lifecycle_of_a_service(site, tmp_path):
    found = site.look()
    assert (found["ready"], found["installed"], found["running"]) == (False, False, False)
    assert found["reason"] == "it is not installed yet"
    predicted = site.control("started", check_mode=True)
    assert (predicted["changed"], predicted["pid"]) == (True, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["library.json"]

    first = site.control("started")
    assert first["changed"] and first["pid"] > 1
    found = site.look()
    assert (found["ready"], found["reason"], found["pid"]) == (True, "", first["pid"])
    assert site.control("started") == {**first, "changed": False, "diff": {"before": "", "after": ""}}
    assert site.control("started", check_mode=True)["changed"] is False

    again = site.control("restarted")
    assert again["changed"] and again["pid"] != first["pid"]
    assert site.control("restarted", check_mode=True) == {**again, "pid": None}
    assert site.control("stopped", check_mode=True)["changed"] is True
    assert site.look()["ready"]
    assert site.control("stopped")["changed"] is True
    assert site.control("stopped")["changed"] is False
    found = site.look()
    assert (found["installed"], found["running"], found["reason"]) == (True, False, "it is not running")


def test_what_has_changed_is_restarted(site, tmp_path):
    first = site.control("started")["pid"]
    settings = tmp_path / "service" / "app" / "config.json"
    settings.write_text("{}")
    found = site.look()
    assert "~ config.json" in found["reason"] and found["answering"]
    second = site.control("started")
    assert second["changed"] and second["pid"] != first and site.look()["ready"]

    # A run that was killed after it had installed, and before it restarted.
    note = tmp_path / "service" / "app" / ".tree.json"
    note.write_text(json.dumps(json.loads(note.read_text())))
    found = site.look()
    assert (found["installed"], found["answering"], found["reason"]) == (
        True,
        True,
        "it runs an earlier installation",
    )
    third = site.control("started")
    assert third["changed"] and third["pid"] != second["pid"] and site.look()["ready"]

    site.options = replace(site.options, image_key="picture")
    assert not site.look()["ready"]
    assert site.control("started")["pid"] != third["pid"]


def test_a_service_of_another_library_on_the_port_is_not_taken_for_it(site, tmp_path):
    site.control("started")
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other")
    other.options = replace(other.options, port=site.options.port)
    with pytest.raises(MobiusError, match="port is taken by process"):
        other.control("started")
    assert not other.look()["answering"]
    assert site.look()["ready"]


def test_a_taken_port_is_named_with_the_program_that_has_it(site):
    with socket.create_server(("127.0.0.1", site.options.port)), pytest.raises(MobiusError, match="taken by process"):
        site.control("started")
    assert site.control("started")["changed"] is True


def test_one_that_cannot_start_is_reported_with_the_end_of_its_log(site, tmp_path):
    site.control("started")
    (tmp_path / "service" / "app" / "run.sh").write_text("echo no such thing >&2; exit 3\n")
    with pytest.raises(MobiusError, match="exit code 3. Its log ends: no such thing"):
        site.control("restarted")
    assert site.control("started")["changed"] is True
    assert site.look()["ready"]


def test_what_is_not_installed_is_not_restarted(site):
    with pytest.raises(MobiusError, match="not installed here"):
        site.control("restarted")
    assert site.control("restarted", check_mode=True)["changed"] is True
    assert site.control("stopped")["changed"] is False


@pytest.mark.parametrize(("name", "words"), [("library_path", "no library to serve"), ("python", "no Python to run")])
def test_what_could_not_run_is_not_installed(site, name, words):
    site.options = replace(site.options, **{name: ""})
    with pytest.raises(MobiusError, match=words):
        site.control("started")
    assert site.control("stopped")["changed"] is False


def test_a_service_that_an_older_version_installed_is_restarted_and_then_replaced(site, tmp_path):
    site.control("started")
    app = tmp_path / "service" / "app"
    code = (app / "dhash_service" / "app.py").read_text()
    (app / "dhash_service" / "app.py").write_text(code.replace('"build": self._settings.build,', ""))
    pid_file = tmp_path / "service" / "run" / "service.pid"
    pid_file.write_text(json.dumps({**json.loads(pid_file.read_text()), "fingerprint": "0" * 64}))
    restarted = site.control("restarted")
    assert restarted["changed"]
    assert site.control("started")["pid"] != restarted["pid"]
    assert site.look()["ready"]


@pytest.mark.parametrize("text", [True, False])
def test_a_command_is_run_word_by_word(tmp_path, text):
    words = ["touch", str(tmp_path / "a b"), "$HOME;x"]
    result = controls.run_command(shlex.join(words) if text else words, lambda given: run([*given[:2]]))
    assert (result["changed"], result["rc"], result["command"]) == (True, 0, words)
    assert (tmp_path / "a b").exists()
    assert "rc" not in controls.run_command(["false"], run, check_mode=True)


def test_a_command_that_fails_is_reported_in_full():
    words = ["sh", "-c", "echo out; echo token=hunter2 >&2; echo no such unit >&2; exit 5"]
    result = controls.run_command(words, run)
    text = controls.failure_of(result)
    assert "exit code 5" in text and "no such unit" in text and "sh -c" in text
    assert "hunter2" not in text + str(result)
    assert controls.failure_of(controls.run_command(["false"], run)).endswith("exit code 1: false")
    # The message quotes the command as well, so the text is one that only the output has.
    assert "only 42" in controls.failure_of(controls.run_command(["sh", "-c", "echo only $((6*7)); exit 1"], run))
    with pytest.raises(MobiusError, match="cannot be run: No such file"):
        controls.run_command("/nonexistent/command --now", run)
