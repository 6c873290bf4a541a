"""Values from surveys and extra vars, and their meaning."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import answered, batches
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import check
from ansible_collections.mobius.dhash.plugins.module_utils.variables.table import REQUIRED, VARIABLES


@pytest.mark.parametrize("nothing", [None, "", " ", "\t\n"])
@pytest.mark.parametrize("default", [0, 5, "", "x", False, [], ["a"], {}, {"a": 1}])
def test_what_is_unanswered_means_the_default(nothing, default):
    assert answered(nothing, default) == default


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "false", [], {}, "x"])
def test_an_answer_is_kept(value):
    assert answered(value, 7) == value and type(answered(value, 7)) is type(value)


@pytest.mark.parametrize(
    "text, meant",
    [
        ('["a", "b"]', ["a", "b"]),
        ("[]", []),
        ("a", ["a"]),
        ("a, b ,,c,", ["a", "b", "c"]),
        ("a\nb\n", ["a", "b"]),
        ("components[],games[]", ["components[]", "games[]"]),
        ("[].game", ["[].game"]),
        ('{"a": 1}', '{"a": 1}'),
        (7, 7),
        ("[" * 100_000, ["[" * 100_000]),
        ("[" * 400 + "]" * 400, ["[" * 400 + "]" * 400]),
    ],
)
def test_text_becomes_a_list(text, meant):
    assert answered(text, ["default"]) == meant


def test_a_command_is_not_split():
    assert answered("echo a,b", [], split=False) == "echo a,b"
    assert answered('["echo", "a,b"]', [], split=False) == ["echo", "a,b"]


@pytest.mark.parametrize(
    "text, meant",
    [
        ('{"a": 1, "b": null}', {"a": 1, "b": None}),
        ("{}", {}),
        ("a=1, b = x=y", {"a": "1", "b": "x=y"}),
        ("a=1\nb=2", {"a": "1", "b": "2"}),
        ("a", "a"),
        ("=1", "=1"),
        ("[1]", "[1]"),
        ('{"a": 1', '{"a": 1'),
        (["a"], ["a"]),
    ],
)
def test_text_becomes_a_mapping(text, meant):
    assert answered(text, {"default": 0}) == meant


@pytest.mark.parametrize(
    "value, sizes",
    [
        (None, [1]),
        ("", [1]),
        (" ", [1]),
        ([], [1]),
        (2, ["2"]),
        ("2", ["2"]),
        ("1,10%,100%", ["1", "10%", "100%"]),
        ('[1, "50%"]', ["1", "50%"]),
        ([1, "12.5%"], ["1", "12.5%"]),
        (0, ["0"]),
    ],
)
def test_batches_are_parsed_from_text(value, sizes):
    assert batches(value, [1]) == sizes


@pytest.mark.parametrize("value", ["abc", "1,x%", -1, "-1", True, {"a": 1}, 1.5, [[1]], "50 %", "1;2", "{{ 1 }}"])
def test_batches_that_ansible_cannot_read_are_refused(value):
    with pytest.raises(MobiusError, match="mobius_serial is .*, must be numbers of hosts or percentages"):
        batches(value, [1])


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - REQUIRED))
@pytest.mark.parametrize("nothing", [None, "", " "])
def test_every_variable_may_be_left_unanswered(name, nothing):
    assert check({name: nothing})["warnings"] == []


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_the_library_has_no_default(nothing):
    with pytest.raises(MobiusError, match="^mobius_library_path is "):
        check({"mobius_library_path": nothing})


@pytest.mark.parametrize(
    "name, text",
    [
        ("mobius_limits", '{"avg_hash_time": 50}'),
        ("mobius_limits", "avg_hash_time=50,p95_hash_time=200"),
        ("mobius_limits_over", "p95_hash_time=900"),
        ("mobius_figures", '{"avg_hash_time": "timing.mean"}'),
        ("mobius_health_headers", '{"X": "y"}'),
        ("mobius_runtime_environment", "PIP_INDEX_URL=https://x/"),
        ("mobius_maintenance_window", '{"start": "22:00", "end": "04:00", "days": ["mon"]}'),
        ("mobius_maintenance_window", "start=22:00,end=04:00,timezone=UTC"),
        ("mobius_hooks", "before_migrate=x.yml"),
        ("mobius_notify", '[{"type": "slack"}]'),
        ("mobius_restart_command", '["systemctl", "restart", "games"]'),
        ("mobius_runtime_packages", '["a", "b"]'),
        ("mobius_maintenance_stays_on_after", "rollback,after_rollback"),
    ],
)
def test_lists_and_mappings_may_be_text(name, text):
    assert check({name: text})["checked"] == 1


@pytest.mark.parametrize("role", ["rollback", "cleanup", "account"])
def test_an_unknown_variable_refuses_what_cannot_be_undone(role):
    for given, reported in (("mobius_backp", "Did you mean mobius_backup"), ("mobius_of_mine", "is not a variable")):
        with pytest.raises(MobiusError, match=f"{given} is not a variable of this collection") as refusal:
            check({}, role, names=[given], extra_vars=[given])
        assert reported in str(refusal.value)
    with pytest.raises(MobiusError, match="mobius_backp is not a variable"):
        check({}, role, names=["mobius_backp"])
    assert check({}, role, names=["mobius_of_mine", "mobius_serial", "mobius_workers"])["warnings"] == []


def test_an_unknown_variable_warns_elsewhere():
    assert (
        len(check({}, "deploy", names=["mobius_backp", "mobius_of_mine"], extra_vars=["mobius_of_mine"])["warnings"])
        == 2
    )


@pytest.mark.parametrize("name", ["mobius_backup", "mobius_image_root", "mobius_backup_dir", "mobius_image_key"])
@pytest.mark.parametrize("value", ["/srv/{{ x }}", "{{ mobius_of_mine }}", "/a/{% if x %}b{% endif %}"])
def test_a_template_that_was_not_evaluated_is_refused(name, value):
    with pytest.raises(MobiusError, match=f"^{name} is .*template was not evaluated"):
        check({name: value})
