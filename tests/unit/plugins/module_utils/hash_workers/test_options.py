"""The options of the engine reach every module of the role hash_workers that accepts them, from one declaration."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.migration.arguments import ENGINE
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from ansible_collections.mobius.dhash.tests.unit.plugins.modules.test_option_groups import tasks_of

ROLE = ROOT / "roles" / "hash_workers"
# There is no variable for it: it follows from max_pixels.
DERIVED = {"max_memory"}
VARIABLES = {
    "python": "hash_workers_python",
    "workers": "hash_workers_processes",
    "image_timeout": "hash_workers_image_timeout",
    "max_pixels": "hash_workers_max_pixels",
    "mode": "hash_workers_hash_mode",
}


def modules() -> Dict[str, Dict[str, Any]]:
    """Arguments of each of our modules in the role."""
    found: Dict[str, Dict[str, Any]] = {}
    for task in tasks_of("hash_workers"):
        found.update({name: value for name, value in task.items() if name.startswith("mobius.dhash.")})
    return found


def accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> set:
    """The options of a module, as it declares them to Ansible."""
    module = import_module(f"ansible_collections.mobius.dhash.plugins.modules.{name.rpartition('.')[2]}")
    specs = []

    class Declared(Exception):
        pass

    def declare(argument_spec: Dict[str, Any], **_more: Any) -> None:
        specs.append(argument_spec)
        raise Declared

    monkeypatch.setattr(module, "AnsibleModule", declare)
    with pytest.raises(Declared):
        module.main()
    return set(specs[0])


def test_every_engine_option_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(ENGINE) - DERIVED == set(VARIABLES)
    (main,) = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text())
    defaults = main["module_defaults"]
    engine = {name for name in modules() if set(ENGINE) <= accepted(name, monkeypatch)}
    assert {name.rpartition("_")[2] for name in engine} == {"info", "plan", "hash", "merge"}
    assert set(defaults) == engine
    for name in engine:
        assert defaults[name] == {option: f"{{{{ {variable} }}}}" for option, variable in VARIABLES.items()}
        assert not set(VARIABLES) & set(modules()[name] or {}), f"{name} declares an option again"
