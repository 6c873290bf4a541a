"""Write the dashboard, mobius_dhash.json, or with --check say whether it is up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().with_name("mobius_dhash.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HOST = 'host=~"$host"'


def panel(
    kind: str, title: str, place: tuple[int, int, int, int], queries: dict[str, str], **more: Any
) -> dict[str, Any]:
    """A panel.

    :param place: x, y, width and height on a grid of 24 columns.
    :param queries: PromQL by legend.
    """
    defaults: dict[str, Any] = {"unit": more.pop("unit", "none"), "decimals": more.pop("decimals", None)}
    limit = more.pop("limit", None)
    if limit is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": limit}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    defaults["mappings"] = more.pop("mappings", [])
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "gridPos": dict(zip("xywh", place)),
        "fieldConfig": {
            "defaults": {key: value for key, value in defaults.items() if value is not None},
            "overrides": [],
        },
        "options": more,
        "targets": [
            {"refId": chr(65 + number), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for number, (legend, expr) in enumerate(queries.items())
        ],
    }


def words(zero: str, one: str, good: int) -> list[dict[str, Any]]:
    """0 and 1 as words, in color."""
    colors = ("red", "green") if good else ("green", "red")
    options = {str(value): {"text": (zero, one)[value], "color": colors[value]} for value in (0, 1)}
    return [{"type": "value", "options": options}]


def panels() -> list[dict[str, Any]]:
    series = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    rolled_back = f"max by (host) (mobius_dhash_deployment_rolled_back{{{HOST}}})"
    backup = f"min by (host) (mobius_dhash_deployment_backup_verified{{{HOST}}})"
    requests = f"sum by (host, path, status) (rate(mobius_dhash_http_requests_total{{{HOST}}}[$__rate_interval]))"
    seconds = f"rate(mobius_dhash_http_request_duration_seconds_bucket{{{HOST}}}[$__rate_interval])"
    return [
        panel(
            *("stat", "Health", (0, 0, 6, 5), {"{{host}}": f"min by (host) (mobius_dhash_healthy{{{HOST}}})"}),
            mappings=words("not healthy", "healthy", 1),
        ),
        panel(
            *("stat", "Last deployment", (6, 0, 6, 5), {"{{host}}": rolled_back}),
            mappings=words("kept", "rolled back", 0),
        ),
        panel(
            *("stat", "Rollback", (12, 0, 6, 5), {"{{host}}": backup}), mappings=words("not possible", "possible", 1)
        ),
        panel(
            *("stat", "Time since the migration", (18, 0, 6, 5)),
            {"{{host}}": f"time() - mobius_dhash:migrated_timestamp_seconds{{{HOST}}}"},
            unit="s",
        ),
        panel(
            *("timeseries", "Mean hash time", (0, 5, 12, 8)),
            {"{{host}}": f"mobius_dhash:avg_hash_time_seconds{{{HOST}}}"},
            **{"unit": "s", "limit": 0.05, **series},
        ),
        panel(
            *("timeseries", "95th percentile of hash times", (12, 5, 12, 8)),
            {"{{host}}": f"mobius_dhash:p95_hash_time_seconds{{{HOST}}}"},
            **{"unit": "s", "limit": 0.2, **series},
        ),
        panel(
            *("timeseries", "Images without a dHash", (0, 13, 12, 8)),
            {"{{host}}": f"mobius_dhash:extraction_failures_ratio{{{HOST}}}"},
            **{"unit": "percentunit", "limit": 0.05, **series},
        ),
        panel(
            *("timeseries", "Review queue", (12, 13, 12, 8)),
            {"{{host}}": f"mobius_dhash:low_confidence_queue_length{{{HOST}}}"},
            **series,
        ),
        panel(
            *("timeseries", "Items", (0, 21, 12, 8)),
            {
                "{{host}} items": f"max by (host) (mobius_dhash_items{{{HOST}}})",
                "{{host}} with a dHash": f"max by (host) (mobius_dhash_hashed_items{{{HOST}}})",
            },
            **series,
        ),
        panel(
            *("timeseries", "Lock held", (12, 21, 12, 8)),
            {"{{host}}": f"max by (host) (mobius_dhash_lock_held{{{HOST}}})"},
            **series,
        ),
        panel(
            *("timeseries", "Requests", (0, 29, 12, 8)),
            {"{{host}} {{path}} {{status}}": requests},
            **{"unit": "reqps", **series},
        ),
        panel(
            *("timeseries", "Time to answer, 95th percentile", (12, 29, 12, 8)),
            {"{{host}} {{path}}": f"histogram_quantile(0.95, sum by (host, path, le) ({seconds}))"},
            **{"unit": "s", **series},
        ),
    ]


def dashboard() -> dict[str, Any]:
    query = 'label_values(up{job=~"mobius_dhash|node"}, host)'
    return {
        "title": "mobius.dhash",
        "uid": "mobius-dhash",
        "tags": ["mobius", "dhash"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [
                {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
                {
                    **{"name": "host", "label": "Host", "type": "query", "datasource": SOURCE, "query": query},
                    **{"refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "sort": 1},
                },
            ]
        },
        "annotations": {
            "list": [
                {
                    **{"name": "Alerts", "enable": True, "iconColor": "red", "datasource": SOURCE},
                    **{
                        "expr": f'ALERTS{{alertname=~"MobiusDhash.*", alertstate="firing", {HOST}}}',
                        "titleFormat": "{{alertname}}",
                    },
                }
            ]
        },
        "panels": [{"id": number, **each} for number, each in enumerate(panels(), 1)],
    }


def main() -> int:
    text = json.dumps(dashboard(), indent=2) + "\n"
    if "--check" in sys.argv[1:]:
        fresh = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text
        if not fresh:
            print(f"{TARGET.name} is not what build.py writes. Next: python3 extras/grafana/build.py")
        return 0 if fresh else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
