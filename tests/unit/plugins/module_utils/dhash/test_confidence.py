from __future__ import annotations

import io
import random
from pathlib import Path
from typing import List, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import confidence
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.picture import Picture, hash_picture
from ansible_collections.mobius.dhash.tests.support.drawn import game_components, scene, smooth
from PIL import Image

COMPONENTS = game_components()


def hashed(image: Image.Image, folder: Path, **options: object) -> Picture:
    path = folder / "picture.png"
    image.save(path, **options)
    return hash_picture(str(path))


def moved(image: Image.Image, folder: Path) -> int:
    """Bits that a JPEG copy of quality 75 at half size is away, by files alone."""
    image.convert("RGB").resize((image.width // 2, image.height // 2), Image.LANCZOS).save(folder / "c.jpg", quality=75)
    copy = hash_picture(str(folder / "c.jpg"))
    return bin(int(copy.dhash, 16) ^ int(hashed(image, folder).dhash, 16)).count("1")


def noisy(side: int, seed: int, contrast: int) -> Image.Image:
    chance = random.Random(seed)
    image = Image.new("RGB", (side, side))
    image.putdata(
        [tuple(128 + chance.randrange(-contrast, contrast) for _unused in range(3)) for _unused in range(side * side)]
    )
    return image


@pytest.mark.parametrize("name", COMPONENTS)
def test_an_ordinary_game_component_is_trusted(name: str, tmp_path: Path) -> None:
    picture = hashed(COMPONENTS[name], tmp_path)
    assert picture.confidence >= confidence.THRESHOLD
    assert picture.reasons == ()
    assert moved(COMPONENTS[name], tmp_path) <= 6


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (300, 420), "white"),
        Image.new("RGB", (300, 420), "#123456"),
        Image.new("L", (64, 64), 7),
        Image.new("1", (64, 64), 1),
        Image.new("RGBA", (256, 256), (9, 9, 9, 0)),
        Image.linear_gradient("L").resize((200, 200)),  # it changes from top to bottom alone
        smooth((300, 420), "white", lambda draw, w, h: draw.rectangle((0, 0, w, h), outline="#fdfdfd", width=40)),
    ],
)
def test_a_flat_picture_is_not_trusted(image: Image.Image, tmp_path: Path) -> None:
    picture = hashed(image, tmp_path)
    assert picture.confidence < confidence.THRESHOLD
    assert picture.reasons == ("flat",)


@pytest.mark.parametrize("size", [(8, 8), (12, 300), (300, 15), (2, 1)])
def test_a_tiny_picture_is_not_trusted(size: Tuple[int, int], tmp_path: Path) -> None:
    picture = hashed(scene(size), tmp_path)
    assert picture.confidence < confidence.THRESHOLD
    assert picture.reasons in (("tiny",), ("flat",))


def test_noise_is_not_trusted_and_a_copy_shows_why(tmp_path: Path) -> None:
    image = noisy(20, 20, 12)
    assert moved(image, tmp_path) > 6
    picture = hashed(image, tmp_path)
    assert picture.confidence < confidence.THRESHOLD
    assert picture.reasons == ("near-ties",)


def test_the_documented_confidence_holds_on_drawn_pictures(tmp_path: Path) -> None:
    images: List[Image.Image] = [scene((side, side + 9), side) for side in range(20, 260, 6)]  # side and seed
    images += [noisy(side, side, contrast) for side in (20, 24, 28, 32, 36) for contrast in (12, 40, 100)]
    images += COMPONENTS.values()
    trusted, doubted = [], []
    for image in images:
        picture = hashed(image, tmp_path)
        (trusted if picture.confidence >= confidence.THRESHOLD else doubted).append(moved(image, tmp_path))
    assert len(trusted) > 30
    assert len(doubted) > 10
    assert sum(bits <= 6 for bits in trusted) >= 0.99 * len(trusted)
    assert sum(bits > 6 for bits in doubted) > len(doubted) / 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "1"])
def test_the_copy_in_memory_is_the_one_that_a_file_would_be(mode: str) -> None:
    image = scene((90, 61)).convert(mode)
    kept = "L" if mode in ("L", "LA", "1") else "RGB"
    stream = io.BytesIO()
    image.convert(kept).resize((45, 30), Image.LANCZOS).save(stream, "JPEG", quality=75)
    assert confidence._copy(image).tobytes() == Image.open(stream).tobytes()


def test_confidence_falls_as_comparisons_are_lost() -> None:
    steps = [10] * 64
    values = []
    for count in range(0, 20):
        copied = [-1] * count + [10] * (64 - count)
        values.append(confidence._value(confidence._lost(steps, copied)))
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True)
    assert values[4] >= confidence.THRESHOLD > values[5]


def test_the_same_picture_has_the_same_confidence_again(tmp_path: Path) -> None:
    image = noisy(30, 1, 50)
    assert len({hashed(image, tmp_path) for _unused in range(3)}) == 1


def test_a_picture_too_wide_for_a_jpeg_copy_is_still_judged(tmp_path: Path) -> None:
    picture = hashed(noisy(20, 1, 60).resize((140_000, 20)), tmp_path)
    assert 0 <= picture.confidence <= 1
