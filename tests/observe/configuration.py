"""The files of extras/ as an operator would adapt them: other ports and hosts, and durations divided by a scale."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict

import yaml

EXTRAS = Path(__file__).resolve().parents[2] / "extras"
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# The collectors have no use for less.
_LEAST_INTERVAL = 1000


def load(name: str) -> Any:
    return yaml.safe_load((EXTRAS / name).read_text(encoding="utf-8"))


def write(path: Path, document: Any) -> Path:
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


class Scale:
    """Divides durations, so that minutes of an alert become seconds; 1 leaves them as they are."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def duration(self, text: str, least: int = 1) -> str:
        """``5m`` by 60 is ``5000ms``.

        :param least: milliseconds.
        """
        number, unit = re.fullmatch(r"(\d+)(ms|[smhd])", text).groups()  # type: ignore[union-attr]
        milliseconds = int(number) * _UNITS[unit]
        return f"{max(round(milliseconds / self.factor), least) if milliseconds else 0}ms"

    def expression(self, text: str) -> str:
        """PromQL with other ranges and offsets."""
        return re.sub(
            r"(\[|\boffset )(\d+[smhd])\b", lambda found: found[1] + self.duration(found[2], _LEAST_INTERVAL), text
        )


def rules(scale: Scale) -> Any:
    document = load("prometheus/mobius_dhash.rules.yml")
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = scale.expression(rule["expr"])
            if "for" in rule:
                rule["for"] = scale.duration(rule["for"])
    return document


def prometheus(scale: Scale, ports: Dict[str, int], host: str) -> Any:
    document = load("prometheus/prometheus.yml")
    for name in document["global"]:
        document["global"][name] = scale.duration(document["global"][name], _LEAST_INTERVAL)
    (alertmanagers,) = document["alerting"]["alertmanagers"]
    alertmanagers["static_configs"][0]["targets"] = [f"127.0.0.1:{ports['alertmanager']}"]
    for job, port in zip(document["scrape_configs"], (ports["service"], ports["node"])):
        (target,) = job["static_configs"]
        target.update(targets=[f"127.0.0.1:{port}"], labels={"host": host})
    return document


def alertmanager(scale: Scale, ports: Dict[str, int], token_file: Path) -> Any:
    document = load("alertmanager/alertmanager.yml")
    for route in (document["route"], *document["route"]["routes"]):
        for name in ("group_wait", "group_interval", "repeat_interval"):
            if name in route:
                route[name] = scale.duration(route[name])
    (webhook,) = next(each for each in document["receivers"] if each["name"] == "rulebook")["webhook_configs"]
    webhook["url"] = f"http://127.0.0.1:{ports['webhook']}/alertmanager"
    webhook["http_config"]["authorization"]["credentials_file"] = str(token_file)
    return document


def rulebook(name: str, ports: Dict[str, int], cool_down: int) -> Any:
    """:param cool_down: seconds."""
    document = load(f"eda/{name}")
    (ruleset,) = document
    ruleset["sources"][0]["eda.builtin.webhook"]["port"] = ports["webhook"]
    for rule in ruleset["rules"]:
        if "throttle" in rule:
            rule["throttle"]["once_within"] = f"{cool_down} seconds"
    return document


def queries() -> Dict[str, str]:
    """PromQL of the dashboard by panel, with its variables filled in as Grafana does."""
    dashboard = load("grafana/mobius_dhash.json")
    found = {
        f"{panel['title']} ({target['refId']})": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    return {name: expr.replace("$host", ".*").replace("$__rate_interval", "1m") for name, expr in found.items()}
