"""Invalid variables, and names that look like templates, options or commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import Site, draw

QUIET = {"mobius_service_enabled": False, "mobius_health_check": False}

TEMPLATE = "{{ lookup('pipe', 'touch PWNED') }}"
# By what a careless reader would do with it.
NAMES = {
    "template": f"{TEMPLATE}.png",
    "escape": "\x1b[31mred\x1b]0;title\x07.png",
    "bidi": "\u202egnp.exe\u2066.png",
    "statement": "{% set x = 1 / 0 %}{# #}.png",
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>.png",
    "formula": "=cmd|' !A1'.png",
    "shell": "$(touch PWNED)`touch PWNED`;touch PWNED|&.png",
    "quotes": 'it\'s "quoted" \\ back.png',
    "lines": "two\nlines\r.png",
    "spaces": " leading and trailing .png",
    "dash": "-rf.png",
    "unicode": "\u00e9\u4e2d\U0001f3b2.png",
}
# What a terminal or a text with two directions would obey.
TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def hostile(tmp_path):
    """A library in an oddly named folder; each odd name is there once as a picture and once as one that is missing."""
    place = Site(tmp_path / "a b'c\"d;$(touch PWNED)&\u00e9")
    (place.home / "images").mkdir(parents=True)
    items = []
    for number, (kind, name) in enumerate(NAMES.items()):
        draw(place.home / "images" / name, number)
        items.append({"id": kind, "name": name, "image": f"images/{name}"})
        items.append({"id": f"no {kind}", "name": name * 3, "image": f"images/no{name}"})
    (place.home / "images" / "latin-\udce9.png").write_bytes(b"not in the library")
    items.append({"id": "surrogate", "name": "\ud800", "image": "images/latin-\udce9.png"})
    items.append({"id": "long", "name": "x" * 10_000, "image": "images/" + "y" * 10_000})
    place.write_library(items)
    return place


def assert_harmless(site, output: str) -> None:
    """No template was evaluated, no command was run, and the terminal gets only text."""
    assert not list(site.home.parent.rglob("PWNED*")) and not Path("PWNED").exists()
    assert not TERMINAL.search(output)


def test_names_stay_names(hostile, tmp_path):
    before = hostile.library.read_bytes()
    refused = hostile.play("deploy", "-v", "--diff", mobius_max_failure_rate="5", **QUIET)
    refused.failed('Refused in step "dry-run"')
    assert_harmless(hostile, refused.output)
    images, elsewhere = hostile.home / "images", hostile.home / "elsewhere"
    hook = tmp_path / "move.yml"
    hook.write_text(f"- ansible.builtin.command:\n    argv: {json.dumps(['mv', str(images), str(elsewhere)])}\n")
    hooks = {"before_migrate": str(hook)}
    failed = hostile.play("deploy", "-v", "--diff", mobius_hooks=hooks, mobius_max_failure_rate=60, **QUIET)
    failed.failed("Rolled back")
    elsewhere.rename(images)
    assert_harmless(hostile, failed.output)
    assert hostile.library.read_bytes() == before

    done = hostile.play("deploy", "-v", "--diff", mobius_max_failure_rate=60, **QUIET).succeeded()
    assert_harmless(hostile, done.output)
    hashed = {item["id"] for item in hostile.items() if "dhash" in item}
    assert hashed == set(NAMES)

    for path in [*hostile.home.glob("logs/**/*"), hostile.home / "migrate-dryrun.json"]:
        if path.is_file() and not path.name.startswith("rejected-"):
            assert not TERMINAL.search(path.read_text()), path
    (report,) = (path for path in hostile.home.glob("logs/deployment-*.log") if "status: refused" in path.read_text())
    assert "lookup('pipe', 'touch PWNED')" in report.read_text()
    for log in hostile.home.glob("logs/migration-*.log"):
        assert "lookup('pipe', 'touch PWNED')" in log.read_text()
    for run in (refused, failed, done):
        assert "lookup('pipe'" in run.output


def test_a_wrong_variable_is_refused_first(hostile):
    before = hostile.tree()
    wrong = {"mobius_verify_sample": "-1", "mobius_max_failure_rate": "abc", "mobius_lock_ttl": 0}
    run = hostile.play("deploy", mobius_runtime_venv=str(hostile.home / "venv"), **wrong)
    for name, value in wrong.items():
        run.failed(f"{name} is {json.dumps(value)}, must be")
    run.failed("Nothing was changed")
    after = hostile.tree()
    assert {name: after.pop(name, None) for name in before} == before
    # The report of it, and nothing else.
    assert {re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "ID", name) for name in after} == {
        ".library.json.dhash/history.head",
        ".library.json.dhash/history.jsonl",
        ".library.json.dhash/run.json",
        "logs/deployment-ID.html",
        "logs/deployment-ID.json",
        "logs/deployment-ID.log",
    }


def test_a_rollback_target_is_not_refused_for_what_it_does_not_use(hostile):
    unused = {"mobius_verify_sample": -1, "mobius_monitor_duration": "{{ nowhere }}", **QUIET}
    hostile.play("rollback", **unused).failed("There is no backup")
    refused = hostile.play("rollback", mobius_lock_ttl=0, **unused).failed("mobius_lock_ttl is ")
    # ansible-core 2.16 hands the number on as text.
    output = " ".join(refused.output.split())
    assert re.search(r'mobius_lock_ttl is ("?)0\1, must be a whole number from 1 ', output)
