"""Break every writing path in every way, and print what was tried, what survived and what was lost.

Needs strace, and for a full disk and a power cut the right to mount. Exits 1 when anything was lost, or when fewer
faults happened than this harness is known for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "playbooks" / "collections")]

import report  # noqa: E402
import work  # noqa: E402
from paths import PLAYBOOKS, WRITING  # noqa: E402
from sweep import Verdict  # noqa: E402

#: Faults that have to happen in a whole run, and in a quick one, by group: fewer means that the harness is broken.
EXPECTED = {"calls": 4000, "full": 60, "power": 900, "damage": 145, "concurrency": 100, "plays": 95}
EXPECTED_QUICK = {"calls": 900, "full": 8, "power": 60, "damage": 145, "concurrency": 70, "plays": 4}


def main() -> int:
    """Returns the exit code."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=_fast_folder()))
    started = time.monotonic()
    tally: work.Tally = ([], [])
    ended = False
    # So that what is there is printed then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work.run(options, folder, tally)
    except KeyboardInterrupt:
        ended = True
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - started
    # What is made of the others comes after them in the table.
    verdicts, untried = sorted(tally[0], key=lambda each: each.group == "plays"), tally[1]
    table = report.table(verdicts)
    print(table)
    for each in verdicts:
        if each.lost is not None:
            print(f"LOST  {each.label}\n      {each.lost}\n      the run: {each.ended}")
    for each in untried:
        print(f"NOT TRIED  {each}")
    if ended:
        print(f"interrupted after {len(verdicts)} runs. Next: make faults RESUME=1 goes on from there", file=sys.stderr)
        return 130
    problems = _problems(options, verdicts)
    print(f"{len(verdicts)} runs in {seconds:.0f} s, {options.jobs} at a time")
    if options.document is not None and not problems:
        report.write(options.document, table, seconds)
    for problem in problems:
        print(f"FAILED  {problem}", file=sys.stderr)
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="every kill, and a sample of all else")
    parser.add_argument(
        "--only", action="append", choices=sorted({**WRITING, **PLAYBOOKS}), help="this writing path; may be repeated"
    )
    parser.add_argument("--group", action="append", choices=sorted(EXPECTED), help="these faults; may be repeated")
    parser.add_argument("--jobs", type=int, default=min(4, len(os.sched_getaffinity(0))), help="runs at a time")
    parser.add_argument("--resume", action="store_true", help="go on where a run of the same tree was ended")
    parser.add_argument("--document", type=Path, help="put the table between the markers of this file")
    options = parser.parse_args()
    if options.document is not None and (options.quick or options.only or options.group):
        parser.error("only a whole run goes into a document")
    return options


def _fast_folder() -> Optional[str]:
    """Memory where there is some: what is tested is the order of the calls, not the speed of a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _problems(options: argparse.Namespace, verdicts: List[Verdict]) -> List[str]:
    found = []
    lost = sum(each.lost is not None for each in verdicts)
    if lost:
        found.append(f"{lost} lost")
    if options.only:
        return found
    expected = EXPECTED_QUICK if options.quick else EXPECTED
    for group in options.group or expected:
        tried = sum(each.fired for each in verdicts if each.group == group)
        if tried < expected[group]:
            found.append(f"{group}: {tried} faults happened, not the {expected[group]} that have to")
    return found


if __name__ == "__main__":
    sys.exit(main())
