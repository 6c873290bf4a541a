"""Measure what a confidence is worth: hash pictures, hash JPEG copies of them at half size, count the bits that moved.

    tests/bench/confidence.py FOLDER... [--write docs/confidence.md]

Prints Markdown tables; --write puts them between the two marks of that page. Needs Pillow.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import statistics
import sys
import warnings
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

COLLECTIONS = Path(__file__).resolve().parents[2] / "playbooks" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.mobius.dhash.plugins.module_utils.dhash.comparisons import dhash_of, differences  # noqa: E402
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.confidence import THRESHOLD  # noqa: E402
from ansible_collections.mobius.dhash.plugins.module_utils.dhash.versions import versions  # noqa: E402
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import hash_all  # noqa: E402
from PIL import Image  # noqa: E402

FILTERS = ("Lanczos", "bicubic", "bilinear")
BANDS = (0.0, 0.3, 0.5, THRESHOLD, 0.8, 0.9, 1.001)
START, END = "<!-- measured: start -->", "<!-- measured: end -->"
WITHIN = 6


class Row(NamedTuple):
    folder: str
    confidence: float
    reasons: Tuple[str, ...]
    moved: Dict[str, int]


def copies(path: str) -> Dict[str, str]:
    """The dHash of a JPEG copy of quality 75 at half size, for each way to shrink."""
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    found = {}
    with Image.open(path) as image:
        colours = image.convert("RGB")
    size = (max(1, colours.width // 2), max(1, colours.height // 2))
    for name in FILTERS:
        stream = io.BytesIO()
        colours.resize(size, getattr(Image, name.upper())).save(stream, "JPEG", quality=75)
        with Image.open(stream) as copy:
            found[name] = dhash_of(differences(copy.convert("L").resize((9, 8), Image.LANCZOS).tobytes()))
    return found


def measure(folders: List[Path]) -> List[Row]:
    paths = [(folder.name, str(path)) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    hashed = [(outcome.key, outcome) for outcome in hash_all([(row, row[1]) for row in paths]) if outcome.dhash]
    with multiprocessing.Pool() as pool:
        others = pool.map(copies, [path for (_unused, path), _unused in hashed], chunksize=8)
    return [
        Row(key[0], outcome.confidence, outcome.reasons,
            {name: bin(int(outcome.dhash, 16) ^ int(other[name], 16)).count("1") for name in FILTERS})
        for (key, outcome), other in zip(hashed, others)
    ]  # fmt: skip


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "none"


def promise(rows: List[Row], name: str) -> Tuple[str, str]:
    above = [row.moved[name] for row in rows if row.confidence >= THRESHOLD]
    below = [row.moved[name] for row in rows if row.confidence < THRESHOLD]
    return share(sum(m <= WITHIN for m in above), len(above)), share(sum(m > WITHIN for m in below), len(below))


def tables(rows: List[Row]) -> str:
    by_folder = {name: [row for row in rows if row.folder == name] for name in dict.fromkeys(r.folder for r in rows)}
    by_folder["all"] = rows
    used = versions()
    lines = [f"Measured with Pillow {used['pillow']}, copies shrunk by Lanczos:", ""]
    lines += [f"| pictures | | at {THRESHOLD} or above, within {WITHIN} bits | below {THRESHOLD}, moved further |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    for name, some in by_folder.items():
        lines += [f"| {name} | {len(some)} | {' | '.join(promise(some, 'Lanczos'))} |"]
    lines += ["", "All of them, by the way in which the copy was shrunk:", ""]
    lines += [f"| copy | at {THRESHOLD} or above, within {WITHIN} bits | below {THRESHOLD}, moved further |"]
    lines += ["| --- | ---: | ---: |"] + [f"| {name} | {' | '.join(promise(rows, name))} |" for name in FILTERS]
    lines += ["", "By confidence, and the reasons given below the threshold:", ""]
    lines += [
        "| confidence | pictures | median bits moved | most | within 6 bits |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for low, high in zip(BANDS, BANDS[1:]):
        moved = [row.moved["Lanczos"] for row in rows if low <= row.confidence < high]
        if moved:
            within = f"{100 * sum(m <= WITHIN for m in moved) / len(moved):.1f} %"
            to = min(high, 1.0)
            lines += [f"| {low} to {to} | {len(moved)} | {statistics.median(moved):g} | {max(moved)} | {within} |"]
    lines += ["", "| reason | pictures | moved by more than 6 bits |", "| --- | ---: | ---: |"]
    for reason in sorted({reason for row in rows for reason in row.reasons}):
        some = [row.moved["Lanczos"] for row in rows if reason in row.reasons]
        lines += [f"| `{reason}` | {len(some)} | {sum(m > WITHIN for m in some)} |"]
    return "\n".join(lines)


def write(page: Path, text: str) -> None:
    before, rest = page.read_text("utf-8").split(START)
    page.write_text(f"{before}{START}\n\n{text}\n\n{END}{rest.split(END)[1]}", "utf-8")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    options = parser.parse_args(arguments)
    rows = measure(options.folders)
    if not rows:
        print("no picture found there", file=sys.stderr)
        return 1
    text = tables(rows)
    print(text)
    if options.write:
        write(options.write, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
