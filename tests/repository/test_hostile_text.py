"""Text of a library, a host or a message stays text in every output: one table."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any, Callable, Dict, List, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.report_page import report_page
from ansible_collections.mobius.dhash.plugins.module_utils.deployment.textfile import render
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.find import find
from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.model import Request
from ansible_collections.mobius.dhash.plugins.module_utils.notify.forms import FORMS, as_mail, document_of
from ansible_collections.mobius.dhash.plugins.module_utils.notify.message import Message
from ansible_collections.mobius.dhash.plugins.module_utils.pages.plots import Mark, Point, histogram, series
from ansible_collections.mobius.dhash.plugins.module_utils.review.page import Facts, as_html
from ansible_collections.mobius.dhash.plugins.module_utils.review.queue import build
from ansible_collections.mobius.dhash.plugins.module_utils.review.table import as_csv, as_json
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.fleet import fleet_page
from ansible_collections.mobius.dhash.plugins.plugin_utils.run.fleet_rows import Row
from ansible_collections.mobius.dhash.plugins.plugin_utils.steps import problem_lines
from prometheus_client.parser import text_string_to_metric_families

PLAIN = "plain"
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": "\"><img src=x onerror=alert(1)>' onload='x",
    "end of style": "</style></script></table></svg><b>bold",
    "comment": "<!-- --> <![CDATA[ ]]> &amp; &lt;",
    "url": "javascript:alert(1)//",
    "formula": '=HYPERLINK("http://x")',
    "formula, plus": "+1+cmd|' /C calc'!A0",
    "formula, minus": "-2+3",
    "formula, at": "@SUM(1+1)",
    "formula after a tab": "\t=1+1",
    "formula after a line": "\r\n=1+1",
    "escape code": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "one-byte escape": "\x9b31m",
    "control": "nul\x00bell\x07back\x08",
    "bidi": "\u202egnp.exe\u2066",
    "line separator": "a\u2028b\u2029c\x85d",
    "lone surrogate": "\ud800",
    "template": "{{ lookup('pipe', 'id') }} ${x} $labels {% raw %}",
    "mention": "``` @everyone <!channel> <@U1> <users/all>",
    "header": "a\r\nBcc: b@c.d",
    "label": '",host="other"} 1\nmobius_dhash_healthy 0\n#',
    "backslash": "\\",
}
# What a terminal, or a reader of text in two directions, would obey.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
STEPS = [{"at": "2026-01-01T00:00:00Z", "event": "start", "seconds": 1.0, "outcome": "ok"}]


def items(text: str) -> List[Dict[str, Any]]:
    members = {"name": text, "id": text, "image": text, "dhash_confidence": 0.1, "dhash_reasons": [text]}
    review = {"decision": "wrong_picture", "by": text, "at": "2026-01-02T03:04:05Z", "comment": text}
    return [
        {**members, "dhash": "0f1e2d3c4b5a6978", "dhash_review": review},
        {**members, "image": f"{text}2", "dhash": "0f1e2d3c4b5a6978"},
        {**members, "dhash": "0" * 16},
    ]


def queue(text: str) -> Any:
    return build([(f"/{number}", item) for number, item in enumerate(items(text))], "image")


def report(text: str) -> Dict[str, Any]:
    facts = {"library": f"/srv/{text}", "backup": f"/srv/{text}", "items": 2, "hashed": 1, "failed": 1}
    return {
        **{"deployment": text, "kind": "deployment", "status": "rolled_back", "host": text, "message": text},
        **{"facts": {**facts, "reasons": [text]}, "controller": {"user": text, "host": text}},
        "failure": {"step": text, "task": text, "message": text, "afterwards": text},
        "failures": [dict.fromkeys(("pointer", "image", "reason", "message"), text)],
        "timeline": [*STEPS, {**STEPS[0], "event": text, "outcome": text}],
        "commands": {"rollback": text},
        "hash_times": {"bounds": [1, 2], "counts": [3, 2, 1]},
        "limits": {"avg_hash_time": 50},
        "samples": [{"elapsed": 1.0, "ok": False, "values": {text: 1.0}}],
    }


def duplicates(form: str) -> Callable[[str, Any], bytes]:
    def render(text: str, folder: Any) -> bytes:
        library, dest = folder / "library.json", folder / f"out.{form}"
        library.write_text(json.dumps(items(text)))
        find(Request(str(library), distance=3, dest=str(dest), format=form))
        return dest.read_bytes()

    return render


def plots(text: str, _folder: Any) -> bytes:
    marks = [Mark(1, text, is_limit=True)]
    drawn = [histogram(text, text, [1, 2], [1, 2, 3], marks), series(text, text, [Point(0, 1.0)], 2)]
    return "".join(map(str, drawn)).encode()


def review_page(text: str, _folder: Any) -> bytes:
    return as_html(queue(text), Facts(text, 0.7, text, [text], "a" * 64), None, 9)


def fleet_report(text: str, _folder: Any) -> bytes:
    hosts = (text, "h2")
    rows = [Row(host, text, "bad", {"items": 1}, True, 2.0, text, text) for host in hosts]
    return fleet_page("deployment", [report(host) for host in hosts], "2026", rows)


PAGES: Dict[str, Callable[[str, Any], bytes]] = {
    "review page": review_page,
    "duplicates page": duplicates("html"),
    "run report": lambda text, _folder: report_page(report(text), "/srv/logs"),
    "fleet report": fleet_report,
    "plots": plots,
}
TABLES: Dict[str, Callable[[str, Any], bytes]] = {
    "review queue": lambda text, _folder: as_csv(queue(text)),
    "duplicates": duplicates("csv"),
}
DOCUMENTS: Dict[str, Callable[[str, Any], bytes]] = {
    "review queue": lambda text, _folder: as_json(queue(text), 0.7),
    "duplicates": duplicates("json"),
}


class Structure(HTMLParser):
    """What a browser makes of a page beside its text: tags and the names of attributes, in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: List[Tuple[str, List[str]]] = []
        self.links: List[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, [name for name, _value in attrs]))
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", []))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_structure_of_one_with_plain_text(tmp_path, name, text) -> None:
    source = PAGES[name](text, tmp_path).decode("utf-8")
    # A text of several lines is shown in as many elements.
    harmless = "\n".join(PLAIN if line else "" for line in text.split("\n"))
    shown, plain = Structure(source), Structure(PAGES[name](harmless, tmp_path).decode("utf-8"))
    assert shown.found == plain.found
    assert all(link.startswith(("#", "./", "data:image/")) for link in shown.links), shown.links
    assert not CONTROL.search(source)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_no_formula_and_the_rows_of_one_with_plain_text(tmp_path, name, text) -> None:
    source, plain = (TABLES[name](each, tmp_path).decode("utf-8") for each in (text, PLAIN))
    rows = list(csv.reader(io.StringIO(source, newline="")))
    assert [len(row) for row in rows] == [len(row) for row in csv.reader(io.StringIO(plain, newline=""))]
    # A spreadsheet takes what stands behind these for a formula, too.
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert not CONTROL.search(source.replace("\r\n", ""))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_ascii_and_has_the_text_as_it_is(tmp_path, name, text) -> None:
    data = DOCUMENTS[name](text, tmp_path)
    assert data.isascii() and not CONTROL.search(data.decode())
    assert json.dumps(text)[1:-1] in data.decode() or json.dumps(text)[1:-1] == json.dumps(text.strip())[1:-1]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("kind", FORMS)
