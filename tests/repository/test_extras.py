"""The alerts and the dashboard of extras/: proven by Prometheus' own tools and engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from ansible_collections.mobius.dhash.tests.support.places import ROOT

PROMETHEUS = ROOT / "extras" / "prometheus"
RULES = PROMETHEUS / "mobius_dhash.rules.yml"
DASHBOARD = ROOT / "extras" / "grafana" / "mobius_dhash.json"
TESTS = ("mobius_dhash.test.yml", "mobius_dhash_days.test.yml")
EXPORTED = (ROOT / "plugins/module_utils/deployment/textfile.py", ROOT / "roles/service/files/dhash_service/metrics.py")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is not there"
)


def promtool(*arguments, folder=PROMETHEUS) -> None:
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


@needs_promtool
def test_promtool_accepts_rules_and_configuration() -> None:
    promtool("check", "rules", RULES)
    promtool("check", "config", "--syntax-only", "prometheus.yml")


@needs_promtool
@pytest.mark.parametrize("name", TESTS)
def test_each_alert_fires_when_it_should(name) -> None:
    promtool("test", "rules", name)


def test_no_alert_is_untested_and_each_has_its_runbook() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    tested = {
        each["alertname"]
        for name in TESTS
        for test in yaml.safe_load((PROMETHEUS / name).read_text())["tests"]
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert tested == {rule["alert"] for rule in alerts} and len(alerts) == 11
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    for rule in alerts:
        page, _mark, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page.endswith("/docs/runbooks.md") and anchor in [heading.lower() for heading in headings], rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["labels"]["action"] in ("none", "monitor", "rollback")


def test_rules_and_dashboard_use_metrics_that_exist() -> None:
    known = {rule["record"] for rule in rules() if "record" in rule}
    source = "".join(path.read_text() for path in EXPORTED)
    for expr in [*(rule["expr"] for rule in rules()), *(expr for _title, expr in queries())]:
        for name in re.findall(r"\bmobius_dhash[\w:]+", expr.replace('"mobius_dhash"', "")):
            end = re.sub(r"^mobius_dhash_(?:deployment_)?|_(?:total|bucket)$|_timestamp_seconds$", "", name)
            assert name in known or end in source, name


def test_the_dashboard_matches_its_source() -> None:
    source = ROOT / "extras" / "grafana" / "build.py"
    done = subprocess.run([sys.executable, source, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    panels = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _y in cells) < 24


@needs_promtool
def test_each_query_of_the_dashboard_finds_samples(tmp_path) -> None:
    """Run by Prometheus' engine over samples with the names and labels that the service and the file export."""
    own, node = 'host="games-1",job="mobius_dhash"', 'host="games-1",job="node",library="/srv/library.json"'
    gauges = (
        *("avg_hash_time_seconds", "p95_hash_time_seconds", "extraction_failures_ratio"),
        *("low_confidence_queue_length", "items", "hashed_items", "migrated_timestamp_seconds", "healthy", "lock_held"),
    )
    series = [f"mobius_dhash_{name}{{{own}}}" for name in gauges]
    series += [f"mobius_dhash_deployment_{name}{{{node}}}" for name in ("rolled_back", "backup_verified")]
    series += [f'mobius_dhash_http_requests_total{{{own},path="/health",status="200"}}']
    series += [
        f'mobius_dhash_http_request_duration_seconds_bucket{{{own},path="/health",le="{le}"}}' for le in ("1", "+Inf")
    ]
    expressions = [expr.replace("$host", ".*").replace("$__rate_interval", "5m") for _title, expr in queries()]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": "1+1x20"} for name in series],
        "promql_expr_test": [
            {"expr": f"count({expr}) >= bool 1", "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": 1}]}
            for expr in expressions
        ],
    }
    document = {"rule_files": [os.path.relpath(RULES, tmp_path)], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "queries.yml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", "queries.yml", folder=tmp_path)


@pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool, of Debian's package prometheus-alertmanager, is not there"
)
def test_amtool_accepts_the_configuration_of_alertmanager_and_routes_by_action() -> None:
    path = str(ROOT / "extras" / "alertmanager" / "alertmanager.yml")
    commands = [(["check-config", path], f"Checking '{path}'  SUCCESS")]
    for action in ("rollback", "monitor", "none"):
        receivers = "people" if action == "none" else "rulebook,people"
        labels = ["alertname=MobiusDhashUnhealthy", "host=games-1", f"action={action}"]
        commands.append((["config", "routes", "test", f"--config.file={path}", *labels], receivers))
    for arguments, expected in commands:
        done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and expected in done.stdout.splitlines(), done.stdout + done.stderr


def ruleset(name):
    (found,) = yaml.safe_load((ROOT / "extras" / "eda" / name).read_text())
    return found


RULEBOOKS = ("mobius_dhash.yml", "mobius_dhash_confirmed.yml")


@pytest.mark.parametrize("name", RULEBOOKS)
def test_a_rulebook_accepts_only_plain_hosts_by_a_token_and_has_a_cool_down(name) -> None:
    rulebook = ruleset(name)
    webhook = rulebook["sources"][0]["eda.builtin.webhook"]
    # A forged alert would roll a host back.
    assert webhook["host"] == "127.0.0.1" and webhook["token"]
    first = rulebook["rules"][0]
    assert first["throttle"] == {
        "once_within": "30 minutes",
        "group_by_attributes": ["event.payload.commonLabels.host", "event.payload.commonLabels.action"],
    }
    actions = json.loads(re.search(r"commonLabels.action in (\[.*?\])", first["condition"])[1])
    assert set(actions) == {rule["labels"]["action"] for rule in rules() if "alert" in rule} - {"none"}
    for action in actions:
        assert (ROOT / "playbooks" / f"{action}.yml").is_file()
    plain = re.compile(re.search(r'commonLabels.host is search\("(.*?)"\)', first["condition"])[1])
    assert 'commonLabels.host != "all"' in first["condition"]
    for host in ("games-1", "games-1.example.org", "10.0.0.1", "a_b"):
        assert plain.search(host)
    patterns = ("", "*", "all:!x", "a,b", "~a", "games[0]")
    for host in (*patterns, "{{ 1 }}", "-e", "@f", "a b", "$x", "<b>", "=1+1", "\x1b[31m"):
        assert not plain.search(host), host


def test_the_rulebook_reacts_at_once_and_the_other_only_to_a_person() -> None:
    at_once, confirmed = map(ruleset, RULEBOOKS)

    def playbooks(rule):
        actions = rule.get("actions") or [rule["action"]]
        return [each["run_playbook"] for each in actions if "run_playbook" in each]

    (run,) = [run for rule in at_once["rules"] for run in playbooks(rule)]
    assert run["name"] == "mobius.dhash.{{ event.payload.commonLabels.action }}"
    assert run["extra_vars"] == {"mobius_hosts": "{{ event.payload.commonLabels.host }}"}
    (rule,) = [rule for rule in confirmed["rules"] if playbooks(rule)]
    assert "event.payload.confirm == events.request.request_host" in rule["condition"]["all"][1]
    # It takes the host of the request, and not one that an answer names.
    assert playbooks(rule)[0]["extra_vars"] == {"mobius_hosts": "{{ events.request.request_host }}"}
