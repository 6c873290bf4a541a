"""What the roles say of themselves agrees: defaults, argument specs, and the vocabulary of the inventory."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def load(*parts: str):
    return yaml.safe_load((ROOT / "roles").joinpath(*parts).read_text())


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_variables(role):
    options = load(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert sorted(load(role, "defaults", "main.yml") or {}) == sorted(options)


@pytest.mark.parametrize("role", ROLES)
def test_every_option_says_what_it_is(role):
    for name, option in load(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"].items():
        assert option["type"], name
        assert option["description"], name
        assert not (option.get("required") and "default" in option), name


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_prefix_of_their_role(role):
    for name in load(role, "defaults", "main.yml") or {}:
        assert name.startswith(f"{role}_"), name


def test_the_same_name_has_the_same_default_in_every_role():
    found = {}
    for role in ROLES:
        text = (ROOT / "roles" / role / "defaults" / "main.yml").read_text()
        for name, fallback in re.findall(r"\b(mobius_\w+) \| default\(([^()]*?)\)", text):
            plain = re.sub(rf"\b{role}_", "", fallback)
            assert found.setdefault(name, plain) == plain, (role, name)


@pytest.mark.parametrize(
    "told, before",
    [
        ({}, ""),
        ({"__deploy_preflight": {"sha256": "a"}}, "a"),
        # Changed by a hook, or while consent was asked for.
        ({"__deploy_preflight": {"sha256": "a"}, "__deploy_backup": {"backup": {"sha256": "b"}}}, "b"),
        (
            {"__deploy_preflight": {"sha256": "a"}, "__deploy_migration": {"sha256_before": "c", "sha256_after": "d"}},
            "c",
        ),
        # The host was lost in the middle.
        (
            {
                "__deploy_preflight": {"sha256": "a"},
                "__deploy_backup": {"backup": {"sha256": "a"}},
                "__deploy_migration": {"unreachable": True, "msg": "x"},
            },
            "a",
        ),
        # What the record beside the library told when the migration did not.
        (
            {
                "__deploy_preflight": {"sha256": "a"},
                "__deploy_migration": {"unreachable": True, "msg": "x"},
                "__deploy_status": "rolled_back",
                "__rollback_restore": {"sha256": "b"},
            },
            "b",
        ),
    ],
)
def test_a_deployment_goes_back_to_what_its_migration_replaced(told, before):
    known = load("deploy", "vars", "main.yml")
    told = {"__deploy_saved": jinja2.Template(known["__deploy_saved"]).render(told), **told}
    assert jinja2.Template(known["__deploy_before"]).render(told) == before
    restore = [task for task in load("deploy", "tasks", "take_back.yml") if task["name"] == "Roll back"]
    assert restore[0]["vars"]["rollback_backup"] == "sha256:{{ __deploy_before }}"


@pytest.mark.parametrize(
    "folder, refused",
    [
        *[
            (folder, True)
            for folder in ("/", "/srv", "//srv/", "/var/log", "/var/log/", "/var/lib", "/usr/local", "/etc/ssh")
        ],
        *[(folder, True) for folder in ("/home/alice", "/srv/mobius/..", "/srv/../etc/x/y", "/proc/1/x", "/var/www")],
        *[
            (folder, False)
            for folder in ("/srv/mobius", "/var/lib/mobius", "/var/log/mobius", "/home/alice/games", "/opt/..x")
        ],
    ],
)
def test_no_folder_of_the_system_gets_another_owner(folder, refused):
    assert bool(re.search(load("account", "vars", "main.yml")["__account_system"], folder)) is refused


@pytest.mark.parametrize("role", ["deploy", "rollback"])
def test_a_lock_that_stays_because_its_host_was_lost_ends_the_play_with_a_failure(role):
    release = load(role, "tasks", "finish.yml")[0]
    last = [task for task in load(role, "tasks", "main.yml") if "lock was released" in task["name"]]
    assert last[0]["when"] == f"{release['register']} | default({{}}) is unreachable"


def test_a_service_whose_health_could_not_be_asked_is_not_well():
    judge, stop = load("service", "tasks", "health.yml")
    assert "ansible.builtin.fail" in stop
    assert stop["when"] == f"{judge['register']} is unreachable"


def each(tasks):
    """Every task, those in blocks too."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from each(task.get(part, []))


def noted(tasks):
    """The names that tasks give values which outlive them."""
    for task in each(tasks):
        yield from task.get("ansible.builtin.set_fact", {})
        if "register" in task:
            yield task["register"]


@pytest.mark.parametrize("role, start", [("deploy", "start"), ("rollback", "main"), ("monitor", "watch")])
def test_a_run_does_not_read_what_an_earlier_one_in_the_same_play_left(role, start):
    by_file = {path: set(noted(yaml.safe_load(path.read_text()))) for path in ROOT.glob("roles/*/tasks/*.yml")}
    every = set().union(*by_file.values())
    forgets = next(task for task in load(role, "tasks", f"{start}.yml") if "ansible.builtin.set_fact" in task)
    stale = {
        name
        for path in [*ROOT.glob(f"roles/{role}/tasks/*.yml"), *ROOT.glob(f"roles/{role}/vars/*.yml")]
        for name in set(re.findall(r"\b__\w+", path.read_text())) & every - by_file.get(path, set())
    }
    assert stale - set(forgets["ansible.builtin.set_fact"]) == set()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_becomes_root_on_the_controller(role):
    for path in (ROOT / "roles" / role / "tasks").glob("*.yml"):
        for task in each(yaml.safe_load(path.read_text())):
            parts = [task, *(value["apply"] for value in task.values() if isinstance(value, dict) and "apply" in value)]
            for part in parts:
                if "localhost" in str(part.get("delegate_to", "")):
                    assert part.get("become") is False, f"{path.name}: {task['name']}"


@pytest.mark.parametrize(
    "host, address",
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("2001:db8::7", "[2001:db8::7]"),
    ]
    + [("games-1", "games-1")],
)
def test_the_service_and_its_watch_ask_the_same_address(host, address):
    service, watch = load("service", "vars", "main.yml"), load("monitor", "vars", "main.yml")
    assert jinja2.Template(service["__service_address"]).render(service_host=host) == address
    told = jinja2.Template(watch["__monitor_local_address"]).render(__monitor_listens=host)
    base = jinja2.Template(load("monitor", "defaults", "main.yml")["monitor_base_url"]).render(monitor_address=told)
    assert base == f"http://{address}:5001"
