"""Pictures for the tests, all drawn here."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from PIL import Image, ImageChops, ImageDraw

Size = Tuple[int, int]


def scene(size: Size = (97, 71), seed: int = 1) -> Image.Image:
    """A colourful picture with texture and shapes, never the same twice for two seeds."""
    chance = random.Random(seed)
    small = Image.new("RGB", (7, 6))
    small.putdata([tuple(chance.randrange(256) for _unused in range(3)) for _unused in range(42)])
    picture = small.resize(size, Image.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _unused in range(6):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        draw.ellipse(
            (x, y, x + size[0] // 4, y + size[1] // 4), fill=tuple(chance.randrange(256) for _unused in range(3))
        )
    return picture


def alpha_mask(size: Size) -> Image.Image:
    return Image.linear_gradient("L").resize(size)


def _save(picture: Image.Image, **options: object) -> Callable[[Path], None]:
    return partial(picture.save, **options)


def _frames(kind: str, **options: object) -> Callable[[Path], None]:
    first, *rest = [scene(seed=seed) for seed in (1, 2, 3)]
    return lambda path: first.save(path, kind, save_all=True, append_images=rest, duration=40, **options)


def _greys(mode: str) -> Image.Image:
    return scene().convert("L").convert(mode)


def _deep() -> Image.Image:
    picture = Image.new("I;16", (60, 50))
    picture.putdata([(x * 1021 + y * 509) % 65536 for y in range(50) for x in range(60)])
    return picture


def _hidden_colours() -> Image.Image:
    picture = scene().convert("RGBA")
    picture.putalpha(alpha_mask(picture.size))
    return picture


def _palette(transparency: object) -> Callable[[Path], None]:
    return _save(scene().quantize(32), transparency=transparency)


def _turned() -> Callable[[Path], None]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _save(scene(), exif=exif)


def kinds() -> Dict[str, Callable[[Path], None]]:
    """File name -> writer, one for each kind of picture that a library may hold."""
    found = {
        "rgb.png": _save(scene()),
        "grey.png": _save(_greys("L")),
        "grey-alpha.png": _save(_hidden_colours().convert("LA")),
        "one-bit.png": _save(scene().convert("1")),
        "palette.png": _save(scene().quantize(16)),
        "palette-colour.png": _palette(3),
        "palette-alpha.png": _palette(bytes(range(0, 256, 8))),
        "alpha.png": _save(_hidden_colours()),
        "deep.png": _save(_deep()),
        "deep.tif": _save(_deep()),
        "integer.tif": _save(_greys("I")),
        "float.tif": _save(_greys("F")),
        "cmyk.tif": _save(scene().convert("CMYK")),
        "cmyk.jpg": _save(scene().convert("CMYK")),
        "inverted-cmyk.jpg": _save(ImageChops.invert(scene().convert("CMYK"))),
        "baseline.jpg": _save(scene((311, 207)), quality=85),
        "progressive.jpg": _save(scene((311, 207)), progressive=True, subsampling=0),
        "grey.jpg": _save(_greys("L")),
        "turned.jpg": _turned(),
        "animated.gif": _frames("GIF"),
        "animated.png": _frames("PNG"),
        "interlaced.gif": _save(scene().quantize(64), interlace=True),
        "plain.bmp": _save(scene()),
        "plain.ppm": _save(scene()),
        "plain.tga": _save(scene()),
        "plain.ico": _save(scene((64, 64))),
        "wrong-suffix.jpg": lambda path: scene().save(path, "PNG"),
        "no-suffix": lambda path: scene().save(path, "PNG"),
        "wide.png": _save(scene((900, 12))),
        "tall.png": _save(scene((11, 900))),
        "one-pixel.png": _save(Image.new("RGB", (1, 1), "red")),
        "few-pixels.png": _save(scene((5, 4))),
        "large.jpg": _save(scene((1900, 1300))),
    }
    Image.init()
    if "WEBP" in Image.SAVE:
        found.update({"animated.webp": _frames("WEBP"), "lossy.webp": _save(_hidden_colours(), quality=60)})
    if "AVIF" in Image.SAVE:
        found["plain.avif"] = _save(scene())
    if "JPEG2000" in Image.SAVE:
        found["plain.jp2"] = _save(scene())
    return found


def smooth(size: Size, background: str, draw_it: Callable[[ImageDraw.ImageDraw, float, float], None]) -> Image.Image:
    """Draw at four times the size and shrink, so that edges are antialiased; the callback gets width and height."""
    picture = Image.new("RGB", (size[0] * 4, size[1] * 4), background)
    draw_it(ImageDraw.Draw(picture), size[0] * 4.0, size[1] * 4.0)
    return picture.resize(size, Image.LANCZOS)


def game_components() -> Dict[str, Image.Image]:
    """Ordinary game components as a designer draws them."""
    found = {f"die-{pips}": smooth((240, 240), "#1d6f42", _die(pips)) for pips in range(1, 7)}
    for name, colour in (("red", "#c0392b"), ("blue", "#2255cc"), ("yellow", "#f1c40f"), ("black", "#222222")):
        found[f"meeple-{name}"] = smooth((256, 256), "white", _meeple(colour))
        found[f"card-{name}"] = smooth((252, 352), "#30475e", _card(colour))
    found["board-8"] = smooth((400, 400), "#5b3a1e", _board(8))
    found["board-5"] = smooth((360, 300), "#2c3e50", _board(5))
    return found


def _die(pips: int) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    places: Dict[int, List[Tuple[float, float]]] = {
        1: [(0.5, 0.5)],
        2: [(0.3, 0.3), (0.7, 0.7)],
        3: [(0.3, 0.3), (0.5, 0.5), (0.7, 0.7)],
        4: [(0.3, 0.3), (0.3, 0.7), (0.7, 0.3), (0.7, 0.7)],
    }
    places[5] = [*places[4], (0.5, 0.5)]
    places[6] = [*places[4], (0.3, 0.5), (0.7, 0.5)]

    def draw_it(draw: ImageDraw.ImageDraw, width: float, height: float) -> None:
        for step in range(40):  # light from above
            draw.rectangle((0, height * step / 40, width, height * (step + 1) / 40), fill=(20, 90 + step, 60 + step))
        draw.rounded_rectangle((width * 0.12, height * 0.12, width * 0.88, height * 0.88), width * 0.12, fill="#f7f3e8")
        for x, y in places[pips]:
            draw.ellipse(
                (width * (x - 0.08), height * (y - 0.08), width * (x + 0.08), height * (y + 0.08)), fill="#222"
            )

    return draw_it


def _meeple(colour: str) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    def draw_it(draw: ImageDraw.ImageDraw, width: float, height: float) -> None:
        draw.rectangle((0, height * 0.8, width, height), fill="#d9c7a0")
        draw.ellipse((width * 0.36, height * 0.1, width * 0.64, height * 0.38), fill=colour)
        body = [(0.5, 0.3), (0.9, 0.45), (0.85, 0.56), (0.66, 0.55), (0.8, 0.9), (0.2, 0.9), (0.34, 0.55), (0.15, 0.56)]
        draw.polygon([(width * x, height * y) for x, y in [*body, (0.1, 0.45)]], fill=colour)

    return draw_it


def _card(colour: str) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    def draw_it(draw: ImageDraw.ImageDraw, width: float, height: float) -> None:
        box = (width * 0.05, height * 0.04, width * 0.95, height * 0.96)
        draw.rounded_rectangle(box, width * 0.08, fill="#fbf7ec", outline=colour, width=int(width * 0.03))
        draw.polygon(
            [(width * 0.5, height * 0.2), (width * 0.8, height * 0.42), (width * 0.2, height * 0.45)], fill=colour
        )
        for line in range(5):
            y = height * (0.58 + line * 0.06)
            draw.line((width * 0.18, y, width * (0.8 - line * 0.09), y), fill="#777", width=int(width * 0.015))

    return draw_it


def _board(cells: int) -> Callable[[ImageDraw.ImageDraw, float, float], None]:
    def draw_it(draw: ImageDraw.ImageDraw, width: float, height: float) -> None:
        chance = random.Random(cells)
        for row in range(cells):
            for column in range(cells):
                left, top = width * (0.05 + 0.9 * column / cells), height * (0.05 + 0.9 * row / cells)
                box = (left, top, left + width * 0.9 / cells, top + height * 0.9 / cells)
                draw.rectangle(box, fill=("#e8d3a9", "#8f5b34", "#6a8f4e")[(row + column + chance.randrange(2)) % 3])

    return draw_it
