"""Where the bench keeps its things, and how it finds the collection."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLLECTIONS = ROOT / "playbooks" / "collections"
CACHE = ROOT / ".cache" / "bench"
NPM = CACHE / "npm"
RESULTS = CACHE / "results"
DOCUMENT = ROOT / "docs" / "performance.md"

sys.path.insert(0, str(COLLECTIONS))


def use_scratch() -> None:
    """A trial leaves the results and the document of real runs alone."""
    global RESULTS, DOCUMENT
    RESULTS = CACHE / "trial"
    DOCUMENT = RESULTS / "performance.md"


def processors() -> int:
    return len(os.sched_getaffinity(0))
