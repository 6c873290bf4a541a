"""The variables of a host, templated on the controller: a role's default is read without Ansible's templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.variables.answered import answered
from ansible_collections.mobius.dhash.plugins.plugin_utils import variables
from jinja2.nativetypes import NativeEnvironment

ROLES = Path(__file__).parents[4] / "roles"
DEFAULTS: Dict[str, Any] = {
    name: value
    for path in sorted(ROLES.glob("*/defaults/main.yml"))
    for name, value in (yaml.safe_load(path.read_text("utf-8")) or {}).items()
}


class Refusing:
    def template(self, value: Any) -> Any:
        raise AssertionError(f"templated: {value}")


def value_of(name: str, templar: Any, **given: Any) -> Any:
    return variables._value(name, {**DEFAULTS, **given}, templar)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("deploy_workers", 0),
        ("deploy_hash_mode", "exact"),
        ("deploy_confidence_threshold", 0.7),
        ("deploy_confirm", False),
        ("deploy_service_enabled", True),
        ("deploy_items", []),
        ("deploy_hooks", {}),
        ("deploy_notify", []),
        ("deploy_library_path", ""),
    ],
)
def test_a_default_that_nobody_has_changed_is_read_as_it_is(name: str, expected: Any) -> None:
    found = value_of(name, Refusing())
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    "name, given",
    [
        ("deploy_workers", {"mobius_workers": 3}),
        ("deploy_workers", {"mobius_workers": None}),
        ("deploy_backup_dir", {}),
        ("deploy_workers", {"deploy_workers": "{{ cores }}"}),
        ("deploy_workers", {"deploy_workers": "{{ cores | default('') | mobius.dhash.answered(cpus) }}"}),
    ],
)
def test_everything_else_is_for_ansible(name: str, given: Any) -> None:
    with pytest.raises(AssertionError, match="templated"):
        value_of(name, Refusing(), **given)


def test_each_of_these_defaults_is_what_its_template_makes_of_it() -> None:
    environment = NativeEnvironment()
    environment.filters["mobius.dhash.answered"] = answered
    read = 0
    for name, text in DEFAULTS.items():
        declared = variables._DEFAULT.fullmatch(text) if isinstance(text, str) else None
        if declared is None:
            continue
        try:
            found = value_of(name, Refusing())
        except AssertionError:
            continue
        read += 1
        assert environment.from_string(text).render() == found, name
    assert read > 100
