"""A small library with real pictures, and what else may lie around in one."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
from PIL import Image, ImageDraw


def draw(path: Path, seed: int) -> None:
    dice = random.Random(seed)
    image = Image.new("RGB", (120, 90), (dice.randrange(256), 40, 90))
    pen = ImageDraw.Draw(image)
    for _unused in range(25):
        left, top = dice.randrange(100), dice.randrange(70)
        colour = tuple(dice.randrange(256) for _unused in range(3))
        pen.ellipse([left, top, left + dice.randrange(5, 60), top + dice.randrange(5, 60)], fill=colour)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


class Site:
    """A folder with ``library.json`` and ``images``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.library = home / "library.json"
        self.state = home / ".library.json.dhash"

    def pictures(self, count: int) -> list:
        for number in range(count):
            draw(self.home / f"images/{number}.png", number)
        self.age()
        return [f"images/{number}.png" for number in range(count)]

    def age(self) -> None:
        """Let the pictures be older than the tick of a clock: younger ones are hashed again to be sure."""
        time.sleep(0.03)

    def write(self, document, **style) -> bytes:
        self.library.write_text(
            document if isinstance(document, str) else json.dumps(document, **{"indent": 2, **style})
        )
        return self.library.read_bytes()

    def read(self):
        return json.loads(self.library.read_bytes())

    def migrate(self, check_mode=False, output=None, deployment=None, unchanged_only=False, **options):
        return migrate(
            Options(str(self.library), **{"workers": 1, "max_failure_rate": 100, **options}),
            check_mode=check_mode,
            output=None if output is None else str(output),
            deployment=deployment,
            unchanged_only=unchanged_only,
        )

    def tree(self) -> dict:
        return {
            str(path.relative_to(self.home)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
            for path in sorted(self.home.rglob("*"))
        }


def swap(first: Path, second: Path) -> None:
    """Exchange two files by name."""
    spare = first.with_name("spare")
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
