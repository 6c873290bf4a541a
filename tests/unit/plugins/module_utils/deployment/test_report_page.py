"""The page of a report: what is on it, and that text of any origin stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report import readable, write_report
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report_page import report_page
from ansible_collections.mobius.dhash.plugins.module_utils.pages.plots import (
    Mark,
    Point,
    histogram,
    series,
    span,
    strip,
)

ID = "20260101T000000Z-aaaaaa"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></svg><b>bold",
    '=HYPERLINK("http://x")',
    "\x1b[31mred\x1b[0m\x00\x07",
    "\u202egnp.exe",
    "\ud800 lone",
    "javascript:alert(1)//",
    "$name ${x} {{ 7*7 }} <!-- part: head -->",
]
DEPLOYMENT = {
    "deployment": ID,
    "kind": "deployment",
    "status": "deployed",
    "host": "games-1",
    "message": "Deployed. Every image that could be read has its dHash.",
    "failure": {},
    "facts": {
        "library": "/srv/m/library.json",
        "sha256_before": "a" * 64,
        "sha256_after": "b" * 64,
        "backup": "/srv/m/backups/library.json.bak.20260101T000000Z",
        "items": 60,
        "hashed": 58,
        "unchanged": 0,
        "failed": 2,
        "low_confidence": 4,
        "metrics": {"avg_hash_time": 37.9, "p95_hash_time": 103.1},
        "migration_log": "/srv/m/logs/migration-20260101T000000Z.log",
        "evidence": "",
    },
    "controller": {"user": "ann", "host": "ctl"},
    "timeline": [
        {"at": "2026-01-01T00:00:00Z", "event": "start", "seconds": 0.0, "outcome": "ok"},
        {"at": "2026-01-01T00:00:02Z", "event": "preflight", "seconds": 1.0, "outcome": "changed"},
        {"at": "2026-01-01T00:00:03Z", "event": "migrate", "seconds": 75.0, "outcome": "changed"},
    ],
    "commands": {"rollback": "ansible-playbook playbooks/rollback.yml --limit games-1"},
    "failures": [{"pointer": "/c/1", "image": "images/torn.png", "reason": "truncated", "message": "the file ends"}],
    "hash_times": {"bounds": [1, 2, 5, 10], "counts": [1, 20, 30, 5, 2]},
    "limits": {"avg_hash_time": 50, "p95_hash_time": "200"},
}
SAMPLES = [
    {"elapsed": 30.0 * n, "ok": n != 2, "values": {"avg_hash_time": 20.0 + 30 * (n == 2)}, "at": ""} for n in range(4)
]
MONITORING = {
    **{"deployment": ID, "kind": "monitoring", "status": "fail", "message": "Failed: above.", "host": "games-1"},
    "facts": {
        "library": "/srv/m/library.json",
        "reasons": ["avg_hash_time was 50 ms"],
        "metrics": {"avg_hash_time": {"worst": 50.0, "limit": 40.0, "over": 0, "unit": "ms"}},
    },
    "samples": SAMPLES,
    "timeline": [],
}


class _Page(HTMLParser):
    """Tags, attributes and the text beside style and title."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words, self._skip = [], [], [], False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._skip = tag == "style"

    def handle_data(self, data):
        if not self._skip:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name):
        return [value for key, value in self.attributes if key == name]


def page(report, log_dir="/srv/m/logs") -> _Page:
    return _Page(report_page(report, log_dir).decode("utf-8"))


def test_a_deployment_is_reported_in_full() -> None:
    shown = page(DEPLOYMENT)
    for text in (
        "Deployed",
        "games-1",
        "58",
        "ansible-playbook playbooks/rollback.yml --limit games-1",
        "images/torn.png",
        "truncated",
        "and 1 more;",
        "1 min 15 s",
        "58 images, mean 37.9 ms (limit 50 ms), p95 103.1 ms (limit 200 ms)",
    ):
        assert text in shown.text, text
    links = [url for url in shown.all("href") if not url.startswith("#")]
    assert links == [
        "./../library.json",
        "./../backups/library.json.bak.20260101T000000Z",
        "./migration-20260101T000000Z.log",
        f"./deployment-{ID}.json",
        f"./deployment-{ID}.log",
    ]
    assert len(shown.all("id")) == len(set(shown.all("id")))
    assert set(shown.all("aria-labelledby")) <= set(shown.all("id"))
    assert "script" not in shown.tags and "style" not in {name for name, _value in shown.attributes}


