"""What a run refuses on the controller, and the secrets that it knows from the variables of a host."""

from __future__ import annotations

import json

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template as trusted
except ImportError:  # ansible-core before 2.19 trusts every text
    trusted = str
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.text import redact
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import checks
from ansible_collections.mobius.dhash.plugins.plugin_utils.variables import secrets_of


@pytest.mark.parametrize("path", ["", " ", "\n"])
def test_a_run_without_a_library_names_the_missing_variable(path):
    with pytest.raises(MobiusError, match="mobius_library_path is not set. Next: .* -e mobius_library_path="):
        checks.refuse_without_library(path)
    checks.refuse_without_library("/srv/library.json")


@pytest.mark.parametrize("seconds, refused", [(6, True), (86_400, True), ("6", True), (0, False), (None, False)])
def test_a_task_timeout_is_refused(seconds, refused):
    if refused:
        with pytest.raises(MobiusError, match="ANSIBLE_TASK_TIMEOUT"):
            checks.refuse_task_timeout(seconds)
    else:
        checks.refuse_task_timeout(seconds)


@pytest.mark.parametrize(
    "variables",
    [
        {"mobius_health_password": "opensesame"},
        {"mobius_health_password": trusted("{{ vaulted }}"), "vaulted": "opensesame"},
        {"mobius_health_headers": "X-Anything=opensesame,Accept=text/plain"},
        {"mobius_health_headers": {"X-Anything": "opensesame"}},
        {"mobius_health_headers": '{"X-Anything": "opensesame"}'},
        {"mobius_health_url": "https://me:opensesame@games-1/health"},
        {"mobius_metrics_url": "https://games-1/metrics?code=opensesame"},
        {"mobius_notify": [{"type": "email", "password": "opensesame"}]},
        {"mobius_notify": '[{"type": "webhook", "url": "https://x/y", "headers": {"K": "opensesame"}}]'},
        {"mobius_runtime_environment": {"PIP_INDEX_URL": "https://me:opensesame@pypi.example.org/simple"}},
        {"mobius_health_password": "opensesame", "mobius_notify": trusted("{{ nobody_has_set_it }}")},
    ],
    ids=json.dumps,
)
def test_configured_secrets_are_masked_wherever_they_occur(variables):
    secrets = secrets_of(variables, Templar(loader=DataLoader(), variables=variables))
    text = "The hook failed: opensesame was not accepted for /srv/library.json"
    assert redact(text, secrets) == text.replace("opensesame", "***")


@pytest.mark.parametrize("variables", [{}, {"mobius_health_url": "http://127.0.0.1:5001/health?format=json"}])
def test_text_that_is_not_secret_stays(variables):
    secrets = secrets_of(variables, Templar(loader=DataLoader(), variables=variables))
    assert redact("/srv/library.json health format", secrets) == "/srv/library.json health format"