def test_a_notification_is_text_without_mentions(kind, text) -> None:
    def strings(value: Any) -> List[str]:
        if isinstance(value, dict):
            return [each for member in value.values() for each in strings(member)]
        if isinstance(value, list):
            return [each for member in value for each in strings(member)]
        return [value] if isinstance(value, str) else []

    message = Message.of("failure", text, f"{text}\n{text}", "", {"report": text})
    body = document_of(kind, message)
    shown = strings(json.loads(body))
    assert not [each for each in shown if CONTROL.search(each)]
    for each in shown:
        if kind == "slack":
            assert not re.search(r"<[!@#]", each)
        if kind in ("mattermost", "google_chat", "discord") and each.startswith("```"):
            # One block of code, which nothing ends before its end.
            assert each.count("```") == 2
    mail = as_mail(message, "a@b.c", ["d@e.f"])
    assert mail["Bcc"] is None and len(mail.get_all("Subject")) == 1
    assert not CONTROL.search(mail.get_content())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_a_terminal_line_contains_no_control_sequence(text) -> None:
    lines = problem_lines(text, text, {"msg": text, "stdout": text, "stderr": text, "cmd": [text], "item": text})
    assert not CONTROL.search("\n".join(lines))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_a_label_of_an_alert_is_the_path_alone(text) -> None:
    """Rules name the library of a metric, which stays in its label."""
    found = {"current": {"status": "deployed", "items": 8, "metrics": {"avg_hash_time": 1}}}
    shown, plain = (render(f"/srv/{each}/library.json", found) for each in (text, PLAIN))
    assert shown.count("\n") == plain.count("\n") > 2 and not CONTROL.search(shown)
    read = [each for source in (shown, plain) for each in text_string_to_metric_families(source)]
    samples = [(sample.name, list(sample.labels)) for family in read for sample in family.samples]
    assert samples[: len(samples) // 2] == samples[len(samples) // 2 :]