def test_a_watch_is_drawn_with_its_limits() -> None:
    source = report_page(MONITORING, "/srv/m/logs").decode()
    assert "limit 40 ms" in source and "avg_hash_time was 50 ms" in source
    # One plot of the metric, one of the health.
    assert source.count('class="plot"') == 2 and source.count('class="limit"') == 1
    assert source.count('class="dot bad"') == 1 and source.count('class="bad"') == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text) -> None:
    """Wherever a text comes from: an item, an image, a reason, a host, a task, a message, a path."""
    facts = {**DEPLOYMENT["facts"], "library": f"/srv/{text}", "backup": f"/srv/{text}", "reasons": [text]}
    report = {
        **{**DEPLOYMENT, "host": text, "message": text, "status": text, "facts": facts},
        "failure": {"step": text, "task": text, "message": text, "afterwards": text},
        "failures": [dict.fromkeys(("pointer", "image", "reason", "message"), text)],
        "timeline": [{"at": text, "event": text, "seconds": 1.0, "outcome": text}],
        "commands": {"rollback": text, text: text},
        "controller": {"user": text, "host": text, "job": {"system": text, "id": text}},
        "samples": SAMPLES,
    }
    source = report_page(report, "/srv/m/logs").decode("utf-8")
    shown, plain = (
        _Page(source),
        page({**report, **json.loads(json.dumps(report).replace(json.dumps(text)[1:-1], "x"))}),
    )
    assert shown.tags == plain.tags
    assert [name for name, _value in shown.attributes] == [name for name, _value in plain.attributes]
    assert all(url.startswith(("./", "#")) for url in shown.all("href"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", source)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"facts": None, "timeline": None, "failures": None, "samples": None, "hash_times": None, "limits": None},
        {"facts": {"metrics": None}, "hash_times": {"bounds": [1], "counts": [1]}},
        {"hash_times": {"bounds": [1, 2], "counts": [0, 0, 0]}},
        {"hash_times": {"bounds": [1, 2], "counts": [0, float("nan"), 3]}},
        {"samples": [{"elapsed": 0, "ok": False, "values": {}}]},
        {"samples": [None, 7, {"elapsed": 5, "values": {"p95_hash_time": "bad"}}]},
        {"timeline": [{"at": None, "event": "start"}, {"at": "later", "event": "migrate", "seconds": None}]},
    ],
)
def test_a_report_with_holes_has_a_page(members) -> None:
    source = report_page({"deployment": ID, "kind": "deployment", "status": "refused", **members}).decode()
    assert "Refused" in source and "nan" not in source and 'href="./' not in source


@pytest.mark.parametrize(
    "drawn",
    [
        histogram("h", "ms", [1, 2, 5], [0, 0, 0, 9], [Mark(9000.0, "far", is_limit=True), Mark(0.01, "near")]),
        histogram("h", "ms", [1], [1, 0], []),
        histogram("h", "ms", list(range(1, 13)), [10**9] * 13, [Mark(5.0, "on a bound")]),
        series("s", "ms", [], 5.0),
        series("s", "ms", [Point(0.0, None, failing=True)], None),
        series("s", "ms", [Point(0.0, 0.0), Point(9e5, 1e12)], 0.0),
        strip("s", []),
        strip("s", [Point(float(n), None, failing=n % 2 == 0) for n in range(200)]),
        span(0.0, 0.0, 0.0, "good"),
        span(99.0, 50.0, 100.0, "bad"),
    ],
)
def test_drawings_stay_in_their_frame(drawn) -> None:
    shown = _Page(drawn)
    width = float(dict(shown.attributes)["viewbox"].split()[2])
    for name in ("x", "cx"):
        assert all(-1 <= float(value) <= width + 1 for value in shown.all(name))
    for path in shown.all("d"):
        assert all(-40 <= float(number) <= width + 1 for number in re.findall(r"-?[0-9.]+", path))


def test_the_page_lies_beside_the_report_and_the_text_leaves_out_tables(tmp_path) -> None:
    found = write_report(str(tmp_path), "deployment", DEPLOYMENT)
    assert found["page"] == f"{tmp_path}/deployment-{ID}.html"
    assert (tmp_path / f"deployment-{ID}.html").stat().st_mode & 0o777 == 0o640
    text = readable(DEPLOYMENT)
    assert "torn.png" not in text and "bounds" not in text and "rollback.yml" in text
    assert json.loads((tmp_path / f"deployment-{ID}.json").read_text())["failures"] == DEPLOYMENT["failures"]


def test_secrets_are_masked_on_the_page_too(tmp_path) -> None:
    failure = {"step": "health", "task": "t", "message": "GET https://u:hunter2@h/x?token=hunter2: 500"}
    write_report(str(tmp_path), "deployment", {**DEPLOYMENT, "failure": failure, "message": "password=hunter2"})
    assert "hunter2" not in (tmp_path / f"deployment-{ID}.html").read_text()
