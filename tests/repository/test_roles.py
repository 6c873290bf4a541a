"""The roles are consistent: defaults, argument specs, and the vocabulary of the inventory."""

from __future__ import annotations

import re

import jinja2
import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import answered
from ansible_collections.mobius.dhash.tests.support.places import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def load(*parts: str):
    return yaml.safe_load((ROOT / "roles").joinpath(*parts).read_text())


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_variables(role):
    options = load(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert sorted(load(role, "defaults", "main.yml") or {}) == sorted(options)


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role):
    for name, option in load(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"].items():
        assert option["type"], name
        assert option["description"], name
        assert not (option.get("required") and "default" in option), name


@pytest.mark.parametrize("role", ROLES)
def test_variables_carry_the_prefix_of_their_role(role):
    for name in load(role, "defaults", "main.yml") or {}:
        assert name.startswith(f"{role}_"), name


ANSWERED = re.compile(r"(?<![.\w])(mobius_\w+) \| default\(''\) \| mobius\.dhash\.(?:answered|batches)\(")
DEFAULTED = re.compile(
    r"(?<![.\w])(mobius_\w+)\s*\| *(?:default|d)\((?!omit, true\))(?!''\)\s*\| mobius\.dhash\.(?:answered|batches)\()"
)
TEMPLATED = [
    *(ROOT / "playbooks").glob("*.yml"),
    *(path for part in ("defaults", "vars", "tasks") for path in (ROOT / "roles").glob(f"*/{part}/*.yml")),
]
# A fact of the role runtime, and whether mobius_metrics_url was emptied on purpose.
NOT_ANSWERED = {"mobius_runtime_found", "mobius_metrics_url"}


def defaults_in(text: str):
    """Each variable of the inventory, and the whole expression that stands in for it."""
    for match in ANSWERED.finditer(text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield match[1], " ".join(text[match.end() : end - 1].split())


def test_the_same_name_has_the_same_default_in_every_role():
    found = {}
    for role in ROLES:
        text = (ROOT / "roles" / role / "defaults" / "main.yml").read_text()
        for name, fallback in defaults_in(text):
            plain = re.sub(rf"\b{role}_", "", fallback)
            if name not in ("mobius_metrics_url", "mobius_health_url", "mobius_python"):  # made of the role's own
                assert found.setdefault(name, plain) == plain, (role, name)
    assert len(found) > 80


@pytest.mark.parametrize("path", TEMPLATED, ids=lambda path: str(path.relative_to(ROOT)))
def test_null_and_empty_text_mean_the_default_everywhere(path):
    bare = {match[1] for match in DEFAULTED.finditer(path.read_text())} - NOT_ANSWERED
    assert bare == set(), "use default('') | mobius.dhash.answered(DEFAULT)"


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
def test_a_system_folder_keeps_its_owner(folder, refused):
    assert bool(re.search(load("account", "vars", "main.yml")["__account_system"], folder)) is refused


@pytest.mark.parametrize("role", ["deploy", "hash_workers", "monitor", "rollback", "strip"])
def test_global_settings_do_not_cut_off_a_rescue(role):
    blocks = [task for task in load(role, "tasks", "main.yml") if {"rescue", "always", "block"} & set(task)]
    assert blocks
    for block in blocks:
        assert {name: block.get(name) for name in ("any_errors_fatal", "debugger", "timeout")} == {
            "any_errors_fatal": False,
            "debugger": "never",
            "timeout": 0,
        }


def each(tasks):
    """Every task, those in blocks too."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from each(task.get(part, []))


@pytest.mark.parametrize("role", ROLES)
def test_nothing_becomes_root_on_the_controller(role):
    for path in (ROOT / "roles" / role / "tasks").glob("*.yml"):
        for task in each(yaml.safe_load(path.read_text())):
            parts = [task, *(value["apply"] for value in task.values() if isinstance(value, dict) and "apply" in value)]
            for part in parts:
                if "localhost" in str(part.get("delegate_to", "")):
                    # Where the controller is one of two, become is false for it alone.
                    become = str(part.get("become"))
                    assert become == "False" or become.startswith("{{ false if "), f"{path.name}: {task['name']}"


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
def test_the_service_and_its_watch_use_the_same_address(host, address):
    service, watch = load("service", "vars", "main.yml"), load("monitor", "defaults", "main.yml")
    environment = jinja2.Environment()
    environment.filters["mobius.dhash.answered"] = answered
    environment.filters["regex_replace"] = lambda text, pattern, by: re.sub(pattern, by, text)
    template = environment.from_string
    assert template(service["__service_address"]).render(service_host=host) == address
    local = template(watch["monitor_local_address"]).render(mobius_service_host=host)
    base = template(watch["monitor_base_url"]).render(monitor_address=local)
    assert base == f"http://{address}:5001"


MOLECULE = ROOT / "molecule" / "roles"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_the_platforms_that_molecule_runs_and_no_others(role):
    suites = [platform["suite"] for platform in yaml.safe_load((MOLECULE / "molecule.yml").read_text())["platforms"]]
    named = load(role, "meta", "main.yml")["galaxy_info"]["platforms"]
    assert named == [{"name": "Debian", "versions": suites}]


def test_molecule_uses_every_role_by_itself():
    plays = yaml.safe_load((MOLECULE / "users.yml").read_text())
    tasks = each(
        [
            *yaml.safe_load((MOLECULE / "tasks" / "each_role.yml").read_text()),
            *(task for play in plays for task in play["tasks"]),
        ]
    )
    used = {task["ansible.builtin.include_role"]["name"] for task in tasks if "ansible.builtin.include_role" in task}
    assert used == {f"mobius.dhash.{role}" for role in ROLES}
    assert {play["gather_facts"] for play in plays} == {False}
