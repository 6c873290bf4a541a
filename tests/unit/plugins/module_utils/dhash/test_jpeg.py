"""JPEG decoded by simplejpeg has the pixels that Pillow decodes, or is left to Pillow."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import jpeg
from ansible_collections.mobius.dhash.tests.support.decoders import both, direct, outcome
from ansible_collections.mobius.dhash.tests.support.drawn import scene
from PIL import Image

# More of them by make properties.
MUTATED = int(os.environ.get("EXAMPLES", "500"))


@pytest.fixture(autouse=True)
def by_simplejpeg() -> Iterator[None]:
    assert jpeg.load()
    yield
    assert jpeg.load()


def encoded(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def taken(data: bytes, folder: Path) -> bool:
    return direct(jpeg, data, folder / "a.jpg")


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("quality", [1, 50, 100])
def test_usual_jpeg_files_have_the_same_pixels(
    subsampling: int, progressive: bool, quality: int, tmp_path: Path
) -> None:
    options = {"subsampling": subsampling, "progressive": progressive, "quality": quality}
    for size in ((97, 71), (1, 1), (16, 16), (17, 33), (640, 481)):
        assert taken(encoded(scene(size), **options), tmp_path)
        assert taken(encoded(scene(size).convert("L"), progressive=progressive, quality=quality), tmp_path)


@pytest.mark.parametrize("width", range(1, 41))
def test_odd_and_tiny_sizes(width: int, tmp_path: Path) -> None:
    for height in range(1, 41, 3):
        assert taken(encoded(scene((width, height), width), subsampling=(width + height) % 3), tmp_path)


def adobe(data: bytes, transform: int) -> bytes:
    """With a marker of Adobe's, by which a decoder knows what its components are."""
    return data[:2] + b"\xff\xee\x00\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, transform) + data[2:]


def without_jfif(data: bytes) -> bytes:
    assert data[2:4] in (b"\xff\xe0", b"\xff\xee")
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


PLAIN = encoded(scene((120, 90)), quality=80)
ODD: Dict[str, Callable[[], bytes]] = {
    "restart markers": lambda: encoded(scene((120, 90)), restart_marker_rows=1),
    "restart markers in blocks": lambda: encoded(scene((120, 90)), restart_marker_blocks=2),
    "bytes after its end": lambda: PLAIN + b"more" * 1000,
    "a second picture after its end": lambda: PLAIN + encoded(scene((50, 40), 9)),
    "no end": lambda: PLAIN[:-2],
    "half of it": lambda: PLAIN[: len(PLAIN) // 2],
    "a header alone": lambda: PLAIN[:300],
    "cmyk": lambda: encoded(scene((120, 90)).convert("CMYK")),
    "ycck": lambda: adobe(without_jfif(encoded(scene((120, 90)).convert("CMYK"))), 2),
    "rgb by adobe": lambda: adobe(without_jfif(PLAIN), 0),
    "ycc by adobe": lambda: adobe(without_jfif(PLAIN), 1),
    "adobe and jfif": lambda: adobe(PLAIN, 0),
    "no jfif": lambda: without_jfif(PLAIN),
    "rgb kept": lambda: encoded(scene((120, 90)), keep_rgb=True),
    "exif": lambda: encoded(scene((120, 90)), exif=_turned()),
    "comment": lambda: encoded(scene((120, 90)), comment=b"x" * 60000),
    "padding before a marker": lambda: PLAIN[:2] + b"\xff" * 7 + PLAIN[2:],
    "junk before a marker": lambda: PLAIN[:2] + b"junk" + PLAIN[2:],
    "arithmetic coding": lambda: PLAIN.replace(b"\xff\xc0", b"\xff\xc9", 1),
    "lossless": lambda: PLAIN.replace(b"\xff\xc0", b"\xff\xc3", 1),
    "extended": lambda: PLAIN.replace(b"\xff\xc0", b"\xff\xc1", 1),
    "twelve bits": lambda: _frame(PLAIN, 4, 12),
    "other sampling": lambda: _frame(PLAIN, 11, 0x41),
    "other height": lambda: _frame(PLAIN, 6, 200),
    "no height": lambda: _frame(_frame(PLAIN, 5, 0), 6, 0),
    "large width": lambda: _frame(PLAIN, 7, 0x60),
}


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def _frame(data: bytes, offset: int, value: int) -> bytes:
    at = data.index(b"\xff\xc0") + offset
    return data[:at] + bytes([value]) + data[at + 1 :]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_gives_the_same_result(name: str, tmp_path: Path) -> None:
    first, second = both(jpeg, ODD[name](), tmp_path / "a.jpg")
    assert first == second


@pytest.mark.parametrize("name", ["no end", "half of it", "cmyk", "arithmetic coding", "lossless", "other sampling"])
def test_what_is_unusual_or_damaged_is_left_to_pillow(name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(ODD[name]())
    with path.open("rb") as stream, Image.open(stream) as image:
        assert jpeg.decode(image, stream) is None


def test_other_formats_are_left_to_pillow(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as stream, Image.open(stream) as image:
        assert jpeg.decode(image, stream) is None


def test_mutated_files_give_the_same_result(tmp_path: Path) -> None:
    chance = random.Random(11)
    models = [
        PLAIN,
        encoded(scene((120, 90)), progressive=True),
        encoded(scene((64, 48)).convert("L")),
        encoded(scene((90, 120)), subsampling=0, restart_marker_rows=1),
    ]
    hashed = refused = 0
    for _unused in range(MUTATED):
        data = bytearray(chance.choice(models))
        for _unused in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(data))
            way = chance.randrange(4)
            if way == 0:
                data[at] = chance.randrange(256)
            elif way == 1:
                del data[at : at + chance.randrange(1, 40)]
            elif way == 2:
                data[at:at] = bytes([0xFF, chance.randrange(0xC0, 0x100)])
            else:
                data = data[: max(20, at)]
        first, second = both(jpeg, bytes(data), tmp_path / "a.jpg")
        assert first == second
        hashed += isinstance(first, tuple)
        refused += isinstance(first, str)
    assert min(hashed, refused) > MUTATED / 12


def test_pictures_larger_than_the_memory_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "_kept", bytearray(100))
    assert taken(PLAIN, tmp_path)
    monkeypatch.setattr(jpeg, "_kept", None)
    assert taken(PLAIN, tmp_path)


def test_a_decoder_that_gives_other_pixels_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import simplejpeg

    real = simplejpeg.decode_jpeg
    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *given, **options: real(*given, fastupsample=True, **options))
    jpeg.forget()
    assert not jpeg.load()
    monkeypatch.undo()


def test_without_the_package_pillow_decodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    jpeg.forget()
    assert not jpeg.load()
    (tmp_path / "a.jpg").write_bytes(PLAIN)
    assert isinstance(outcome(tmp_path / "a.jpg"), tuple)
    monkeypatch.undo()


@pytest.mark.parametrize("version", [None, "unknown", "1.5.3", "2.0.9"])
def test_a_pillow_with_another_library_decodes_itself(version: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg.features, "check_feature", lambda _name: version is not None)
    monkeypatch.setattr(jpeg.features, "version_feature", lambda _name: version)
    jpeg.forget()
    assert not jpeg.load()
    monkeypatch.undo()
