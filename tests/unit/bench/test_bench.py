"""The bench measures what it says, on a few drawn pictures; how fast, no test asks."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(autouse=True)
def bench_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))


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
    for name in ("naive, 2 threads", "naive, 2 processes", "ours, Pillow alone", "ours"):
        assert approach(name, pictures)["answer"] == naive
    assert engine.bits(naive, naive) == {"hashed": 4, "compared": 4, "equal": 4, "within2": 4, "worst": 0}


def test_bits_are_counted_over_what_both_hashed():
    import engine

    reference = ["0" * 16, "0" * 16, "0" * 16, None]
    told = engine.bits(["0" * 16, "0" * 15 + "3", "0" * 15 + "7", "f" * 16], reference)
    assert told == {"hashed": 4, "compared": 3, "equal": 1, "within2": 2, "worst": 3}


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
    said = fresh.run([sys.executable, str(script)], sample=0.02)
    assert said["answer"] == 40 << 20
    assert said["peak"] > 80 << 20 > said["rss"] > 40 << 20
    assert said["cpu"] >= 0.3
    assert said["seconds"] >= 0.9


def test_a_child_that_fails_says_why(tmp_path):
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
    import figures

    rows = {"naive": {"seconds": [10.0, 20.0, 30.0]}, "ours": {"seconds": [5.0, 5.0, 10.0]}}
    assert figures.ratios({"corpora": {"web": {"rows": rows}}}) == {"web": {"naive": 1.0, "ours": 3.0}}


def test_a_share_is_rounded_up_to_all_only_where_it_is_all():
    import figures

    assert figures.percent(9999, 10000) == "99.9 %"
    assert figures.percent(7, 7) == "100 %"


def test_corpora_are_the_folders_with_pictures(pictures):
    import engine

    (pictures.parent / "work" / "deb").mkdir(parents=True)
    assert engine.corpora(pictures.parent) == [pictures]
    assert engine.corpora(pictures) == [pictures]
    with pytest.raises(SystemExit, match="no pictures"):
        engine.corpora(pictures.parent / "work")
