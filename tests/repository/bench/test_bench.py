"""The bench measures what it claims to, on a few drawn pictures; no test depends on the speed."""

from __future__ import annotations

import json
import os
import sys
import types

import pytest
from ansible_collections.mobius.dhash.tests.support.places import ROOT
from PIL import Image

BENCH = ROOT / "tests" / "bench"


@pytest.fixture(autouse=True)
def bench_path(monkeypatch):
    """The bench's modules, for the length of a test: the faults have modules of the same names."""
    monkeypatch.syspath_prepend(str(BENCH))
    names = [path.stem for path in BENCH.glob("*.py")]
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(others)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures" / "tokens"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.linear_gradient("L").rotate(80 * number).resize((60, 60)).save(folder / f"{number}.png")
    (folder / "torn.png").write_bytes((folder / "0.png").read_bytes()[:60])
    return folder


def approach(name, folder, **options):
    import fresh

    return fresh.run([sys.executable, str(BENCH / "approaches.py"), name, str(folder), "2"], **options)


def test_each_way_gives_the_hashes_in_order(pictures):
    import engine

    naive = approach("naive", pictures)["answer"]
    assert [each is None for each in naive] == [False] * 4 + [True]
    for name in ("naive, threads", "naive, processes", "ours, Pillow alone", "ours"):
        assert approach(name, pictures)["answer"] == naive
    assert engine.bits(naive, naive) == {"hashed": 4, "compared": 4, "equal": 4, "within2": 4, "worst": 0}


def test_bits_are_counted_over_what_both_hashed():
    import engine

    reference = ["0" * 16, "0" * 16, "0" * 16, None]
    counted = engine.bits(["0" * 16, "0" * 15 + "3", "0" * 15 + "7", "f" * 16], reference)
    assert counted == {"hashed": 4, "compared": 3, "equal": 1, "within2": 2, "worst": 3}


CHILD = """
import subprocess, sys, time
sys.path.insert(0, {bench!r})
import fresh
def work():
    kept = bytearray(b"x") * (40 << 20)
    subprocess.run([sys.executable, "-c", "import time; kept = bytearray(b'x') * (40 << 20); time.sleep(0.6)"])
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    return len(kept)
time.sleep(0.5)
fresh.serve(work)
"""


def test_a_child_is_measured_with_its_own_children(tmp_path):
    import fresh

    script = tmp_path / "child.py"
    script.write_text(CHILD.format(bench=str(BENCH)))
    measured = fresh.run([sys.executable, str(script)], sample=0.02)
    assert measured["answer"] == 40 << 20
    assert measured["peak"] > 80 << 20 > measured["rss"] > 40 << 20
    assert measured["cpu"] >= 0.3
    assert measured["seconds"] >= 0.9


def test_a_child_that_fails_gives_its_reason(tmp_path):
    import fresh

    script = tmp_path / "child.py"
    script.write_text("raise SystemExit('no such codec')")
    with pytest.raises(fresh.Failed, match="no such codec"):
        fresh.run([sys.executable, str(script)])


def test_each_item_has_a_path_of_its_own(tmp_path):
    import items

    drawn = items._draw(tmp_path / "drawn")
    items._link(tmp_path / "images", drawn, 1500)
    named = [item["image"] for item in json.loads("".join(items._lines(1500)))["components"]]
    assert len(set(named)) == 1500
    assert all((tmp_path / "images" / name).is_file() for name in named)
    assert len({os.stat(tmp_path / "images" / name).st_ino for name in named}) == items._DRAWN


def test_ratios_are_taken_within_a_round():
    import results

    rows = {"naive": {"seconds": [10.0, 20.0, 30.0]}, "ours": {"seconds": [5.0, 5.0, 10.0]}}
    assert results.ratios({"corpora": {"web": {"rows": rows}}}) == {"web": {"naive": 1.0, "ours": 3.0}}


def test_a_share_is_rounded_up_to_all_only_where_it_is_all():
    import results

    assert results.percent(9999, 10000) == "99.9 %"
    assert results.percent(7, 7) == "100 %"


def test_every_section_can_be_imported():
    import run

    options = types.SimpleNamespace(pictures=None, rounds=1, limit=0, seconds=1)
    assert set(run._measures(options)) == set(run.SECTIONS)


def test_corpora_are_the_folders_with_pictures(pictures):
    import engine

    (pictures.parent / "work" / "deb").mkdir(parents=True)
    assert engine.corpora(pictures.parent) == [pictures]
    assert engine.corpora(pictures) == [pictures]
    with pytest.raises(SystemExit, match="no pictures"):
        engine.corpora(pictures.parent / "work")


def run(seconds, peak=30e6, **more):
    return {"seconds": seconds, "cpu": seconds, "peak": peak, **more}


def fleet_run(cpu):
    return {"seconds": cpu, "cpu": cpu, "host_cpu": cpu, "peak": 3e8}


