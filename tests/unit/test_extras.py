"""The alerts and the dashboard of extras/: proven by Prometheus' own tools and engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
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


def test_the_dashboard_is_what_its_source_says() -> None:
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


def test_the_rulebook_reacts_to_what_the_rules_name_and_to_nothing_else() -> None:
    (ruleset,) = yaml.safe_load((ROOT / "extras" / "eda" / "mobius_dhash.yml").read_text())
    webhook = ruleset["sources"][0]["eda.builtin.webhook"]
    # A forged alert would roll a host back.
    assert webhook["host"] == "127.0.0.1" and webhook["token"]
    actions = {}
    for rule in ruleset["rules"]:
        assert 'event.payload.status == "firing" and ' in rule["condition"]
        assert rule["throttle"]["group_by_attributes"] == ["event.payload.commonLabels.host"]
        run = rule["action"]["run_playbook"]
        assert (ROOT / run["name"]).is_file()
        assert run["extra_vars"] == {"mobius_hosts": "{{ event.payload.commonLabels.host }}"}
        actions[re.search(r'action == "(\w+)"', rule["condition"])[1]] = run["name"]
    assert actions == {"rollback": "playbooks/rollback.yml", "monitor": "playbooks/monitor.yml"}
    assert set(actions) == {rule["labels"]["action"] for rule in rules() if "alert" in rule} - {"none"}
