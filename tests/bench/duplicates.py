"""Pairs of dHashes that are nearly alike: beside comparing every pair, beside imagededup, and among 1,000,000 items.

As a script, one search in this process: duplicates.py NAME FILE
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Set, Tuple

import fresh
import places
from approaches import imagededup_hasher

MOST, HASHES, DISTANCE, WIDEST = 1_000_000, 5_000, 3, 10
_SEED = 64
Pairs = Set[Tuple[int, int]]


def measure(rounds: int, limit: int, tokens: Path) -> Dict[str, Any]:
    """
    :param limit: to try the bench: at most as many hashes of the corpus, and a hundred times as many items.
    :param tokens: folder of real pictures; their dHashes are what all others are made from.
    :raises SystemExit: a result is not that of comparing every pair.
    """
    home = places.CACHE / "duplicates"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try:
        real = _hashes_of(sorted(tokens.iterdir())[: limit or None])
        some = _keep(home / "hashes.json", _varied(real, min(HASHES, 100 * limit or HASHES)))
        peers = _peers(_keep(home / "real.json", real), some, rounds)
        most = min(MOST, 100 * limit or MOST)
        library = _library(home / "library.json", _varied(real, most))
        items = {name: _searched(name, library) for name in MODULE}
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {
        "real": len(real),
        "peers": peers,
        "hashes": min(HASHES, 100 * limit or HASHES),
        "items": items,
        "most": most,
    }


def _hashes_of(paths: List[Path]) -> List[int]:
    """The dHashes of the pictures, by ImageHash; each once, without those that are all zero."""
    import imagehash
    from PIL import Image

    found = set()
    for path in paths:
        with Image.open(path) as image:
            found.add(int(str(imagehash.dhash(image)), 16))
    return sorted(found - {0})


def _varied(hashes: List[int], count: int) -> List[int]:
    """As many different hashes, distributed as real ones: each a real one with up to 32 bits flipped."""
    dice = random.Random(_SEED)
    made: Set[int] = set(hashes[:count])
    while len(made) < count:
        value = dice.choice(hashes)
        for _unused in range(dice.randrange(1, 33)):
            value ^= 1 << dice.randrange(64)
        made.add(value)
    return sorted(made - {0})


def _keep(path: Path, hashes: List[int]) -> Path:
    path.write_text(json.dumps(hashes))
    return path


def _library(path: Path, hashes: List[int]) -> Path:
    items = ({"image": f"{place}.png", "dhash": f"{value:016x}"} for place, value in enumerate(hashes))
    path.write_text("[" + ",\n".join(map(json.dumps, items)) + "]")
    return path


def _peers(real: Path, some: Path, rounds: int) -> Dict[str, List[Dict[str, Any]]]:
    for distance in range(WIDEST + 1):
        same = _run(f"{OURS} {distance}", real)["answer"], _run(f"{EVERY} {distance}", real)["answer"]
        if same[0] != same[1]:
            raise SystemExit(f"distance {distance}: the pairs of the corpus are not those of comparing every pair")
    rows: Dict[str, List[Dict[str, Any]]] = {name: [] for name in SEARCHES}
    for _unused in range(rounds):
        for name, runs in rows.items():
            runs.append(_run(f"{name} {DISTANCE}", some))
            if runs[-1]["answer"] != rows[OURS][0]["answer"]:
                raise SystemExit(f"{name}: not the pairs that {OURS} finds")
    for runs in rows.values():
        for run in runs:
            run["pairs"] = len(run.pop("answer"))
    return rows


def _searched(name: str, library: Path) -> Dict[str, Any]:
    found = _run(name, library, sample=0.25)
    return {**found, **found.pop("answer"), "peak": max(found["peak"], found["rss"])}


def _run(name: str, path: Path, **options: Any) -> Dict[str, Any]:
    found: Dict[str, Any] = fresh.run([sys.executable, str(places.HERE / "duplicates.py"), name, str(path)], **options)
    print(f"{name}, {path.name}: {found['seconds']:.2f} s, {found['cpu']:.2f} s CPU", file=sys.stderr, flush=True)
    return found


def _ours(hashes: List[int], distance: int) -> Pairs:
    from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.pairs import near_pairs

    return {pair for left, right, _away in near_pairs(hashes, distance) for pair in zip(left, right)}


def _every(hashes: List[int], distance: int) -> Pairs:
    """One hash with all after it at a time, by NumPy."""
    import numpy

    values = numpy.array(hashes, dtype=numpy.uint64)
    found: Pairs = set()
    for place in range(len(values) - 1):
        near = numpy.flatnonzero(numpy.bitwise_count(values[place + 1 :] ^ values[place]) <= distance)
        found.update((place, place + 1 + int(other)) for other in near)
    return found


def _imagededup(method: str) -> Callable[[List[int], int], Pairs]:
    def search(hashes: List[int], distance: int) -> Pairs:
        logging.disable(logging.INFO)
        found = imagededup_hasher().find_duplicates(
            encoding_map={str(place): f"{value:016x}" for place, value in enumerate(hashes)},
            max_distance_threshold=distance,
            search_method=method,
        )
        return {(int(name), int(other)) for name, others in found.items() for other in others}

    return search


OURS, EVERY = "library_duplicates", "every pair, NumPy"
SEARCHES: Dict[str, Callable[[List[int], int], Pairs]] = {
    OURS: _ours,
    EVERY: _every,
    "imagededup, brute_force_cython": _imagededup("brute_force_cython"),
    "imagededup, bktree": _imagededup("bktree"),
}


def _module(with_numpy: bool) -> Callable[[str], Dict[str, Any]]:
    """What the module does with a library, and the sizes of its result."""

    def work(library: str) -> Dict[str, Any]:
        from ansible_collections.mobius.dhash.plugins.module_utils.duplicates import pairs
        from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.find import find
        from ansible_collections.mobius.dhash.plugins.module_utils.duplicates.model import Request

        if not with_numpy:
            pairs.numpy = None
        result = find(Request(library, distance=DISTANCE))
        return {name: result[name] for name in ("pairs", "compared")}

    return work


MODULE = {"with NumPy": _module(True), "standard library": _module(False)}


def main() -> None:
    name, path = sys.argv[1:]
    if name in MODULE:
        fresh.serve(lambda: MODULE[name](path))
        return
    search, distance = name.rsplit(" ", 1)
    hashes = json.loads(Path(path).read_text())
    # Imports are not timed.
    SEARCHES[search](hashes[:2], int(distance))
    fresh.serve(lambda: sorted({(int(min(pair)), int(max(pair))) for pair in SEARCHES[search](hashes, int(distance))}))


if __name__ == "__main__":
    main()
