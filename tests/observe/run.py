"""From bad metrics to the rollback, on loopback, with the real Prometheus, Alertmanager and ansible-rulebook.

Prints when each thing happened; status 0 only where all of it did. What a failed run wrote is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Iterator, List

from programs import Failed, free_ports
from scenes import SCENES
from site_under_test import ROOT, Site
from stack import Stack

PLACE = ROOT / ".cache" / "observe"


class Timeline:
    """Lines of when something happened, in seconds since the start and since the line before."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def note(self, text: str) -> None:
        now = time.monotonic()
        print(f"{now - self._start:7.1f} s  {now - self._last:+6.1f}  {text}", flush=True)
        self._last = now


@contextlib.contextmanager
def working_place(keep: bool) -> Iterator[Path]:
    """A folder of this run; kept after a failure, or on request."""
    folder = PLACE / f"run-{time.strftime('%Y%m%dT%H%M%S')}"
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        print(f"Kept: {folder} (configuration, logs of the programs and of each playbook)", file=sys.stderr)
        raise
    if keep:
        print(f"Kept: {folder}")
    else:
        shutil.rmtree(folder)


def play_scenes(names: List[str], folder: Path, scale: float, cool_down: int) -> None:
    timeline = Timeline()
    ports = free_ports(["service", "node", "prometheus", "alertmanager", "webhook"])
    site = Site(folder, ports["service"])
    stack = Stack(folder, site, ports, scale, cool_down, timeline.note)
    try:
        stack.begin()
        for name in names:
            timeline.note(f"--- {name}: {SCENES[name].__doc__}")
            SCENES[name](stack)
        timeline.note("done")
    finally:
        stack.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=60, help="durations of the rules are divided by it; 1: as shipped"
    )
    parser.add_argument("--cool-down", type=int, default=150, help="seconds of the rulebooks' cool-down")
    parser.add_argument("--only", choices=SCENES, action="append", help="this scene, and not all")
    parser.add_argument("--keep", action="store_true", help="keep the files of a run that succeeds, too")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_given: sys.exit(143))
    try:
        with working_place(arguments.keep) as folder:
            play_scenes(arguments.only or list(SCENES), folder, arguments.scale, arguments.cool_down)
    except Failed as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