def kept():
    """Results as the sections give them."""
    row = {"seconds": [2.0, 2.0, 2.0], "cpu": [2.0] * 3, "peak": 3e7, "hashed": 9, "compared": 9, "worst": 3}
    rows = {
        "naive": {**row, "equal": 9, "within2": 9},
        "ours": {**row, "seconds": [1.0, 1.0, 1.0], "equal": 8, "within2": 9},
        "sharp": {**row, "seconds": [0.5, 0.5, 0.5], "equal": 0, "within2": 5},
    }
    size = {"items": 1000, "json": 3e5, "first": [run(1.0)] * 3, "again": [run(0.1)] * 3}
    played = {"seconds": 9.0, "cpu": 8.0, "tasks": 60, "changed": 5, "skipped": 30}
    controller = {
        name: {"runs": [{**played, "cpu": cpu}], "modules": 9}
        for name, cpu in (("one ping", 2.0), ("deploy.yml, first", 9.0))
    }
    section = {"machine": {name: "x" for name in ["date", "CPU", "processors", "memory", "system", "commit", "load"]},
               "versions": {"Pillow": "12.3.0"}, "took": 5.0}  # fmt: skip
    corpora = {"web": {"pictures": 9, "bytes": 9, "rows": rows}}
    return {
        "engine": {**section, "missing": {"ours, fast": "none"}, "corpora": corpora},
        "items": {**section, "rows": [size, {**size, "items": 2000}], "real": size, "drawn": 5, "side": 64},
        "backup": {**section, "bytes": 1 << 30, "rounds": 3, "rows": {
            name: {"seconds": [2.0], "cpu": [1.0]} for name in ("cp && sha256sum", "library_backup")}},
        "duplicates": {**section, "real": 9, "hashes": 20, "most": 1000,
                       "peers": {name: [{**run(seconds), "pairs": 7}] for name, seconds in
                                 (("library_duplicates", 0.5), ("imagededup, bktree", 2.0))},
                       "items": {"with NumPy": {**run(3.0), "pairs": 1234}}},
        "deploy": {**section, "rounds": 3, "ansible": "2.19", "hosts": {"missing": "no root"},
                   "local": {"first": {**played, "modules": 20}, "again": {**played, "modules": 17}},
                   "controller": {"rows": {10: controller}, "missing": {"Ansistrano, one file": "not installed"}}},
        "fleet": {**section, "forks": 25, "missing": {}, "left_out": ["deploy.yml, unchanged on 100 hosts"],
                  "simulated": {"1000": {"cpu": 1.5}}, "rows": {
            "1": {"one ping": fleet_run(1.0), "deploy.yml, first": fleet_run(5.0)},
            "100": {"one ping": fleet_run(50.0), "deploy.yml, first": fleet_run(450.0)}}},
    }  # fmt: skip


def test_a_missed_target_is_marked():
    import results

    rows = {row[0]: row[1:] for row in results.aims(kept())}
    assert rows["ours, web, times naive"] == ["at least 2.3", "2.00", "**no**"]
    assert rows["ours, web, equal bits"] == ["all", "88.9 %", "**no**"]
    assert rows["web: ours at its fastest (ours), times naive"] == ["above sharp (4.00)", "2.00", "**no**"]
    assert rows["time per item, 1,000 to 2,000 items"][-1] == "**no**"
    assert rows["peak memory, 2,000 items, JSON 0 MB"][1:] == ["30 MB", "yes"]
    assert rows["library_backup, times `cp && sha256sum`"][1:] == ["1.00", "**no**"]
    assert rows["deploy.yml, first, 100 hosts, CPU, times one ping"] == ["at most 8", "9.0", "**no**"]
    assert rows["deploy.yml, first, CPU of a host, 100 hosts beside 1"] == ["at most 1", "0.90", "yes"]


def test_every_section_goes_into_the_document(monkeypatch, tmp_path):
    import places
    import report

    monkeypatch.setattr(places, "DOCUMENT", tmp_path / "performance.md")
    (tmp_path / "scale.md").write_text("head\n<!-- bench: begin -->\nold\n<!-- bench: end -->\ntail\n")
    drawn = []
    plots = {name: lambda *_unused, name=name: drawn.append(name) for name in ("throughput", "items")}
    monkeypatch.setitem(sys.modules, "plots", types.SimpleNamespace(**plots))
    report.write(kept())
    text = places.DOCUMENT.read_text()
    assert drawn == ["throughput", "items"]
    assert "Faster than ours: sharp (4.00)." in text
    assert "| this machine, unchanged run | 9.0 | 8.0 | 60 | 30 | 17 | 5 | 3 |" in text
    assert "no root" in text
    assert "| imagededup, bktree | 2.00 | 4.0 | 7 |" in text
    assert "| with NumPy | 3.0 | 3.0 | 30 | 1,234 |" in text
    assert "| 100 | deploy.yml, first | 450.0 | 450.0 | 4.50 | 450.0 | 4.50 | 9.0 | 300 |" in text
    assert "Not measured: deploy.yml, unchanged on 100 hosts: it would not have ended within the bound." in text
    scale = (tmp_path / "scale.md").read_text()
    # 4.49 s for each host, and half a second beside.
    assert "| deploy.yml, first | 100 | 4.49 | 75 min | 12.5 h |" in scale and "old" not in scale
    assert "1,000 hosts 1.5 s of CPU" in scale and scale.startswith("head") and scale.endswith("tail\n")
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1, block
    assert "Not measured yet" not in text
    report.write({"backup": kept()["backup"]})
    assert "Not measured yet**: engine, items, duplicates, deploy, fleet." in places.DOCUMENT.read_text()
