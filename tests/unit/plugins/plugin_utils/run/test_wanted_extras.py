"""Which variables of a host may ask for hooks, a prompt, maintenance mode or staging."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.extras import wanted_extras

ROLE = Path(__file__).parents[5] / "roles" / "deploy"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text("utf-8"))


@pytest.mark.parametrize(
    "given, wanted",
    [
        ({}, []),
        # An unanswered question of a survey, and what is off.
        ({"mobius_hooks": "", "mobius_confirm": None, "mobius_staging_days": " "}, []),
        ({"mobius_hooks": {}, "mobius_confirm": False, "mobius_staging_days": 0}, []),
        ({"mobius_confirm": "false", "mobius_maintenance_enabled": "No", "mobius_staging_days": "0"}, []),
        ({"deploy_hooks": {}, "deploy_confirm": False}, []),
        ({"mobius_hooks": {"after_host": "undrain.yml"}}, ["mobius_hooks"]),
        ({"mobius_hooks": "after_host=undrain.yml"}, ["mobius_hooks"]),
        ({"mobius_confirm": True, "mobius_staging_days": 3}, ["mobius_confirm", "mobius_staging_days"]),
        ({"mobius_maintenance_enabled": "yes"}, ["mobius_maintenance_enabled"]),
        ({"deploy_hooks": {"after_host": "undrain.yml"}}, ["deploy_hooks"]),
        # What a template makes is not known, and what is invalid is refused by the run.
        ({"mobius_staging_days": "{{ days }}"}, ["mobius_staging_days"]),
        ({"mobius_staging_days": "{{ 1 / 0 }}"}, ["mobius_staging_days"]),
        ({"deploy_confirm": "{{ ask | default(false) }}"}, ["deploy_confirm"]),
        ({"mobius_hooks": 7}, ["mobius_hooks"]),
    ],
)
def test_a_variable_that_may_ask_for_one(given: Dict[str, Any], wanted: List[str]) -> None:
    assert wanted_extras({**DEFAULTS, **given}) == wanted
    # Another host of the batch: its variables without the role's.
    assert wanted_extras(given) == wanted


def test_the_tasks_of_the_extras_have_conditions_of_their_own() -> None:
    """They are started on every host of a batch if one of its hosts wants them."""
    text = (ROLE / "tasks" / "runbook.yml").read_text("utf-8")
    (runbook,) = (task["block"] for task in yaml.safe_load(text) if "block" in task)
    (change,) = (task["block"] for task in runbook if "block" in task)
    tasks = [task for task in [*runbook, *change, *yaml.safe_load(text)[1:]] if "never" in str(task.get("tags"))]
    assert len(tasks) == 14
    for task in tasks:
        assert "__deploy_run.hooks" in f"{task.get('loop')} {task.get('when')}" or "deploy_" in str(task["when"]), task
