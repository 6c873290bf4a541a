"""Measure, keep the results as JSON, and write docs/performance.md with its plots from them.

    run.py [--only engine,items,backup,duplicates,deploy,fleet] [--pictures FOLDER] [--limit N] [--rounds N] [--report]

Sections that are not run keep the results of their last run. With a limit nothing is written into docs/.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List

import machine
import places

sys.path.append(str(places.HERE.parent))
from progress import duration  # noqa: E402
from report import SECTIONS, USUAL, write  # noqa: E402


def main() -> int:
    """Returns the exit code: 1 when a section could not be measured; the others are all the same."""
    options = _options()
    # What was started is ended and removed, whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(143))
    if options.limit:
        places.use_scratch()
    wanted = [] if options.report else options.only
    failed, done = [], []
    try:
        for name in wanted:
            print(f"bench: {name}, {_left(wanted, done)}", file=sys.stderr, flush=True)
            if not _section(name, options):
                failed.append(name)
            done.append(name)
    except (KeyboardInterrupt, SystemExit):
        left = ",".join(name for name in wanted if name not in done)
        print(f"interrupted; kept: {', '.join(done) or 'nothing'}. Next: make bench BENCH={left}", file=sys.stderr)
        return 130
    write({name: _kept(name) for name in SECTIONS if _kept(name)})
    print(f"written: {places.DOCUMENT}")
    if failed:
        print(f"not measured: {', '.join(failed)}; see above", file=sys.stderr)
    return 1 if failed else 0


def _left(wanted: List[str], done: List[str]) -> str:
    """The time left, estimated from the last runs of the sections."""
    took = [(_kept(name) or {}).get("took") for name in wanted if name not in done]
    if None in took:
        return f"section {len(done) + 1} of {len(wanted)}"
    return f"section {len(done) + 1} of {len(wanted)}, about {duration(sum(took))} left"


def _section(name: str, options: argparse.Namespace) -> bool:
    print(f"== {name}", file=sys.stderr, flush=True)
    started = time.monotonic()
    facts = machine.facts()
    try:
        measured = _measures(options)[name]()
    except Exception:
        traceback.print_exc()
        return False
    result = {"machine": facts, "versions": machine.versions(), "took": time.monotonic() - started, **measured}
    places.RESULTS.mkdir(parents=True, exist_ok=True)
    (places.RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"== {name} took {result['took']:.0f} s", file=sys.stderr, flush=True)
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_sections, default=list(USUAL), metavar="SECTION,...")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="in place of those of Debian and PyPI packages")
    parser.add_argument(
        "--limit", type=int, default=0, help="to try the bench: pictures of a corpus, items a hundred times"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=900, help="bound of the section fleet")
    parser.add_argument("--report", action="store_true", help="only write the document again")
    return parser.parse_args()


def _sections(text: str) -> list[str]:
    names = [name for name in SECTIONS if name in text.split(",")]
    unknown = set(text.split(",")) - set(names) - {""}
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    return names or list(USUAL)


def _measures(options: argparse.Namespace) -> Dict[str, Callable[[], Dict[str, Any]]]:
    import backup
    import duplicates
    import engine
    import fleet
    import items
    import overhead

    def tokens() -> Path:
        return (options.pictures or _pictures()) / "tokens"

    return {
        "engine": lambda: engine.measure(options.pictures or _pictures(), options.rounds, options.limit),
        "items": lambda: items.measure(options.rounds, options.limit, tokens()),
        "backup": lambda: backup.measure(options.rounds, options.limit),
        "duplicates": lambda: duplicates.measure(options.rounds, options.limit, tokens()),
        "deploy": lambda: overhead.measure(options.rounds, options.limit),
        "fleet": lambda: fleet.measure(options.limit, options.seconds),
    }


def _pictures() -> Path:
    """Build the corpora, once."""
    folder: Path = places.CACHE / "corpora"
    # Beside it: a file in it would be taken for a picture.
    built = places.CACHE / "corpora.built"
    if not built.exists():
        print("building the corpora ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, str(places.HERE / "corpora.py"), str(folder)], check=True)
        built.touch()
    return folder


def _kept(name: str) -> Any:
    path = places.RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
