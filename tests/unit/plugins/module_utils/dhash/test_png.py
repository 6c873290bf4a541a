"""PNG inflated by zlib-ng or libdeflate has the pixels that Pillow decodes, or is left to Pillow."""

from __future__ import annotations

import importlib
import io
import os
import random
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.dhash import png
from ansible_collections.mobius.dhash.tests.support.decoders import both, direct, outcome
from ansible_collections.mobius.dhash.tests.support.drawn import scene
from PIL import Image

Chunks = List[Tuple[bytes, bytes]]
# More of them by make properties.
MUTATED = int(os.environ.get("EXAMPLES", "500"))


PACKAGES = ("zlib_ng.zlib_ng", "deflate")


@pytest.fixture(autouse=True, params=PACKAGES)
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package that inflates, as the only one that is there."""
    pytest.importorskip(request.param)
    png.forget()
    for name in PACKAGES:
        if name != request.param:
            monkeypatch.setitem(sys.modules, name, None)
    assert png.load()
    yield request.param
    monkeypatch.undo()
    png.forget()
    assert png.load()


def encoded(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def chunks(data: bytes) -> Chunks:
    found, at = [], 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        found.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def joined(parts: Chunks) -> bytes:
    """A file of these chunks, each with the right checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def with_pixels(content: bytes, data: bytes) -> bytes:
    """The file with other content of its one IDAT."""
    return joined([(name, content if name == b"IDAT" else old) for name, old in chunks(data)])


def compressed(data: bytes) -> bytes:
    (found,) = [content for name, content in chunks(data) if name == b"IDAT"]
    return found


def with_more(where: bytes, *more: Tuple[bytes, bytes]) -> bytes:
    """The plain file with chunks before its ``where``."""
    parts = chunks(PLAIN)
    at = [name for name, _content in parts].index(where)
    return joined([*parts[:at], *more, *parts[at:]])


MODES = ("L", "LA", "P", "RGB", "RGBA")
PLAIN = encoded(scene((60, 44)))


def in_mode(mode: str, size: Tuple[int, int], seed: int = 1) -> Image.Image:
    return scene(size, seed).quantize(50) if mode == "P" else scene(size, seed).convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0, 1, 9])
def test_usual_png_files_have_the_same_pixels(mode: str, level: int, tmp_path: Path) -> None:
    for size in ((97, 71), (1, 1), (1, 300), (300, 1), (16, 16), (640, 481)):
        # A palette of few colours takes fewer than eight bits, which are left to Pillow.
        data = encoded(in_mode(mode, size), compress_level=level, **({"bits": 8} if mode == "P" else {}))
        assert direct(png, data, tmp_path / "a.png")


def unfiltered(image: Image.Image) -> bytes:
    """A file whose lines have no filter, but for a palette as Pillow writes it anyway."""
    data = encoded(image, **({"bits": 8} if image.mode == "P" else {}))
    row = image.width * len(image.getbands())
    pixels = image.tobytes()
    lines = b"".join(b"\0" + pixels[at : at + row] for at in range(0, len(pixels), row))
    return with_pixels(zlib.compress(lines), data)


@pytest.mark.parametrize("mode", MODES)
def test_lines_without_a_filter(mode: str, tmp_path: Path) -> None:
    for size in ((97, 71), (1, 1), (1, 300), (300, 1), (160, 121)):
        assert direct(png, unfiltered(in_mode(mode, size)), tmp_path / "a.png")


def test_one_line_with_a_filter_among_others(tmp_path: Path) -> None:
    content = bytearray(zlib.decompress(compressed(unfiltered(scene((60, 44))))))
    content[181 * 43] = 2
    assert direct(png, with_pixels(zlib.compress(content), PLAIN), tmp_path / "a.png")
    content[181 * 43] = 5
    first, second = both(png, with_pixels(zlib.compress(content), PLAIN), tmp_path / "a.png")
    assert first == second


@pytest.mark.parametrize("size", [(65534, 1), (65535, 1), (1, 32767), (1, 32768), (255, 256), (510, 257)])
def test_about_the_size_of_a_stored_block(size: Tuple[int, int], tmp_path: Path) -> None:
    assert direct(png, encoded(Image.effect_noise(size, 90), compress_level=1), tmp_path / "a.png")


@pytest.mark.parametrize("transparency", [3, bytes(range(0, 250, 5))])
def test_transparent_colours_of_a_palette(transparency: object, tmp_path: Path) -> None:
    data = encoded(in_mode("P", (70, 50)), bits=8, transparency=transparency)
    assert direct(png, data, tmp_path / "a.png")
    first, second = both(png, data, tmp_path / "a.png")
    assert first == second


def split(sizes: int) -> bytes:
    content = compressed(PLAIN)
    parts = [(b"IDAT", content[at : at + sizes]) for at in range(0, len(content), sizes)]
    kept = chunks(PLAIN)
    return joined([each for each in kept if each[0] != b"IDAT"][:-1] + parts + kept[-1:])


def animated() -> bytes:
    return encoded(scene(), save_all=True, append_images=[scene(seed=2)], duration=40)


