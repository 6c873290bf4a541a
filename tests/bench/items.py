"""Migrations of 1,000 to 1,000,000 items, by the logic of dhash_migrate: time, memory, and what a second run costs.

As a script, one migration in this process: items.py LIBRARY IMAGE_ROOT; or its work on JSON alone, or the standard
library's: items.py --json-work|--json-module LIBRARY
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Dict, Iterator, List

import fresh
import places

SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: Runs of the largest one take minutes.
_ONCE = 1_000_000
_REAL = 100_000
_DRAWN = 500
_SIDE = 64
_A_FOLDER = 1000
_TEXT = "A piece of a game that exists to fill the library of the bench with text as a real one has. " * 2
_SAME = {"price": 1.5, "tags": ["wood", "token"], "description": _TEXT}


def measure(rounds: int, limit: int, tokens: Path) -> Dict[str, Any]:
    """
    :param limit: to try the bench: a hundred times as many items at most; 0 for all.
    :param tokens: folder of real small pictures, for one measurement with those.
    """
    home = places.CACHE / "items"
    shutil.rmtree(home, ignore_errors=True)
    sizes = [size for size in SIZES if not limit or size <= max(SIZES[0], 100 * limit)]
    rows = []
    try:
        _link(home / "images", _draw(home / "drawn"), max(sizes))
        for size in sizes:
            rows.append(_size(home, size, 1 if size >= _ONCE else rounds))
        real = _with(home, sorted(tokens.iterdir()), min(_REAL, max(sizes))) if tokens.is_dir() else None
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {"rows": rows, "real": real, "drawn": _DRAWN, "side": _SIDE}


def _with(home: Path, pictures: List[Path], size: int) -> Dict[str, Any]:
    """One round with real pictures, copied, so that links on them change nothing."""
    own = home / "real"
    own.mkdir()
    copies = [Path(shutil.copy(path, own / f"{number:06d}{path.suffix}")) for number, path in enumerate(pictures)]
    shutil.rmtree(home / "images")
    _link(home / "images", copies, size)
    return {**_size(home, size, 1), "pictures": len(copies)}


def _draw(folder: Path) -> List[Path]:
    """Small pictures, the same ones each time."""
    from PIL import Image, ImageDraw

    folder.mkdir(parents=True)
    drawn, dice = [], random.Random(64)
    for number in range(_DRAWN):
        turned = Image.linear_gradient("L").resize((_SIDE, _SIDE)).rotate(dice.randrange(360), fillcolor=90)
        image = turned.convert("RGB")
        pen = ImageDraw.Draw(image)
        for _unused in range(4):
            left, top = dice.randrange(_SIDE), dice.randrange(_SIDE)
            colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
            pen.ellipse((left, top, left + dice.randrange(8, 30), top + dice.randrange(8, 30)), fill=colour)
        drawn.append(folder / f"{number}.png")
        image.save(drawn[-1])
    return drawn


def _name(number: int) -> str:
    return f"{number // _A_FOLDER:04d}/{number:07d}"


def _link(root: Path, pictures: List[Path], count: int) -> None:
    """A path of its own for each item; the pictures behind them repeat."""
    for number, picture in zip(range(count), cycle(pictures)):
        if number % _A_FOLDER == 0:
            (root / _name(number)).parent.mkdir(parents=True)
        os.link(picture, root / _name(number))


def _lines(count: int) -> Iterator[str]:
    yield '{\n  "name": "bench",\n  "components": [\n'
    for number in range(count):
        item = {"id": f"item-{number:07d}", "name": f"Piece {number}", "image": _name(number), "players": 4, **_SAME}
        yield f"    {json.dumps(item)}{',' if number + 1 < count else ''}\n"
    yield "  ]\n}\n"


def _size(home: Path, size: int, rounds: int) -> Dict[str, Any]:
    row: Dict[str, Any] = {"items": size, "first": [], "again": [], "one": [], "json_module": [], "json_work": []}
    for number in range(rounds):
        place = home / f"library-{size}-{number}"
        place.mkdir()
        library = place / "library.json"
        with library.open("w", encoding="utf-8") as stream:
            stream.writelines(_lines(size))
        row["json"] = library.stat().st_size
        os.sync()
        row["json_work"].append(_alone("--json-work", library))
        for name in ("first", "again", "one"):
            if name == "one":
                _renew(library, size // 2)
                row["json_module"].append(_alone("--json-module", library))
            row[name].append(_migrate(library, home / "images", name, size))
        shutil.rmtree(place)
    return row


def _renew(library: Path, number: int) -> None:
    """Take what the migration wrote out of one item, as if it were new."""
    new = library.with_suffix(".new")
    with library.open(encoding="utf-8") as old, new.open("w", encoding="utf-8") as stream:
        for line in old:
            if f'"item-{number:07d}"' in line:
                line = re.sub(r', "dhash".*\}', "}", line)
            stream.write(line)
    os.replace(new, library)


def _alone(what: str, library: Path) -> Dict[str, Any]:
    found = fresh.run([sys.executable, str(places.HERE / "items.py"), what, str(library)], sample=0.25)
    return {**found, "peak": max(found["peak"], found["rss"])}


def _load_and_dump(path: str) -> None:
    """What the standard library takes to read and write the file, in place of all that a migration does."""
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        document = json.load(stream)
    with open(f"{path}.dumped", "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(document, stream)


def _json_work(path: str) -> int:
    """Read, edit and prove a library in which every item changes, without pictures; returns the number of items."""
    from ansible_collections.mobius.dhash.plugins.module_utils.library.document import open_document
    from ansible_collections.mobius.dhash.plugins.module_utils.library.edit import Verdict
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.edited import Edited
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.positions import Positions
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.tally import Tally

    tally, positions = Tally(0.7), Positions()
    with open_document(path) as document:
        items = document.items()
        while chunk := list(islice(items, 500)):
            positions.add(chunk)
            for number in range(tally.admit(len(chunk)), tally.items):
                tally.put(number, Verdict(f"{number:016x}", 0.9531, ()))
                tally.edit(number)
        edited = Edited(document, Options(path), tally, positions, {"items": tally.items})
        with open(f"{path}.edited", "wb") as stream:  # noqa: PTH123
            edited.write(stream)
        edited.prove(f"{path}.edited")
    return tally.items


def _migrate(library: Path, root: Path, name: str, size: int) -> Dict[str, Any]:
    command = [sys.executable, str(places.HERE / "items.py"), str(library), str(root)]
    run = fresh.run(command, sample=0.02 if size <= 10_000 else 0.25)
    answer = run.pop("answer")
    key = "hashed" if name == "first" else "unchanged"
    if answer[key] != size or answer["changed_items"] != {"first": size, "again": 0, "one": 1}[name]:
        raise SystemExit(f"{size} items, {name} run: not as it has to be: {answer}")
    reported = f"{size:,} items, {name} run: {run['seconds']:.2f} s, {run['cpu']:.2f} s CPU, {run['peak'] / 1e6:.0f} MB"
    print(reported, file=sys.stderr, flush=True)
    return {**run, "peak": max(run["peak"], run["rss"])}


def main() -> None:
    alone = {"--json-module": _load_and_dump, "--json-work": _json_work}.get(sys.argv[1])
    if alone is not None:
        # What it imports is not timed.
        import_module("ansible_collections.mobius.dhash.plugins.module_utils.migration.edited")
        fresh.serve(lambda: alone(sys.argv[2]))
        return
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.apply import migrate
    from ansible_collections.mobius.dhash.plugins.module_utils.migration.options import Options

    options = Options(sys.argv[1], image_root=sys.argv[2])
    fresh.serve(lambda: {name: value for name, value in migrate(options).items() if isinstance(value, (bool, int))})


if __name__ == "__main__":
    main()
