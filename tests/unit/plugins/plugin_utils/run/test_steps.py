"""The lines of the callback plugin ``steps``."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.plugin_utils.steps import (
    Step,
    end_line,
    is_repeated,
    play_line,
    problem_lines,
    step_line,
)

OURS = "mobius.dhash.dhash_migrate"


def step(action=OURS, seconds=1.04, **outcomes):
    return Step("Migrate", action, 10.0, 10.0 + seconds, outcomes)


@pytest.mark.parametrize(
    "given, shown",
    [
        (step(h1="ok"), True),
        (step(), False),
        (step("ansible.builtin.set_fact", h1="ok"), False),
        (step("ansible.builtin.set_fact", seconds=5, h1="ok"), False),
        (step("ansible.builtin.set_fact", h1="failed"), True),
        (step("ansible.builtin.command", seconds=5, h1="ok"), True),
        (step("mobius.dhash.run_begin", seconds=5, h1="ok"), False),
        (step("mobius.dhash.run_extras", h1="ok"), False),
        (step("mobius.dhash.run_begin", h1="failed", h2="ok"), True),
        (step("ansible.builtin.file", h1="ok", h2="changed"), True),
        (step("ansible.builtin.file", h1="ignored"), True),
        (step("mobius.dhash.run_finish", seconds=9, h1="failed"), False),
        (step("mobius.dhash.operator_message", h1="ok"), False),
    ],
)
def test_steps_worth_a_line_are_shown(given, shown) -> None:
    assert given.is_shown is shown


@pytest.mark.parametrize(
    "given, end, worst",
    [
        (step(h1="changed"), "changed        1.0 s", "changed"),
        (step(seconds=75, h1="ok"), "ok          1 min 15 s", "ok"),
        (step(h1="ok", h2="changed", h3="ok"), "1 changed, 2 ok     1.0 s", "changed"),
        (step(h1="ok", h2="failed", h3="unreachable"), "1 failed, 1 unreachable, 1 ok     1.0 s", "failed"),
    ],
)
def test_a_step_is_one_line(given, end, worst) -> None:
    line = step_line(given, "21:03:12")
    assert line.startswith("21:03:12  Migrate ") and line.endswith(end)
    assert given.worst == worst


def text(result, **more):
    return "\n".join(problem_lines("h1", "Smoke", result, **more))


@pytest.mark.parametrize(
    "result, parts",
    [
        ({"msg": "one\ntwo"}, ["FAILED  h1: Smoke", "  one\n", "  two"]),
        ({}, ["no message"]),
        ({"msg": "x", "item": "a"}, ["Smoke (item a)"]),
        (
            {"cmd": ["sh", "-c", "exit 3"], "rc": 3, "msg": "non-zero return code", "stdout": "out", "stderr": "a\nb"},
            ["sh -c 'exit 3': exit code 3", "stdout: out", "stderr:\n            a\n            b"],
        ),
        ({"cmd": "false", "rc": 1, "msg": "timed out"}, ["false: exit code 1", "timed out"]),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nKeyError", "rc": 1}, ["MODULE FAILURE", "KeyError"]),
        ({"censored": "the output has been hidden", "msg": "s3cret"}, ["no_log"]),
    ],
)
def test_a_problem_is_shown_in_full(result, parts) -> None:
    shown = text(result)
    for part in parts:
        assert part in shown, (part, shown)
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J\x1b[31m", "\x00\x07", "\u202egnp", "password=hunter2", "https://u:hunter2@h/"]
)
def test_no_control_sequence_and_no_secret_reaches_the_terminal(hostile) -> None:
    lines = problem_lines(hostile, hostile, {"msg": hostile, "stdout": hostile, "cmd": ["x", hostile], "rc": 1})
    shown = "\n".join([*lines[1:], step_line(Step(hostile, OURS, 0, 1, {"h": "ok"}), "1")])
    assert not set(shown) & set("\x1b\x00\x07\u202e")
    assert "hunter2" not in "\n".join(lines[1:])
    assert "\x1b" not in lines[0] + play_line(hostile, 1, check_mode=False)


@pytest.mark.parametrize(
    "hosts, line",
    [
        ({}, None),
        ({"h1": {}}, "1 of 1 host ok (5 s)"),
        ({"h1": {"failures": 1, "rescued": 1}, "h2": {"ok": 3}}, "Failed: h1; 1 of 2 hosts ok (5 s)"),
        ({"h2": {"unreachable": 1, "failures": 1}, "h1": {"failures": 2}}, "Failed: h1; Unreachable: h2 (5 s)"),
    ],
)
def test_the_last_line_names_the_hosts_that_failed(hosts, line) -> None:
    assert end_line(hosts, 5) == line


def test_what_was_shown_is_not_shown_again() -> None:
    assert is_repeated({"headline": "Refused"}) and is_repeated({"results": []}) and not is_repeated({"msg": "x"})
    assert play_line("Deploy", 2, check_mode=True) == "Deploy, batch 2 (check mode)"
