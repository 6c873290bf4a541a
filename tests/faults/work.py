"""Share the faults out among processes."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import broken
import concurrency
import damage
import disks
import paths
import runbook_cases
import sweep
from kept import Kept
from progress import Progress
from sweep import Bench, Case, Verdict

_bench: Optional[Bench] = None


Tally = Tuple[List[Verdict], List[str]]


def run(options: argparse.Namespace, folder: Path, tally: Tally) -> None:
    """Add all verdicts to ``tally``, and what could not be tried and why; an interruption keeps those so far."""
    images = folder / "images"
    paths.draw(images)
    wanted: Dict[str, Callable[..., List[Any]]] = {
        "plays": runbook_cases.cases,
        "calls": _calls,
        "full": disks.full_cases,
        "power": disks.power_cases,
    }
    wanted.update(damage=damage.cases, concurrency=concurrency.cases)
    without = {"calls": broken.unavailable, "full": disks.unavailable, "power": disks.unavailable}
    verdicts, untried = tally
    kept = Kept(resume=options.resume, quick=options.quick, only=options.only)
    if options.resume:
        print(f"resumed: {len(kept)} verdicts of a run that was ended", file=sys.stderr, flush=True)
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(options.jobs, context, _start, (folder, images)) as pool:
        groups = options.group or list(wanted)
        for number, group in enumerate(groups, 1):
            reason = without.get(group, lambda: None)()
            if reason is not None:
                untried.append(f"{group}: {reason}")
                continue
            print(f"{group}: group {number} of {len(groups)}, counting its faults", file=sys.stderr, flush=True)
            found = wanted[group](
                Bench(folder / f"main-{group}", images), options.only or [*paths.WRITING, *paths.PLAYBOOKS]
            )
            found = [each for place, each in enumerate(found) if not options.quick or each.quick(place)]
            try:
                _try_all(pool, group, found, kept, verdicts)
            except BaseException:
                # What waits in the queue would be tried before this ends.
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _try_all(pool: ProcessPoolExecutor, group: str, found: List[Any], kept: Kept, verdicts: List[Verdict]) -> None:
    """Every fault of a group, with a line for each path when its last fault was tried."""
    places = [place for place in range(len(found)) if kept.get((group, len(found), place)) is None]
    new = iter(pool.map(_try, [found[place] for place in places], chunksize=1 if group == "plays" else 4))
    progress = Progress(group, len(places))
    waiting = Counter(map(_path, found))
    lost: Counter[str] = Counter()
    for place, case in enumerate(found):
        key = (group, len(found), place)
        verdict = kept.get(key)
        if verdict is None:
            verdict = next(new)
            kept.add(key, verdict)
            progress.advance()
        verdicts.append(verdict)
        path = _path(case)
        if verdict.lost is not None:
            lost[path] += 1
            progress.say(f"LOST  {verdict.label}: {verdict.lost}")
        waiting[path] -= 1
        if not waiting[path]:
            progress.say(f"{group}: {path} done, {lost[path]} lost")
    progress.finish(f"{len(found)} faults tried, {sum(lost.values())} lost")


def _path(case: Any) -> str:
    """The writing path or playbook that a fault is for."""
    return str(case.model.name if hasattr(case, "model") else getattr(case, "name", None) or case.call)


def _start(folder: Path, images: Path) -> None:
    global _bench
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    disks.own_mounts()
    _bench = Bench(folder / f"bench-{os.getpid()}", images)


def _try(case: Any) -> Verdict:
    assert _bench is not None
    verdict: Verdict = case.attempt(_bench)
    return verdict


def _calls(bench: Bench, names: List[str]) -> List[Case]:
    return [case for name in names if name in paths.WRITING for case in sweep.cases(name, bench.points(name))]
