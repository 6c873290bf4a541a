"""Modes, prefetched batches, and processes that are replaced once faster decoders pay off."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Set

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import picture, png, shrink
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import hash_picture
from ansible_collections.mobius.dhash.plugins.module_utils.engine import pool
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import hash_all
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from PIL import Image


def photos(folder: Path, count: int) -> List[str]:
    paths = [str(folder / f"{number}.jpg") for number in range(count)]
    for number, path in enumerate(paths):
        Image.effect_noise((40, 30), 100 + number).resize((900, 700)).convert("RGB").save(path)
    return paths


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_outcomes_of_a_mode_are_those_of_single_hashing(mode: str, tmp_path: Path) -> None:
    paths = photos(tmp_path, 12)
    found = list(hash_all(enumerate(paths), workers=2, mode=mode))
    assert [(each.dhash, each.confidence, each.reasons) for each in found] == [
        tuple(hash_picture(path, mode=mode)) for path in paths
    ]


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.webp", "a.bmp", "a.tif", "a.jp2"])
def test_other_formats_are_exact_in_fast_mode(name: str, tmp_path: Path) -> None:
    Image.effect_noise((40, 30), 100).resize((900, 700)).convert("RGB").save(tmp_path / name)
    assert hash_picture(str(tmp_path / name), mode="fast") == hash_picture(str(tmp_path / name))


def test_small_jpeg_files_are_hashed_in_fast_mode_too(tmp_path: Path) -> None:
    for side in (1, 9, 127, 128, 255, 256):
        Image.effect_noise((40, 30), 100).resize((side, side)).save(tmp_path / "a.jpg")
        exact, fast = (hash_picture(str(tmp_path / "a.jpg"), mode=mode).dhash for mode in ("exact", "fast"))
        # Grey already, and not made smaller below 256: the same pixels.
        assert side == 256 or exact == fast


def test_another_mode_is_refused_at_once() -> None:
    with pytest.raises(MobiusError, match="'quick'"):
        hash_all([], mode="quick")


def test_workers_are_replaced_when_quicker_ways_pay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = photos(tmp_path, 30)
    expected = [hash_picture(path) for path in paths]
    monkeypatch.setattr(picture, "_accelerated", [])
    monkeypatch.setattr(shrink, "np", None)
    png.forget()
    monkeypatch.setattr(pool, "_WORTH_LOADING", 0.02)
    workers: Set[int] = set()
    real = os.fork

    def fork() -> int:
        pid = real()
        workers.add(pid)
        return pid

    monkeypatch.setattr(os, "fork", fork)
    found = list(hash_all(enumerate(paths), workers=2))
    assert [(each.dhash, each.confidence, each.reasons) for each in found] == [tuple(each) for each in expected]
    assert picture._accelerated and shrink.np is not None
    assert 2 < len(workers - {0}) <= 4


def test_paths_too_long_for_a_pipe_do_not_block(tmp_path: Path) -> None:
    Image.new("L", (24, 24)).save(tmp_path / "a.png")
    good, long = str(tmp_path / "a.png"), str(tmp_path / ("\u2603" * 30_000))
    paths = [good, long] * 60
    found = list(hash_all(enumerate(paths), workers=2))
    assert [each.key for each in found] == list(range(120))
    assert [each.reasons[0] for each in found[1::2]] == ["unreadable"] * 60
    assert all(each.dhash for each in found[::2])
