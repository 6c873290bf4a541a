"""Greys by NumPy are the greys of Pillow, to the bit."""

from __future__ import annotations

import random
from typing import Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import shrink
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image


@pytest.fixture(autouse=True)
def by_numpy() -> Iterator[None]:
    """NumPy, and as it was afterwards."""
    before = shrink.np
    assert shrink.load()
    yield
    shrink.np = before


def by_pillow(image: Image.Image) -> bytes:
    return image.convert("L").resize((9, 8), Image.LANCZOS).tobytes()


def noise(width: int, height: int, seed: int = 1, mode: str = "L") -> Image.Image:
    depth = len(Image.new(mode, (1, 1)).tobytes())
    return Image.frombytes(mode, (width, height), random.Random(seed).randbytes(width * height * depth))


def test_numpy_is_used_where_it_is_there() -> None:
    assert shrink._matrices(300, 200) is not None


@pytest.mark.parametrize("width", range(1, 41))
def test_odd_and_tiny_sizes(width: int) -> None:
    for height in range(1, 41):
        image = noise(width, height, width * 41 + height)
        assert shrink.greys(image) == by_pillow(image), image.size


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 900), st.integers(1, 900), st.integers(0, 1 << 30), st.sampled_from(["noise", "edges", "extremes"])
)
def test_any_size(width: int, height: int, seed: int, kind: str) -> None:
    image = noise(width, height, seed)
    if kind == "edges":
        image = noise(3, 3, seed).resize((width, height), Image.NEAREST)
    elif kind == "extremes":  # sums far below 0 and over 255, which have to be cut
        image = image.point([0] * 128 + [255] * 128)
    assert shrink.greys(image) == by_pillow(image)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "F"]
)
@pytest.mark.parametrize("size", [(313, 211), (300, 600), (1301, 1203)])
def test_every_mode(mode: str, size: tuple) -> None:
    image = noise(*size, mode="RGB")
    if mode in ("I;16", "LA", "HSV", "LAB", "F"):
        image = {"I;16": lambda: noise(*size, mode="I;16"), "F": lambda: image.convert("L").convert("F")}.get(
            mode, lambda: noise(*size, mode=mode)
        )()
    elif mode != "RGB":
        image = image.quantize(64) if mode == "P" else image.convert(mode)
    assert image.mode == mode
    try:
        expected = by_pillow(image)
    except ValueError:  # no way from LAB to grey: the same error
        with pytest.raises(ValueError, match="conversion"):
            shrink.greys(image)
        return
    assert shrink.greys(image) == expected


def test_tall_pictures_are_left_to_pillow_whose_order_depends_on_its_version() -> None:
    assert shrink._matrices(100, 190) is not None
    assert shrink._matrices(100, 191) is None


def test_very_long_pictures_are_left_to_pillow() -> None:
    assert shrink._matrices(1 << 15, 16) is not None
    assert shrink._matrices((1 << 15) + 1, 16) is None
    assert shrink.greys(noise((1 << 15) + 1, 16)) == by_pillow(noise((1 << 15) + 1, 16))


def test_a_weight_that_may_round_otherwise_leaves_the_size_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink._kept_weights.cache_clear()
    monkeypatch.setattr(shrink, "_AMBIGUOUS", 0.4)
    image = noise(211, 197)
    assert shrink._matrices(211, 197) is None
    assert shrink.greys(image) == by_pillow(image)
    shrink._kept_weights.cache_clear()


def test_a_box_is_shrunk_alone() -> None:
    image = noise(200, 170)
    box = (0, 0, 199.5, 169.25)
    assert shrink.greys(image, box) == image.resize((9, 8), Image.LANCZOS, box).tobytes()


def test_a_numpy_that_gives_other_greys_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink.np = None
    monkeypatch.setattr(shrink, "_ONE", float(1 << 21))
    shrink._kept_weights.cache_clear()
    monkeypatch.setattr(shrink, "_rounded", lambda sums: sums * 0)
    assert not shrink.load()
    assert shrink.np is None
    shrink._kept_weights.cache_clear()


def test_an_unreviewed_pillow_version_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink.np = None
    monkeypatch.setattr(shrink, "_pillow", "99.0.0")
    assert not shrink.load()


def test_only_weights_of_small_sizes_are_kept() -> None:
    shrink._kept_weights.cache_clear()
    for size in ((70, 60), (70, 60), (shrink._KEPT_SIDE, 60), (shrink._KEPT_SIDE + 1, 60)):
        assert shrink.greys(noise(*size)) == by_pillow(noise(*size))
    assert shrink._kept_weights.cache_info().currsize == 3
