"""Draw a sample library of 60 game components: python3 draw.py LIBRARY IMAGE_ROOT.

LIBRARY is the file to write, IMAGE_ROOT gets images/: 56 ordinary pictures, two flat ones, a torn one; of one item
it is missing. The same Pillow draws the same bytes each time. A library that is there already is left alone.
"""

from __future__ import annotations

import colorsys
import io
import json
import math
import os
import random
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from PIL import Image, ImageDraw, ImageFilter

SIZE = 320
SCALE = 2  # drawn larger and reduced, so that edges are smooth
Colour = Tuple[int, int, int]
GOLDEN_ANGLE = 0.381966


def hue(number: float, saturation: float = 0.62, value: float = 0.86) -> Colour:
    """The colours of a series lie far apart, however long it gets."""
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN_ANGLE % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other))
    return red, green, blue


class Canvas:
    """A table top under a lamp, to draw one component on; lengths are parts of its side."""

    def __init__(self, seed: int, aspect: float = 1.0) -> None:
        self.chance = random.Random(seed)
        self.width, self.height = SIZE * SCALE, int(SIZE * SCALE * aspect)
        self.image = self._table(hue(seed + 0.5, 0.45, 0.55))
        self.pen = ImageDraw.Draw(self.image)

    def _table(self, colour: Colour) -> Image.Image:
        lamp = Image.radial_gradient("L").resize((2 * self.width, 2 * self.height))
        left, top = (int(self.chance.uniform(0.1, 0.9) * side) for side in (self.width, self.height))
        light = lamp.crop((left, top, left + self.width, top + self.height))
        table = Image.composite(
            Image.new("RGB", light.size, mix(colour, (0, 0, 0), 0.75)),
            Image.new("RGB", light.size, mix(colour, (255, 255, 255), 0.35)),
            light,
        )
        size = (self.width // 8, self.height // 8)
        grain = Image.frombytes("L", size, self.chance.randbytes(size[0] * size[1]))
        return Image.blend(table, Image.merge("RGB", [grain.resize(light.size, Image.Resampling.BICUBIC)] * 3), 0.1)

    def points(self, *pairs: Tuple[float, float]) -> List[Tuple[float, float]]:
        return [(x * self.width, y * self.height) for x, y in pairs]

    def shadow(self, draw: Callable[[ImageDraw.ImageDraw, float], Any]) -> None:
        """Soften what ``draw`` paints with a pen and an offset, below and to the right of the component."""
        mask = Image.new("L", self.image.size)
        draw(ImageDraw.Draw(mask), 0.035 * self.width)
        soft = mask.filter(ImageFilter.GaussianBlur(0.02 * self.width)).point(lambda level: level * 5 // 8)
        self.image.paste((10, 10, 16), mask=soft)
        self.pen = ImageDraw.Draw(self.image)

    def finished(self) -> Image.Image:
        return self.image.resize((self.width // SCALE, self.height // SCALE), Image.Resampling.LANCZOS)


def die(number: int) -> Image.Image:
    canvas, colour = Canvas(100 + number), hue(number)
    low, high = 0.16 * canvas.width, 0.84 * canvas.width
    radius = 0.12 * canvas.width
    canvas.shadow(lambda pen, by: pen.rounded_rectangle((low + by, low + by, high + by, high + by), radius, fill=255))
    canvas.pen.rounded_rectangle((low, low, high, high), radius, fill=mix(colour, (0, 0, 0), 0.25))
    canvas.pen.rounded_rectangle((low, low, high - 14, high - 14), radius, fill=colour)
    places = {1: [4], 2: [0, 8], 3: [0, 4, 8], 4: [0, 2, 6, 8], 5: [0, 2, 4, 6, 8], 6: [0, 2, 3, 5, 6, 8]}
    for place in places[number % 6 + 1]:
        x, y = ((0.32 + 0.18 * part) * canvas.width for part in (place % 3, place // 3))
        canvas.pen.ellipse((x - 34, y - 34, x + 34, y + 34), fill=mix(colour, (255, 255, 255), 0.92))
    return canvas.finished()


def meeple(number: int) -> Image.Image:
    canvas, colour = Canvas(200 + number), hue(number + 0.3)
    body = [(0.5, 0.36), (0.66, 0.4), (0.9, 0.56), (0.86, 0.64), (0.66, 0.6), (0.8, 0.9), (0.6, 0.9), (0.5, 0.74)]
    lean = 0.05 * math.sin(number * 1.7)
    outline = canvas.points(*[(x + lean * (0.9 - y), y) for x, y in body + [(1 - x, y) for x, y in reversed(body)]])
    centre, radius = (0.5 + 0.65 * lean) * canvas.width, 0.16 * canvas.width

    def shape(pen: ImageDraw.ImageDraw, by: float, fill: Any) -> None:
        pen.polygon([(x + by, y + by) for x, y in outline], fill=fill)
        top = 0.26 * canvas.height
        pen.ellipse((centre - radius + by, top - radius + by, centre + radius + by, top + radius + by), fill=fill)

    canvas.shadow(lambda pen, by: shape(pen, by, 255))
    shape(canvas.pen, 7, mix(colour, (0, 0, 0), 0.4))
    shape(canvas.pen, 0, colour)
    canvas.pen.ellipse(
        (centre - 0.09 * canvas.width, 0.15 * canvas.height, centre, 0.23 * canvas.height),
        fill=mix(colour, (255, 255, 255), 0.5),
    )
    return canvas.finished()


def card(number: int) -> Image.Image:
    canvas, colour = Canvas(300 + number, 1.35), hue(number + 0.7)
    box = (0.08 * canvas.width, 0.06 * canvas.height, 0.9 * canvas.width, 0.93 * canvas.height)
    canvas.shadow(lambda pen, by: pen.rounded_rectangle([edge + by for edge in box], 40, fill=255))
    canvas.pen.rounded_rectangle(box, 40, fill=(246, 240, 226))
    picture = (box[0] + 34, box[1] + 34, box[2] - 34, 0.58 * canvas.height)
    canvas.pen.rectangle(picture, fill=mix(colour, (20, 30, 70), 0.45))
    for hill in range(4):
        peak = canvas.chance.uniform(0.2, 0.8) * canvas.width
        high = canvas.chance.uniform(0.16, 0.4) * canvas.height
        foot = picture[3]
        left, right = max(picture[0], peak - 0.3 * canvas.width), min(picture[2], peak + 0.3 * canvas.width)
        canvas.pen.polygon([(left, foot), (peak, high), (right, foot)], fill=mix(colour, (240, 250, 210), 0.2 * hill))
    sun = canvas.chance.uniform(0.25, 0.75) * canvas.width
    canvas.pen.ellipse((sun - 44, 0.13 * canvas.height, sun + 44, 0.13 * canvas.height + 88), fill=(255, 214, 92))
    for line in range(3 + number % 3):
        y, end = (0.64 + 0.05 * line) * canvas.height, canvas.chance.uniform(0.5, 0.84) * canvas.width
        canvas.pen.rounded_rectangle((box[0] + 34, y, end, y + 20), 10, fill=mix(colour, (60, 50, 40), 0.6))
    return canvas.finished()


def board(number: int) -> Image.Image:
    canvas = Canvas(400 + number)
    cells = 4 + number % 4
    margin = 0.07 * canvas.width
    side = (canvas.width - 2 * margin) / cells
    edges = (margin - 14, margin - 14, canvas.width - margin + 14, canvas.width - margin + 14)
    canvas.shadow(lambda pen, by: pen.rectangle([edge + by for edge in edges], fill=255))
    canvas.pen.rectangle(edges, fill=(92, 62, 40))
    for cell in range(cells * cells):
        x, y = margin + cell % cells * side, margin + cell // cells * side
        shade = mix(hue(number + canvas.chance.randrange(3) / 5), (236, 222, 190), canvas.chance.uniform(0.1, 0.8))
        canvas.pen.rectangle((x, y, x + side - 6, y + side - 6), fill=shade)
        if canvas.chance.random() < 0.3:
            canvas.pen.ellipse(
                (x + side / 4, y + side / 4, x + side * 3 / 4, y + side * 3 / 4), fill=hue(cell + number)
            )
    return canvas.finished()


def token(number: int) -> Image.Image:
    canvas, colour = Canvas(500 + number), hue(number + 0.15)
    middle, radius = canvas.width / 2, 0.36 * canvas.width
    disc = (middle - radius, middle - radius, middle + radius, middle + radius)
    canvas.shadow(lambda pen, by: pen.ellipse([edge + by for edge in disc], fill=255))
    canvas.pen.ellipse(disc, fill=colour, outline=mix(colour, (0, 0, 0), 0.5), width=16)
    rays = 5 + number % 5
    star = []
    for ray in range(2 * rays):
        length = radius * (0.78 if ray % 2 == 0 else 0.36)
        angle = math.pi * ray / rays + number
        star.append((middle + length * math.cos(angle), middle + length * math.sin(angle)))
    canvas.pen.polygon(star, fill=mix(colour, (255, 255, 240), 0.75))
    return canvas.finished()


SERIES = {"die": (die, 14), "meeple": (meeple, 12), "card": (card, 14), "board": (board, 8), "token": (token, 8)}


def write(path: Path, data: bytes) -> None:
    """Under a temporary name first: a killed run must not leave half a picture that looks finished."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def encoded(image: Image.Image, name: str) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG" if name.endswith(".jpg") else "PNG", quality=90)
    return data.getvalue()


def components(images: Path) -> List[Dict[str, Any]]:
    """Draw every picture into ``images`` and describe the 60 components."""
    found: List[Dict[str, Any]] = []
    for kind, (draw, count) in SERIES.items():
        for number in range(count):
            name = f"{kind}-{number + 1:02d}" + (".jpg" if kind in ("card", "board") else ".png")
            write(images / name, encoded(draw(number), name))
            # Both spellings occur in the wild, and both are read under the image root.
            reference = f"/images/{name}" if number % 5 == 4 else f"images/{name}"
            found.append({"id": f"{kind}-{number + 1}", "name": f"{kind.title()} {number + 1}", "image": reference})
    for name, shade in (("blank-card.png", (250, 250, 248)), ("black-tile.png", (12, 12, 14))):
        write(images / name, encoded(Image.new("RGB", (SIZE, SIZE), shade), name))
        found.append(
            {"id": Path(name).stem, "name": Path(name).stem.replace("-", " ").title(), "image": f"images/{name}"}
        )
    whole = (images / "meeple-01.png").read_bytes()
    write(images / "torn-map.png", whole[: len(whole) // 3])
    found.append({"id": "torn-map", "name": "Torn map", "image": "images/torn-map.png"})
    found.append({"id": "lost-crown", "name": "Lost crown", "image": "images/lost-crown.png"})
    # Two values that some script made up: they are not a dHash, and are kept as legacy.
    found[3]["dhash"] = "hash_sushi-go_1758752108"
    found[7]["dhash"] = None
    return found


def main() -> int:
    library, images = Path(sys.argv[1]), Path(sys.argv[2]) / "images"
    if library.exists():
        return 0
    os.umask(0o027)
    library.parent.mkdir(parents=True, exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    document = {"title": "Sample games", "version": 1.0, "components": components(images)}
    write(library, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
