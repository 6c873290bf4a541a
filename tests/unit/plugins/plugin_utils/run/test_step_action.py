"""Every module of the collection as a step: what is noted of it, what it is given, and what becomes of a lost host."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.storage.journal import VARIABLE
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.action import StepAction
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.journal import STEP, Journal
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.model import Run
from ansible_collections.mobius.dhash.tests.support.limits import room_for

HOST = "games-1"
PATH = "/srv/library.json"
BEGIN = {"id": "R", "kind": "deployment", "path": PATH, "started_at": "2026-01-01T00:00:00Z", "check_mode": False}
VARIABLES = {"inventory_hostname": HOST, "mobius_health_headers": {"Authorization": "Bearer s3cr3t-value"}}


class Action(StepAction):
    """The real step; only the module is executed here instead of on a host."""

    module: Callable[..., Any]

    def _execute_module(self, **options: Any) -> Any:
        self.calls.append({**options, "environment": list(self._task.environment or [])})
        return self.module(**options)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return Journal(str(tmp_path), HOST)


def action(
    name: str, module: Callable[..., Any], *, transport: str = "ssh", task_vars: Any = None, **arguments: Any
) -> Action:
    def copied() -> SimpleNamespace:
        return SimpleNamespace(**vars(task))

    task = SimpleNamespace(
        **{"action": f"mobius.dhash.{name}", "name": f"Do {name}", "args": arguments, "async_val": 0},
        **{"environment": [{"A": "1"}], "check_mode": False, "copy": copied},
    )
    connection = SimpleNamespace(transport=transport, has_native_async=False, _shell=SimpleNamespace(tmpdir="/tmp"))
    templar = Templar(loader=DataLoader(), variables=dict(VARIABLES if task_vars is None else task_vars))
    made = Action(task, connection, SimpleNamespace(check_mode=False), DataLoader(), templar, SimpleNamespace())
    made.module, made.calls = module, []
    return made


def run(name: str, module: Callable[..., Any], **arguments: Any) -> tuple[Any, Action]:
    made = action(name, module, **arguments)
    return made.run(task_vars=dict(VARIABLES)), made


def raising(error: Exception) -> Callable[..., Any]:
    def module(**_options: Any) -> Any:
        raise error

    return module


def steps(journal: Journal) -> list[dict[str, Any]]:
    return [entry for entry in journal.entries() if entry["event"] == STEP]


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"changed": True, "sha256_before": "a"}, "changed"),
        ({"changed": False}, "ok"),
        ({"failed": True, "msg": "no space"}, "failed"),
        ({"unreachable": True, "msg": "no route"}, "lost"),
    ],
)
def test_a_step_is_noted_with_its_outcome(journal: Journal, result: Any, outcome: str) -> None:
    journal.begin(BEGIN)
    returned, made = run("dhash_migrate", lambda **_options: dict(result))
    (noted,) = steps(journal)
    assert (noted["step"], noted["task"], noted["outcome"]) == ("migrate", "Do dhash_migrate", outcome)
    assert noted["message"] == result.get("msg", "")
    assert bool(returned.get("failed")) is (outcome in ("failed", "lost"))
    assert "unreachable" not in returned, "a rescue does not see an unreachable host"
    (call,) = made.calls
    assert call["module_name"] == "mobius.dhash.dhash_migrate"
    assert call["module_args"] == {"deployment": "R"}
    assert (made._task.environment, call["environment"][0]) == ([{"A": "1"}], {"A": "1"})
    named = json.loads(call["environment"][1][VARIABLE])
    assert (named["id"], named["kind"], named["step"], named["path"]) == ("R", "deployment", "migrate", PATH)
    assert "fleet" not in named


@pytest.mark.parametrize(
    ("error", "outcome", "message"),
    [
        (MobiusError("The library is locked", PATH, "wait"), "failed", f"The library is locked: {PATH}. Next: wait"),
        (AnsibleActionFail("No such module", result={"rc": 2}), "failed", "No such module"),
        (AnsibleConnectionFailure("no route to host"), "lost", "The host is unreachable: no route to host"),
        (MobiusError("refused by Bearer s3cr3t-value"), "failed", "refused by "),
    ],
)
def test_an_error_is_a_failed_result_that_a_rescue_sees(
    journal: Journal, error: Exception, outcome: str, message: str
) -> None:
    journal.begin(BEGIN)
    returned, made = run("library_verify", raising(error))
    assert returned["failed"] is True
    assert message in returned["msg"]
    assert "s3cr3t" not in json.dumps([returned, journal.entries()])
    (noted,) = steps(journal)
    assert (noted["step"], noted["outcome"], noted["message"]) == ("verify", outcome, returned["msg"])
    assert made._task.environment == [{"A": "1"}]
    assert Run.from_entries(journal.entries()).failure is not None


def test_a_host_that_answered_before_was_lost(journal: Journal) -> None:
    journal.begin(BEGIN)
    run("library_preflight", lambda **_options: {"changed": False, "real_path": "/real/library.json"})
    returned, _made = run("dhash_migrate", raising(AnsibleConnectionFailure("broken pipe")))
    assert returned["msg"] == "The host was lost: broken pipe"
    assert [step["outcome"] for step in steps(journal)] == ["ok", "lost"]
    _returned, made = run("library_verify", lambda **_options: {"changed": False}, path="/given", mode=None)
    # The preflight has followed a link; what comes after it must not follow another one.
    assert made.calls[0]["module_args"] == {"path": "/given", "expected_real_path": "/real/library.json"}
    assert json.loads(made.calls[0]["environment"][1][VARIABLE])["path"] == "/real/library.json"


def test_outside_of_a_run_a_module_is_executed_as_it_is(journal: Journal) -> None:
    returned, made = run("dhash_migrate", lambda **_options: {"changed": True}, path=PATH)
    assert returned == {"changed": True}
    assert made.calls[0]["module_args"] == {"path": PATH}
    assert made.calls[0]["environment"] == [{"A": "1"}]
    assert journal.entries() == []
    with pytest.raises(AnsibleConnectionFailure):
        run("dhash_migrate", raising(AnsibleConnectionFailure("no route")))


def test_what_there_was_nothing_to_do_for_is_no_step(journal: Journal) -> None:
    journal.begin(BEGIN)
    returned, _made = run("library_verify", lambda **_options: None)
    assert returned == {"changed": False, "skipped": True}
    assert steps(journal) == []


def test_a_fleet_run_is_named_to_the_module(journal: Journal) -> None:
    journal.begin({**BEGIN, "fleet": "F1"})
    _returned, made = run("dhash_migrate", lambda **_options: {"changed": False})
    assert json.loads(made.calls[0]["environment"][1][VARIABLE])["fleet"] == "F1"


@pytest.mark.parametrize(
    ("transport", "name", "member"),
    [
        ("local", "library_lock", "pid"),
        ("local", "run_prepare", "lock_pid"),
        ("local", "run_rollback", "lock_pid"),
        ("local", "library_verify", None),
        ("ssh", "library_lock", None),
    ],
)
def test_a_lock_on_the_controller_itself_ends_with_the_play(
    journal: Journal, transport: str, name: str, member: Any
) -> None:
    _returned, made = run(name, lambda **_options: {"changed": True}, transport=transport)
    assert made.calls[0]["module_args"] == ({member: os.getppid()} if member else {})


@pytest.mark.parametrize("python", ["/opt/pillow/bin/python", " /opt/pillow/bin/python ", "", None])
def test_a_module_that_reads_images_has_a_python_of_its_own(journal: Journal, python: Any) -> None:
    gone = {"failed": True, "rc": 127, "module_stderr": "not found"}
    returned, made = run("dhash_migrate", lambda **_options: dict(gone), python=python)
    given = str(python or "").strip()
    assert made.calls[0]["task_vars"].get("ansible_python_interpreter") == (given or None)
    assert made.calls[0]["module_args"] == {}
    assert ("The option python names a program" in str(returned.get("msg"))) is bool(given)
    _returned, made = run("library_lock", lambda **_options: {"changed": True}, python=python)
    assert "ansible_python_interpreter" not in made.calls[0]["task_vars"]


def test_what_is_shown_has_no_secret_and_names_the_host(journal: Journal) -> None:
    _returned, made = run("library_verify", lambda **_options: {"changed": False})
    shown: list[str] = []
    made._display = SimpleNamespace(display=shown.append)
    made.show(["path  /srv", "token Bearer s3cr3t-value"])
    (text,) = shown
    assert text.startswith("[games-1]\npath  /srv\ntoken ")
    assert "s3cr3t" not in text


def test_another_action_runs_on_the_same_host_with_arguments_of_its_own(journal: Journal) -> None:
    made = action("run_finish", lambda **_options: {"changed": False}, given=1)
    loaded: dict[str, Any] = {}

    def get(name: str, **members: Any) -> Any:
        loaded.update(members, name=name)
        return SimpleNamespace(run=lambda task_vars: {"for": task_vars["inventory_hostname"]})

    made._shared_loader_obj = SimpleNamespace(action_loader=SimpleNamespace(get=get))
    assert made.run_action("ansible.builtin.copy", {"dest": "/x"}, dict(VARIABLES)) == {"for": HOST}
    assert (loaded["name"], loaded["task"].args, loaded["connection"]) == (
        "ansible.builtin.copy",
        {"dest": "/x"},
        made._connection,
    )
    assert made._task.args == {"given": 1}


def test_a_journal_that_does_not_fit_keeps_the_run_readable_for_its_rollback(journal: Journal) -> None:
    """The disk of the controller is full: the step fails, and its rescue still finds the run."""
    journal.begin(BEGIN)
    before = journal.entries()
    for room in (0, 1, 100):
        with room_for(journal._path, room), pytest.raises(OSError, match="No space|too large"):
            run("dhash_migrate", lambda **_options: {"changed": True, "text": "x", "log": "y" * 500})
        assert journal.entries() == before
    returned, _made = run("run_rollback", lambda **_options: {"changed": True})
    assert returned == {"changed": True}
    assert [step["step"] for step in steps(journal)] == ["rollback"]
