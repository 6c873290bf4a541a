"""Options that several steps share reach each step that accepts them, from one declaration in the role."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Dict, Iterator, Set

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE
from ansible_collections.mobius.dhash.tests.support.places import ROOT

GROUPS: Dict[str, Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
PLUGINS = "ansible_collections.mobius.dhash.plugins"
PREFIX, GROUP = "mobius.dhash.", "group/mobius.dhash."
# Of the same name, and something else: the mode of a file; the Python that runs the service.
OTHERS = {"library_backup": {"mode"}, "host_info": {"python"}, "service_control": {"python"}}
# Follows from max_pixels.
DERIVED = {"max_memory"}


def tasks_of(role: str) -> Iterator[Dict[str, Any]]:
    for path in sorted((ROOT / "roles" / role / "tasks").glob("*.yml")):
        yield from _flat(yaml.safe_load(path.read_text()))


def _flat(node: Any) -> Iterator[Dict[str, Any]]:
    for task in node:
        yield task
        for part in ("block", "rescue", "always"):
            yield from _flat(task.get(part, []))


def defaults_of(role: str) -> Dict[str, Dict[str, Any]]:
    """The ``module_defaults`` of a role's main task file, by group or module."""
    (main, *_more) = yaml.safe_load((ROOT / "roles" / role / "tasks" / "main.yml").read_text())
    return main["module_defaults"]


def steps_of(role: str) -> Dict[str, Set[str]]:
    """Our modules in a role, with the options that every task of theirs gives by itself."""
    found: Dict[str, Set[str]] = {}
    for task in tasks_of(role):
        for name, arguments in task.items():
            if name.startswith(PREFIX):
                given = set(arguments or {})
                known = found.setdefault(name[len(PREFIX) :], given)
                known &= given
    return found


def accepted(name: str) -> Set[str]:
    """The options of a module as it documents them; ``ansible-test sanity`` compares them with what it declares."""
    documented = yaml.safe_load(import_module(f"{PLUGINS}.modules.{name}").DOCUMENTATION)
    options = set(documented.get("options", {}))
    fragments = documented.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        if fragment.startswith(PREFIX):
            file, _dot, part = fragment[len(PREFIX) :].partition(".")
            holder = import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
            text = getattr(holder, part.upper() or "DOCUMENTATION")
            options |= set(yaml.safe_load(text).get("options", {}))
    return options


def missing(role: str) -> Dict[str, Set[str]]:
    """For each module of the role the shared options that it accepts and would not get."""
    defaults = defaults_of(role)
    groups = {key[len(GROUP) :]: set(options) for key, options in defaults.items() if key.startswith(GROUP)}
    shared = set().union(*groups.values())
    found = {}
    for name, given in steps_of(role).items():
        arrives = given | set(defaults.get(PREFIX + name, {}))
        for group, options in groups.items():
            if name in GROUPS[group]:
                arrives |= options
        lacks = (accepted(name) & shared) - arrives - OTHERS.get(name, set())
        if lacks:
            found[name] = lacks
    return found


@pytest.mark.parametrize("role", ["deploy", "rollback", "monitor"])
def test_shared_options_reach_every_step_that_accepts_them(role: str) -> None:
    assert missing(role) == {}


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_a_module_of_a_group_accepts_its_options(group: str) -> None:
    for role in ("deploy", "rollback", "monitor"):
        for name in GROUPS[group]:
            unknown = set(defaults_of(role).get(GROUP + group, {})) - accepted(name)
            assert not unknown, f"{name} does not accept {unknown}, which role {role} gives to the group {group}"


def test_the_deployment_gives_every_option_of_the_engine() -> None:
    defaults = defaults_of("deploy")
    given = set(defaults[GROUP + "images"]) | set(defaults[GROUP + "engine"])
    assert given == set(ENGINE) - DERIVED
