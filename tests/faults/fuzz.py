"""Mutated pictures through the engine: the run ends, and each has the hash that ImageHash gives it, or a reason."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Iterator, List

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parent),
    str(HERE.parents[1] / "playbooks" / "collections"),
]

import imagehash  # noqa: E402
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import Outcome, hash_all  # noqa: E402
from ansible_collections.mobius.dhash.tests.support.drawn import kinds  # noqa: E402
from PIL import Image, ImageFile  # noqa: E402
from progress import Progress, duration  # noqa: E402

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


def batches(count: int, seed: int, folder: Path, first: int = 0) -> Iterator[List[Path]]:
    """Files of mutations; each batch goes before the next comes, and depends on the seed and its place alone."""
    seeds = seeds_in(folder)
    for start in range(first, count, BATCH):
        dice = random.Random(f"{seed} {start}")
        paths = [folder / f"fuzzed{number}" for number in range(min(BATCH, count - start))]
        for path in paths:
            path.write_bytes(mutated(dice, seeds))
        yield paths


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help=f"go on from this one, a multiple of {BATCH}")
    options = parser.parse_args()
    if options.start % BATCH:
        parser.error(f"--start must be a multiple of {BATCH}")
    warnings.simplefilter("ignore")
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    counts: Counter[str] = Counter()
    started = time.monotonic()
    done = options.start
    progress = Progress("fuzz", options.count - options.start)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    # So that what is there is printed then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for paths in batches(options.count, options.seed, folder, options.start):
            counts += judged(paths)
            done += len(paths)
            progress.advance(len(paths))
    except KeyboardInterrupt:
        again = f"--seed {options.seed} --start {done}"
        print(f"interrupted after {done}. Next: {sys.executable} {sys.argv[0]} {again}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcomes = ", ".join(f"{name} {number}" for name, number in counts.most_common() if number)
    spent = duration(time.monotonic() - started)
    print(f"{done - options.start} fuzzed pictures in {spent}: {outcomes}; wrong {counts['wrong']}")
    if done < options.count:
        return 130
    return 1 if counts["wrong"] or counts["no outcome"] else 0


def judged(paths: List[Path]) -> Counter[str]:
    """How the engine's outcomes for these files compare with ImageHash, by reason; wrong ones are kept."""
    counts: Counter[str] = Counter()
    outcomes = list(hash_all(enumerate(map(str, paths)), workers=2, image_timeout=10.0, max_pixels=1 << 24))
    counts["no outcome"] += len(paths) - len(outcomes)
    for outcome in outcomes:
        counts[outcome.reasons[0] if outcome.dhash is None else "hashed"] += 1
        if wrong(outcome, paths[outcome.key]):
            counts["wrong"] += 1
            with tempfile.NamedTemporaryFile(prefix="fuzz-wrong-", delete=False) as kept:
                kept.write(paths[outcome.key].read_bytes())
            print(f"wrong: {kept.name}", file=sys.stderr, flush=True)
    return counts


if __name__ == "__main__":
    sys.exit(main())
