"""A disk that becomes full in the middle of a write."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def room_for(path: Path, more: int) -> Iterator[None]:
    """Let no file of this process grow beyond the size of ``path`` plus ``more`` bytes; the kernel writes what fits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
