"""What follows from the options and the host: manager, folders, address, unit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.runtime.host import Host
from ansible_collections.mobius.dhash.plugins.module_utils.service import address, unit
from ansible_collections.mobius.dhash.plugins.module_utils.service.manager import Systemd
from ansible_collections.mobius.dhash.plugins.module_utils.service.plan import Options, resolve
from ansible_collections.mobius.dhash.plugins.plugin_utils import runtime, service
from ansible_collections.mobius.dhash.tests.support.gate_server import raw, serving

USER = Host(1000, "me", "/home/me", "Debian", "systemd")
ROOT = Host(0, "root", "/root", "Debian", "systemd")
OPTIONS = Options("/srv/mobius/library.json", python="/opt/mobius-dhash/venv/bin/python")


@pytest.mark.parametrize(
    ("host", "options", "systemd", "folder"),
    [
        (ROOT, {}, True, "/opt/mobius-dhash/service"),
        (USER, {}, False, "/home/me/.local/share/mobius-dhash/service"),
        (USER, {"become": True}, True, "/opt/mobius-dhash/service"),
        (USER, {"become": True, "manager": "process"}, False, "/home/me/.local/share/mobius-dhash/service"),
        (USER._replace(service_manager="other"), {"become": True}, False, "/home/me/.local/share/mobius-dhash/service"),
        (ROOT._replace(service_manager="other"), {}, False, "/opt/mobius-dhash/service"),
        (ROOT, {"manager": "process", "dir": "/srv/s"}, False, "/srv/s"),
        (USER, {"manager": "systemd", "dir": "/srv/s"}, True, "/srv/s"),
    ],
)
def test_the_manager_and_the_folder(host, options, systemd, folder):
    found = resolve(replace(OPTIONS, **options), host)
    assert (found.systemd, found.folder) == (systemd, folder)
    assert found.log == ("journalctl -u mobius-dhash" if systemd else "tail /srv/mobius/logs/service.log")
    assert (found.group is None) is not systemd


@pytest.mark.parametrize(
    ("host", "url", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:5001/health", True),
        ("localhost", "http://localhost:5001/health", True),
        ("::1", "http://[::1]:5001/health", True),
        ("0.0.0.0", "http://127.0.0.1:5001/health", False),
        ("::", "http://[::1]:5001/health", False),
        ("10.0.0.7", "http://10.0.0.7:5001/health", False),
        ("fd00::7", "http://[fd00::7]:5001/health", False),
    ],
)
def test_the_address(host, url, local):
    found = resolve(replace(OPTIONS, host=host), ROOT)
    assert (found.url, found.local_only) == (url, local)


def test_the_python_of_the_runtime_is_used_where_none_is_named():
    assert resolve(replace(OPTIONS, python=""), ROOT, "/v/bin/python").python == "/v/bin/python"
    assert resolve(OPTIONS, ROOT, "/v/bin/python").python == OPTIONS.python
    assert resolve(OPTIONS, ROOT).runtime_marker == "/opt/mobius-dhash/venv/mobius-runtime.json"


def test_names_with_anything_in_them_are_quoted():
    odd = '/srv/it\'s $HOME "x"'
    script = resolve(replace(OPTIONS, dir=odd), ROOT).files({})["run.sh"]
    shown = script.replace("exec ", "printf '%s\\n' ") + 'printf "%s\\n" "$PYTHONPATH"\n'
    words = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words == [OPTIONS.python, "-m", "dhash_service", "--config", f"{odd}/app/config.json", f"{odd}/app"]


@pytest.mark.parametrize(
    ("options", "served", "there", "missing"),
    [
        (
            {},
            unit.Served(["/srv/mobius/library.json"], "games"),
            ["SupplementaryGroups=games\n", "ProtectHome=yes\n", "IPAddressDeny=any\n", "\nUser=mobius\n"],
            ["BindReadOnlyPaths"],
        ),
        (
            {"library_path": "/home/a b/l.json", "host": "0.0.0.0", "user": "games"},
            unit.Served(["/home/a b/l.json", "/root/x:y/l.json"], "games"),
            ["ProtectHome=tmpfs\n", 'BindReadOnlyPaths="-/home/a b"\n', 'BindReadOnlyPaths="-/root/x\\:y"\n'],
            ["SupplementaryGroups", "IPAddressDeny"],
        ),
        (
            {"dir": "/var/tmp/50%$x", "python": "/tmp/a/v/bin/python"},
            unit.Served(["/srv/l.json"], ""),
            ['ExecStart=/bin/sh "/var/tmp/50%%$$x/app/run.sh"\n', '"-/var/tmp/50%%$x/app"', '"-/tmp/a"'],
            ["SupplementaryGroups"],
        ),
    ],
)
def test_the_unit(options, served, there, missing):
    text = unit.text(resolve(replace(OPTIONS, **options), ROOT), served)
    assert all(line in text for line in there), text
    assert not any(line in text for line in missing), text
    assert text.startswith("# Written by the role service.\n") and text.endswith("WantedBy=multi-user.target\n")


def test_the_library_behind_a_link(tmp_path):
    (tmp_path / "real.json").write_text("{}")
    (tmp_path / "library.json").symlink_to("real.json")
    found = unit.look_at_library(str(tmp_path / "library.json"))
    assert found.paths == [str(tmp_path / "library.json"), str(tmp_path / "real.json")]
    assert found.group
    assert unit.look_at_library(str(tmp_path / "none.json")).group == ""


class Answers:
    """systemctl as its manual documents its answers; keeps its calls."""

    def __init__(self, **codes) -> None:
        self.calls, self.codes = [], codes
        self.show = {"ActiveState": "inactive", "UnitFileState": "disabled", "MainPID": "0"}

    def __call__(self, words):
        self.calls.append(words[1] if words[0] == "systemctl" else words[0])
        if words[1] == "restart" and not self.codes.get("restart"):
            self.show.update(ActiveState="active", UnitFileState="enabled", MainPID="42")
        if words[1] == "show":
            return 0, "".join(f"{name}={value}\n" for name, value in self.show.items()), ""
        return self.codes.get(words[1], 0), "", "Job failed, password=hunter2" if words[1] in self.codes else ""


def test_a_unit_is_read_again_enabled_and_restarted():
    run = Answers()
    manager = Systemd(resolve(replace(OPTIONS, port=free(), host="127.0.0.1"), ROOT), run)
    assert manager.look() == (False, False, False, None)
    manager.start(lambda: True, 1)
    assert [call for call in run.calls if call != "show"] == ["daemon-reload", "enable", "reset-failed", "restart"]
    assert manager.look() == (False, True, True, 42)
    manager.stop()
    assert run.calls[-1] == "stop"


@pytest.mark.parametrize("step", ["daemon-reload", "enable", "restart"])
def test_the_error_of_systemctl_is_reported(step):
    manager = Systemd(resolve(replace(OPTIONS, port=free()), ROOT), Answers(**{step: 4}))
    with pytest.raises(MobiusError, match=f"systemctl {step}.*exit code 4: Job failed") as caught:
        manager.start(lambda: True, 1)
    assert "hunter2" not in str(caught.value) and "journalctl -u mobius-dhash" in str(caught.value)


def free() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("body", "status", "instance", "problem"),
    [
        (b'{"instance": "a", "build": "b"}', 200, "a", ""),
        (b'\xef\xbb\xbf{"instance": "a"}', 503, "a", ""),
        (b'{"instance": "a"}', 404, "", "it answers 404"),
        (b'{"instance": 7}', 200, "", "another program answers"),
        (b'["instance"]', 200, "", "another program answers"),
        (b"\xff", 200, "", "another program answers"),
        (b"<html>", 200, "", "another program answers"),
        (b"[" * 100_000, 200, "", "another program answers"),
        (b'{"instance": ' * 400 + b"1" + b"}" * 400, 200, "", "another program answers"),
        (b'{"instance": "a", "build": {"x": 1e400}}', 200, "a", ""),
    ],
)
def test_who_answers(body, status, instance, problem):
    with serving({"/health": raw(body, status)}) as server:
        answer = address.ask("127.0.0.1", server.server_address[1])
    assert answer.instance == instance
    assert problem in answer.problem and bool(problem) == bool(answer.problem)


def test_a_refused_connection_is_a_problem():
    assert "refused" in address.ask("127.0.0.1", free()).problem


def test_the_code_is_all_that_the_service_imports(tmp_path):
    for name, text in service.code().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("ANSIBLE_COLLECTIONS_PATH", None)
    code = "import dhash_service.__main__, sys; print(*(m.__file__ for n, m in sys.modules.items() if 'mobius' in n))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = {str(Path(path).relative_to(tmp_path)) for path in done.stdout.split()}
    assert any(name.endswith("library/document.py") for name in loaded)
    assert loaded <= set(service.code())
    assert not [name for name in service.code() if "/runtime/" in name or "/process/" in name]


@pytest.mark.parametrize(
    ("options", "sets", "imports"),
    [
        ({}, ["hashing", "service"], ["PIL.Image", "imagehash", "starlette.applications"]),
        ({"lean": True, "turbo": True, "with_service": False}, ["lean", "turbo"], ["PIL.Image"]),
        ({"turbo": True, "heif": True}, ["hashing", "turbo", "heif", "service"], ["pillow_heif"]),
        ({"source": "system", "heif": True}, ["hashing", "heif", "service"], ["PIL.Image", "uvicorn"]),
    ],
)
def test_the_packages(options, sets, imports):
    found = runtime.choose(**options)
    assert found.sets == sets
    assert set(imports) <= set(found.imports)
    assert ("imagehash" in found.imports) == ("hashing" in sets and options.get("source") != "system")
    assert all("--hash=sha256:" in block for block in found.requirements.split("\n\n") if "==" in block)
