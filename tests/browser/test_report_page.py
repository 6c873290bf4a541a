"""The page of a run and the page of a fleet in a real Chromium: light, dark, on a phone, printed."""

from __future__ import annotations

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report_page import report_page
from ansible_collections.mobius.dhash.plugins.plugin_utils.run import fleet
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.fleet_rows import Row

ID = "20260101T000000Z-aaaaaa"
BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
STEPS = (("prepare", 1, 2.1), ("preflight", 4, 6.3), ("migrate", 11, 15.0), ("verify", 27, 8.3), ("health", 36, 4.0))
DEPLOYMENT = {
    **{"deployment": ID, "kind": "deployment", "status": "rolled_back", "host": "games-1"},
    "message": 'Failed in step "verify": the smoke test failed. Rolled back: /srv/mobius/library.json holds the bytes '
    f"from before (sha256 {'a' * 64}).",
    "failure": {"step": "verify", "task": "Verify", "message": "/usr/local/bin/smoke: exit code 3:\n  <b>line two"},
    "facts": {
        **{"library": "/srv/mobius/library.json", "sha256_before": "a" * 64, "sha256_after": "b" * 64},
        **{"backup": "/srv/mobius/backups/library.json.bak.20260101T000000Z", "items": 60, "hashed": 58, "failed": 2},
        **{"low_confidence": 4, "metrics": {"avg_hash_time": 37.9, "p95_hash_time": 103.1}},
    },
    "controller": {"user": "ann", "host": "ctl"},
    "timeline": [
        {"at": "2026-01-01T00:00:00Z", "event": "start", "seconds": 0.0, "outcome": "ok"},
        *(
            {"at": f"2026-01-01T00:00:{at:02d}Z", "event": name, "seconds": seconds, "outcome": "ok"}
            for name, at, seconds in STEPS
        ),
    ],
    "commands": {"rollback": f"ansible-playbook playbooks/rollback.yml {'-e x=y ' * 30}--limit games-1"},
    "failures": [
        {"pointer": f"/components/{n}", "image": f"images/{'x' * 80}<i>{n}.png", "reason": "truncated", "message": "m"}
        for n in range(9)
    ],
    "hash_times": {"bounds": BOUNDS, "counts": [0, 0, 3, 5, 11, 25, 9, 3, 2, 0, 0, 0, 0]},
    "limits": {"avg_hash_time": 50, "p95_hash_time": 200},
}
MONITORING = {
    **{
        "deployment": ID,
        "kind": "monitoring",
        "status": "fail",
        "message": "Failed: avg_hash_time.",
        "host": "games-1",
    },
    "facts": {
        "library": "/srv/mobius/library.json",
        "reasons": ["avg_hash_time was 63 ms after 900 s, above the limit of 50 ms"],
        "metrics": {"avg_hash_time": {"worst": 63.0, "limit": 50.0, "over": 0}},
    },
    "samples": [
        {"elapsed": 30.0 * n, "ok": n % 9 != 8, "values": {"avg_hash_time": 40.0 + 23 * (n % 9 == 8)}}
        for n in range(30)
    ],
    "timeline": DEPLOYMENT["timeline"],
}
FLEET = [
    DEPLOYMENT,
    {"kind": "deployment", "host": "games-2", "status": "lost", "message": ""},
    *(
        {**DEPLOYMENT, "host": f"games-{n}", "status": "deployed", "message": "Deployed.", "failure": {}}
        for n in (3, 4)
    ),
]
COUNTS = {"items": 60, "hashed": 58, "failed": 2, "review": 4}
ROWS = [
    Row("games-1", "rolled back", "bad", COUNTS, False, 40.0, "", ""),
    Row("games-2", "lost", "bad", {}, False, None, "", ""),
    *(Row(f"games-{n}", "deployed", "good", COUNTS, True, 40.0, "", "") for n in (3, 4)),
]
PAGES = {
    "deployment": lambda: report_page(DEPLOYMENT, "/srv/mobius/logs"),
    "monitoring": lambda: report_page(MONITORING, "/srv/mobius/logs"),
    "fleet": lambda: fleet.fleet_page("deployment", FLEET, "2026-01-01T00:10:00Z", ROWS),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_report_is_readable_everywhere(browser, tmp_path, name) -> None:
    path = tmp_path / f"{name}.html"
    path.write_bytes(PAGES[name]())
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.size(1280, 900)
        browser.open(path)
        assert browser.axe() == [], scheme
        browser.shot(f"report-{name}-{scheme}")
        for width in (400, 1280):
            browser.size(width, 900)
            assert browser.js("return document.documentElement.scrollWidth") <= width
        browser.size(400, 2400)
        assert browser.axe() == [], f"{scheme}, 400 px"
        browser.shot(f"report-{name}-{scheme}-400")
    assert browser.one("h1").text and browser.all("svg.plot")
    assert browser.all("script") == [] and browser.all("i") == [] and browser.all("b") == []
    # Links lead to files beside the page or to places in it; nothing else is requested.
    links = [link.get_dom_attribute("href") for link in browser.all("a")]
    assert links and all(link.startswith(("#", "./")) for link in links)
    assert browser.problems() == []
