"""Share the faults out among processes."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import broken
import damage
import disks
import haste
import paths
import runbook_cases
import sweep
from sweep import Bench, Case, Verdict

_bench: Optional[Bench] = None


def run(options: argparse.Namespace, folder: Path) -> Tuple[List[Verdict], List[str]]:
    """All verdicts, and what could not be tried and why."""
    images = folder / "images"
    paths.draw(images)
    wanted: Dict[str, Callable[..., List[Any]]] = {
        "plays": runbook_cases.cases,
        "calls": _calls,
        "full": disks.full_cases,
        "power": disks.power_cases,
    }
    wanted.update(damage=damage.cases, haste=haste.cases)
    without = {"calls": broken.unavailable, "full": disks.unavailable, "power": disks.unavailable}
    verdicts: List[Verdict] = []
    untried: List[str] = []
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(options.jobs, context, _start, (folder, images)) as pool:
        for group in options.group or wanted:
            reason = without.get(group, lambda: None)()
            if reason is not None:
                untried.append(f"{group}: {reason}")
                continue
            found = wanted[group](
                Bench(folder / f"main-{group}", images), options.only or [*paths.WRITING, *paths.PLAYBOOKS]
            )
            found = [each for place, each in enumerate(found) if not options.quick or each.quick(place)]
            for place, verdict in enumerate(pool.map(_try, found, chunksize=1 if group == "plays" else 4)):
                verdicts.append(verdict)
                if verdict.lost is not None:
                    print(f"LOST  {verdict.label}: {verdict.lost}", file=sys.stderr, flush=True)
                if sys.stderr.isatty() and place % 20 == 0:
                    print(f"{group} {place}/{len(found)}", end="\r", file=sys.stderr)
    # What is made of the others comes after them in the table.
    return sorted(verdicts, key=lambda each: each.group == "plays"), untried


def _start(folder: Path, images: Path) -> None:
    global _bench
    disks.own_mounts()
    _bench = Bench(folder / f"bench-{os.getpid()}", images)


def _try(case: Any) -> Verdict:
    assert _bench is not None
    verdict: Verdict = case.attempt(_bench)
    return verdict


def _calls(bench: Bench, names: List[str]) -> List[Case]:
    return [case for name in names if name in paths.WRITING for case in sweep.cases(name, bench.points(name))]
