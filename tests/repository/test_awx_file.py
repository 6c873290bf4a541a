"""The documented file for AWX: what a job of AWX cannot do is not in it, and the workflow ends red after a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.module_utils.variables.check import check
from ansible_collections.mobius.dhash.plugins.module_utils.variables.table import SECRET, VARIABLES
from ansible_collections.mobius.dhash.tests.support.places import ROOT


class _Loader(yaml.SafeLoader):
    """YAML with Ansible's tag for text that is no template."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
AWX = yaml.load((ROOT / "extras" / "awx" / "mobius.yml").read_text(), _Loader)["mobius_awx"]
TEMPLATES = {each["name"]: each for each in AWX["job_templates"]}
QUESTIONS = [
    question
    for each in (*AWX["job_templates"], AWX["workflow"])
    for question in each.get("survey_spec", {}).get("spec", [])
]


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_runs_a_playbook_that_awx_lists_and_only_one_job(name: str) -> None:
    assert (ROOT / TEMPLATES[name]["playbook"]).is_file()
    settings = {**AWX["job_template_defaults"], **TEMPLATES[name]}
    assert settings["job_slice_count"] == 1 and settings["allow_simultaneous"] is False


def test_surveys_ask_for_what_a_survey_can_give() -> None:
    for question in QUESTIONS:
        name = question["variable"]
        assert name in VARIABLES and name not in SECRET, name
        assert question["type"] in ("text", "multiplechoice", "integer", "float"), name
        assert check({name: question["default"]})["warnings"] == []
        for choice in question["choices"] or []:
            check({name: choice})
        for limit in ("min", "max") if question["type"] in ("integer", "float") else ():
            check({name: question[limit]})
    assert not {question["variable"] for question in QUESTIONS} & {"mobius_serial", "mobius_confirm", "mobius_limits"}


def test_secrets_are_in_a_type_of_credential_and_nowhere_else() -> None:
    kind = AWX["credential_types"][0]
    assert all(field["secret"] for field in kind["inputs"]["fields"])
    names = {f"{{{{ {field['id']} }}}}" for field in kind["inputs"]["fields"]}
    assert set(kind["injectors"]["extra_vars"].values()) == names
    text = (ROOT / "extras" / "awx" / "mobius.yml").read_text()
    assert "hunter2" not in text and "xoxb" not in text and "BEGIN" not in text


def outcome(failing: str, denied: str = "") -> str:
    """How AWX ends the workflow where one node fails: failed, where a failed node has no path for its failure."""
    links = {each["identifier"]: each for each in AWX["workflow_links"]}
    node, result = "dry-run", "successful"
    while node:
        failed = node in (failing, denied, "failed")
        following = links.get(node, {}).get("failure_nodes" if failed else "success_nodes", [])
        if failed and not following:
            result = "failed"
        node = following[0] if following else ""
    return result


@pytest.mark.parametrize(
    "failing, denied, ends",
    [
        ("", "", "successful"),
        ("dry-run", "", "failed"),
        ("", "approval", "failed"),
        ("deploy", "", "failed"),
        ("monitor", "", "failed"),
        ("monitor", "approve-rollback", "failed"),
        ("deploy", "approve-rollback", "failed"),
    ],
)
def test_a_workflow_ends_green_only_where_nothing_failed(failing: str, denied: str, ends: str) -> None:
    assert outcome(failing, denied) == ends


def test_nodes_links_schedules_and_roles_name_what_is_there() -> None:
    nodes = {each["identifier"] for each in AWX["workflow_nodes"]}
    for link in AWX["workflow_links"]:
        assert {link["identifier"], *link.get("success_nodes", []), *link.get("failure_nodes", [])} <= nodes
    for each in (*AWX["workflow_nodes"], *AWX["schedules"]):
        assert each.get("unified_job_template", next(iter(TEMPLATES))) in TEMPLATES
    for role in AWX["roles"]:
        assert set(role.get("job_templates", [])) <= set(TEMPLATES)
        assert role["team"] in {team["name"] for team in AWX["teams"]}
    observers = [role for role in AWX["roles"] if role["team"] == "MOBIUS observers"]
    assert not {"MOBIUS deploy", "MOBIUS rollback"} & {
        name for role in observers for name in role.get("job_templates", [])
    }
    assert {"backups", "cleanup", "review_export"} == {
        Path(TEMPLATES[each["unified_job_template"]]["playbook"]).stem for each in AWX["schedules"]
    }
