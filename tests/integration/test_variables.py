"""Surveys and extra vars: unanswered questions, lists as text, and names and values that cannot be meant."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.variables.table import REQUIRED, VARIABLES
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from ansible_collections.mobius.dhash.tests.support.playbooks import eight_items

# What the tests need: no packages from the network, no service, two pictures that cannot be hashed.
NEEDED = {"mobius_service_enabled": False, "mobius_health_check": False, "mobius_max_failure_rate": 30}
GIVEN = {*NEEDED, *REQUIRED, "mobius_runtime_venv", "mobius_service_port", "mobius_image_root"}


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
def test_what_is_unanswered_means_the_default_in_every_playbook(site, tmp_path, nothing):
    before = site.library.read_bytes()
    unanswered = {**dict.fromkeys({*VARIABLES, "mobius_serial", "mobius_hosts"} - GIVEN, nothing), **NEEDED}
    site.play("deploy", **unanswered).succeeded()
    assert sum("dhash" in item for item in site.items()) == 6
    others = ("backup", "backups", "status", "verify", "dry_run", "maintenance", "review_export", "cleanup")
    # One after the other, by one ansible-playbook.
    imports = [{"ansible.builtin.import_playbook": str(ROOT / "playbooks" / f"{name}.yml")} for name in others]
    (tmp_path / "others.yml").write_text(json.dumps(imports))
    site.play("", playbook=str(tmp_path / "others.yml"), **unanswered).succeeded()
    site.play("rollback", **unanswered).succeeded()
    assert site.library.read_bytes() == before


@pytest.mark.parametrize("serial", ['[1, "50%"]', "2"])
def test_lists_and_mappings_arrive_as_text(site, serial):
    text = {
        "mobius_serial": serial,
        "mobius_items": "components[]",
        "mobius_maintenance_stays_on_after": "rollback,after_rollback",
        "mobius_maintenance_window": "start=00:00,end=24:00" if serial == "2" else '{"start": "00:00", "end": "23:59"}',
        "mobius_maintenance_ignore_window": "true",
        "mobius_health_status_codes": "200,204",
        "mobius_notify": "[]",
        "mobius_hooks": "{}",
        "mobius_limits": '{"avg_hash_time": 50}',
    }
    site.play("deploy", **{**NEEDED, **text}).succeeded()
    assert sum("dhash" in item for item in site.items()) == 6


def test_invalid_batches_are_refused_by_name(site):
    for name in ("deploy", "rollback"):
        run = site.play(name, mobius_serial="1,x%")
        run.failed('mobius_serial is "1,x%", must be numbers of hosts or percentages')
        assert "probably a bug" not in run.output


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """A site that is deployed once, for all tests of refusals."""
    with eight_items(tmp_path_factory.mktemp("deployed")) as place:
        place.play("deploy", **NEEDED).succeeded()
        yield place


@pytest.mark.xdist_group("test_variables.deployed")
@pytest.mark.parametrize(
    "given, message",
    [
        ({"mobius_backp": "latest"}, "mobius_backp is not a variable of this collection. Did you mean mobius_backup?"),
        ({"mobius_of_mine": 1}, "mobius_of_mine is not a variable of this collection"),
        ({"mobius_backup": "{{ mobius_nobody_has_set_it }}"}, "mobius_backup"),
        ({"mobius_backup_dir": "/srv/{{ mobius_nobody_has_set_it }}/x"}, "mobius_backup_dir"),
        ({"mobius_backup": 7}, "mobius_backup"),
        ({"mobius_library_path": ""}, "mobius_library_path"),
    ],
    ids=json.dumps,
)
def test_a_rollback_is_refused_for_a_name_or_value_that_it_cannot_use(deployed, given, message):
    before = deployed.library.read_bytes()
    assert b'"dhash"' in before
    for name in ("rollback", "cleanup"):
        if name == "cleanup" and "mobius_backup" in given:
            continue
        run = deployed.play(name, **{**NEEDED, **given})
        run.failed(message)
    assert deployed.library.read_bytes() == before


@pytest.mark.xdist_group("test_variables.deployed")
def test_a_rollback_is_not_refused_for_what_it_does_not_use(deployed):
    wrong = {"mobius_workers": "many", "mobius_image_timeout": -1, "mobius_figures": 7, "mobius_schema": "relative"}
    deployed.play("rollback", **{**NEEDED, **wrong}).succeeded()
    assert not any("dhash" in item for item in deployed.items())


def test_an_unknown_variable_warns_a_deployment(site):
    run = site.play("deploy", **NEEDED, mobius_max_failure_rates=7).succeeded()
    assert "Did you mean mobius_max_failure_rate?" in run.output