def text(length: int, name: bytes = b"Comment") -> Tuple[bytes, bytes]:
    return b"tEXt", name + b"\0" + b"x" * length


def with_pixels_around(chunk: Tuple[bytes, bytes]) -> bytes:
    content = compressed(PLAIN)
    first, last = (b"IDAT", content[:100]), (b"IDAT", content[100:])
    return joined([*chunks(PLAIN)[:-2], first, chunk, last, END])


END = (b"IEND", b"")
PIXELS = zlib.decompress(compressed(PLAIN))
TEXT_BOMB = (b"zTXt", b"a\0\0" + zlib.compress(b"x" * (1 << 20)))
BOMB = zlib.compress(bytes(50_000_000))
ODD: Dict[str, Callable[[], bytes]] = {
    "pixels in many chunks": lambda: split(7),
    "pixels in chunks of one byte": lambda: split(1),
    "an empty chunk of pixels": lambda: with_more(b"IEND", (b"IDAT", b"")),
    "text after the pixels": lambda: with_more(b"IEND", text(20), (b"tIME", b"\x07\xea\x01\x02\x03\x04\x05")),
    "text before the pixels": lambda: with_more(b"IDAT", text(20), (b"gAMA", b"\0\0\xb1\x8f")),
    "long text after the pixels": lambda: with_more(b"IEND", text(3_000_000)),
    "ImageMagick's dates after the pixels": lambda: with_more(b"IEND", text(25, b"date:create")),
    "text that Pillow takes for its own": lambda: with_more(b"IEND", text(20, b"transparency")),
    "more text than Pillow takes": lambda: joined([*chunks(with_more(b"IDAT", *[TEXT_BOMB] * 64))[:-1], text(20), END]),
    "text between the pixels": lambda: with_pixels_around(text(20)),
    "a date between the pixels": lambda: with_pixels_around((b"tIME", b"\x07\xea\x01\x02\x03\x04\x05")),
    "a window that zlib does not know": lambda: with_pixels(b"\x88\x1c" + compressed(PLAIN)[2:], PLAIN),
    "compressed text after the pixels": lambda: with_more(b"IEND", (b"zTXt", b"a\0\0" + zlib.compress(b"text"))),
    "a text bomb after the pixels": lambda: with_more(b"IEND", (b"zTXt", b"a\0\0" + BOMB)),
    "a colour profile": lambda: with_more(b"IDAT", (b"iCCP", b"a\0\0" + zlib.compress(b"profile"))),
    "an unknown chunk after the pixels": lambda: with_more(b"IEND", (b"vpAg", b"\0" * 9)),
    "a second palette after the pixels": lambda: with_more(b"IEND", (b"PLTE", b"\0" * 9)),
    "a second header after the pixels": lambda: with_more(b"IEND", chunks(PLAIN)[0]),
    "an animation": animated,
    "interlaced": lambda: INTERLACED,
    "sixteen bits": lambda: encoded(Image.effect_noise((60, 44), 90).convert("I;16")),
    "one bit": lambda: encoded(scene((60, 44)).convert("1")),
    "four bits": lambda: encoded(scene((60, 44)).quantize(9)),
    "bytes after its end": lambda: PLAIN + b"more" * 1000,
    "no end": lambda: PLAIN[:-12],
    "half an end": lambda: PLAIN[:-3],
    "half of it": lambda: PLAIN[: len(PLAIN) // 2],
    "a header alone": lambda: PLAIN[:50],
    "a wrong checksum of a chunk": lambda: PLAIN[:-14] + b"??" + PLAIN[-12:],
    "a wrong checksum of the pixels": lambda: with_pixels(compressed(PLAIN)[:-4] + b"\0\0\0\0", PLAIN),
    "no checksum of the pixels": lambda: with_pixels(compressed(PLAIN)[:-4], PLAIN),
    "half of the pixels": lambda: with_pixels(compressed(PLAIN)[: len(compressed(PLAIN)) // 2], PLAIN),
    "fewer pixels": lambda: with_pixels(zlib.compress(PIXELS[:-1]), PLAIN),
    "no pixels": lambda: with_pixels(b"", PLAIN),
    "more pixels": lambda: with_pixels(zlib.compress(PIXELS + b"\0" * 9), PLAIN),
    "a bomb of pixels": lambda: with_pixels(BOMB, PLAIN),
    "bytes after the pixels": lambda: with_pixels(compressed(PLAIN) + b"more", PLAIN),
    "an unknown filter": lambda: with_pixels(zlib.compress(b"\x07" + PIXELS[1:]), PLAIN),
    "pixels that are no zlib stream": lambda: with_pixels(b"not compressed", PLAIN),
    "pixels that want a dictionary": lambda: with_pixels(b"\x78\x20" + compressed(PLAIN)[2:], PLAIN),
    "a length beyond the file": lambda: PLAIN.replace(b"\0\0\0\0IEND", b"\x7f\0\0\0IEND"),
}
# One pixel in Adam7: a single pass.
INTERLACED = joined(
    [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    ]
)
TAKEN = (
    "pixels in many chunks",
    "pixels in chunks of one byte",
    "an empty chunk of pixels",
    "text before the pixels",
    "text after the pixels",
    "long text after the pixels",
    "ImageMagick's dates after the pixels",
    "a colour profile",
    "bytes after its end",
)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_gives_the_same_result(name: str, tmp_path: Path) -> None:
    first, second = both(png, ODD[name](), tmp_path / "a.png")
    assert first == second


@pytest.mark.parametrize("name", ODD)
def test_only_what_is_usual_is_taken(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(ODD[name]())
    with path.open("rb") as stream:
        try:
            image = Image.open(stream)
        except (OSError, SyntaxError):
            assert name not in TAKEN
            return
        assert (png.decode(image, stream) is not None) == (name in TAKEN)


def test_other_formats_are_left_to_pillow(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("rb") as stream, Image.open(stream) as image:
        assert png.decode(image, stream) is None


def test_large_pictures_are_left_to_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_LARGEST", 44 * 181)
    assert direct(png, PLAIN, tmp_path / "a.png")
    monkeypatch.setattr(png, "_LARGEST", 44 * 181 - 1)
    assert not direct(png, PLAIN, tmp_path / "a.png")
    monkeypatch.setattr(png, "_LARGEST", 44 * 181)
    assert not direct(png, PLAIN + bytes(44 * 181), tmp_path / "a.png")


def summed(data: bytes) -> bytes:
    """A zlib stream with the checksum of what it inflates to, where it does."""
    with suppress(zlib.error):
        return data[:-4] + zlib.adler32(zlib.decompress(data[2:-4], -15)).to_bytes(4, "big")
    return data


def test_mutated_files_give_the_same_result(tmp_path: Path) -> None:
    chance = random.Random(11)
    models = [encoded(in_mode(mode, (60, 44)), **({"bits": 8} if mode == "P" else {})) for mode in MODES]
    models += [unfiltered(in_mode(mode, (60, 44))) for mode in MODES]
    ends = {"taken": 0, "hashed": 0, "refused": 0}
    path = tmp_path / "a.png"
    for _unused in range(MUTATED):
        model = chance.choice(models)
        data = bytearray(compressed(model) if chance.random() < 0.8 else model)
        deep = len(data) < len(model)
        if deep and chance.random() < 0.4:
            data = bytearray(zlib.decompress(data))
        for _unused in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(data))
            if chance.randrange(3):
                data[at] = chance.randrange(256)
            else:
                del data[at : at + chance.randrange(1, 40)]
        if deep:
            # With right checksums, so that the damage is only seen further in.
            inflated = len(data) > len(compressed(model))
            data = bytearray(with_pixels(zlib.compress(data) if inflated else summed(bytes(data)), model))
        first, second = both(png, bytes(data), path)
        assert first == second
        ends["hashed" if isinstance(first, tuple) else "refused"] += 1
        try:
            ends["taken"] += direct(png, bytes(data), path)
        except (OSError, SyntaxError):
            continue
    assert min(ends.values()) > MUTATED / 12, ends


def test_a_decoder_that_gives_other_pixels_is_not_used(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        eof, unused_data = True, b""

        def decompress(self, _data: bytes, size: int) -> bytes:
            return bytes(size)

    module = importlib.import_module(package)
    if package == "deflate":
        monkeypatch.setattr(module, "zlib_decompress", lambda _data, size: bytearray(size))
        monkeypatch.setattr(module, "adler32", lambda _lines: 0)
    else:
        monkeypatch.setattr(module, "decompressobj", Wrong)
    png.forget()
    assert not png.load()


def test_without_a_package_pillow_inflates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)
    png.forget()
    assert not png.load()
    (tmp_path / "a.png").write_bytes(PLAIN)
    assert isinstance(outcome(tmp_path / "a.png"), tuple)


@pytest.mark.parametrize("missing", ["zlib_decompress", "adler32", "crc32", "DeflateError"])
def test_an_old_libdeflate_is_passed_over(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delattr(pytest.importorskip("deflate"), missing)
    png.forget()
    assert png.load()
    assert png._zlib is not None
    assert png._zlib.crc32 is importlib.import_module("zlib_ng.zlib_ng").crc32


def test_libdeflate_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pytest.importorskip("deflate")
    png.forget()
    monkeypatch.setattr(png, "_zlib_ng", lambda: pytest.fail("loaded zlib-ng"))
    assert png.load()


def test_a_rule_of_deflate_that_libdeflate_does_not_mind(package: str, tmp_path: Path) -> None:
    """The case in the README of the role runtime: a hand-made stream, here with a length code that is reserved."""
    # A block of fixed codes: the literal 0, length code 286, distance code 0, the end; bits from the lowest on.
    bits = "110" + "00110000" + "11000110" + "00000" + "0000000"
    raw = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    lines = bytes(259)
    with pytest.raises(zlib.error):
        zlib.decompress(raw, -15)
    data = with_pixels(b"\x78\x01" + raw + zlib.adler32(lines).to_bytes(4, "big"), encoded(Image.new("L", (36, 7))))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with path.open("rb") as stream, Image.open(stream) as image:
        found = png.decode(image, stream)
    assert (found is not None) == (package == "deflate")
    png.forget()
    assert outcome(path) == "broken"
