"""Mutated pictures through the engine: the run ends, and each has the hash that ImageHash gives it, or a reason."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Iterator, List

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "playbooks" / "collections"), str(HERE.parents[1] / "tests" / "unit" / "dhash")]

import imagehash  # noqa: E402
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import Outcome, hash_all  # noqa: E402
from drawn import kinds  # noqa: E402
from PIL import Image, ImageFile  # noqa: E402

BATCH = 500


def mutated(dice: random.Random, seeds: List[bytes]) -> bytes:
    """One of the seeds, changed in one to eight places or cut, doubled, or crossed with another."""
    data = bytearray(dice.choice(seeds))
    for _unused in range(dice.choice((1, 1, 2, 8))):
        how, at = dice.randrange(6), dice.randrange(len(data) or 1)
        if how == 0 and data:
            data[at] ^= 1 << dice.randrange(8)
        elif how == 1 and data:
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif how == 2:
            del data[at : at + dice.choice((1, 4, 100))]
        elif how == 3:
            data[at:at] = dice.randbytes(dice.choice((1, 4, 100)))
        elif how == 4:
            data[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"))
        else:
            other = dice.choice(seeds)
            data[at : at + 64] = other[at : at + 64]
    return bytes(data[: dice.randrange(len(data) + 1)] if dice.random() < 0.1 else data)


def seeds_in(folder: Path) -> List[bytes]:
    """The small drawn pictures, of every format."""
    found = []
    for name, save in kinds().items():
        path = folder / name
        save(path)
        if path.stat().st_size < 200_000:
            found.append(path.read_bytes())
    return found


def wrong(outcome: Outcome, path: Path) -> bool:
    """Whether an outcome is neither a reason nor the hash of ImageHash."""
    if outcome.dhash is None:
        return not (outcome.error and len(outcome.reasons) == 1)
    try:
        with Image.open(path) as picture:
            return str(imagehash.dhash(picture)) != outcome.dhash
    except Exception as error:
        print(f"{path}: hashed by the engine, not by ImageHash: {error!r}")
        return True


def batches(count: int, dice: random.Random, folder: Path) -> Iterator[List[Path]]:
    """Files of mutations; each batch goes before the next comes."""
    seeds = seeds_in(folder)
    for start in range(0, count, BATCH):
        paths = [folder / f"fuzzed{number}" for number in range(min(BATCH, count - start))]
        for path in paths:
            path.write_bytes(mutated(dice, seeds))
        yield paths


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    counts: Counter[str] = Counter()
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        for paths in batches(options.count, random.Random(options.seed), folder):
            outcomes = list(hash_all(enumerate(map(str, paths)), workers=2, image_timeout=10.0, max_pixels=1 << 24))
            counts["no outcome"] += len(paths) - len(outcomes)
            for outcome in outcomes:
                counts[outcome.reasons[0] if outcome.dhash is None else "hashed"] += 1
                if wrong(outcome, paths[outcome.key]):
                    counts["wrong"] += 1
                    shutil.copy(paths[outcome.key], Path(tempfile.gettempdir()) / f"fuzz-wrong-{counts['wrong']}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = ", ".join(f"{name} {number}" for name, number in counts.most_common() if number)
    print(f"{options.count} fuzzed pictures in {time.monotonic() - started:.0f} s: {told}; wrong {counts['wrong']}")
    return 1 if counts["wrong"] or counts["no outcome"] else 0


if __name__ == "__main__":
    sys.exit(main())
