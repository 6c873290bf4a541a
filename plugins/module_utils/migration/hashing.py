# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine with a migration's options, and what its outcomes depend on."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Tuple

from ..dhash.versions import versions
from ..engine.pool import Outcome, hash_all, processors
from .block import maker
from .options import Options
from .pictures import Kept, as_kept


def made_with(options: Options) -> str:
    """Return everything but the picture that determines an outcome; only outcomes with equal words may be mixed."""
    return maker({**versions(), "mode": options.mode})


def hash_pictures(
    tasks: Iterable[Tuple[Any, str]], options: Options, on_progress: Optional[Callable[[int], None]] = None
) -> Iterator[Outcome]:
    """Call ``hash_all`` with these options."""
    return hash_all(
        tasks,
        workers=options.workers,
        image_timeout=options.image_timeout,
        max_pixels=options.max_pixels,
        max_memory=options.memory,
        on_progress=on_progress,
        mode=options.mode,
    )


def keepable(outcome: Outcome) -> Kept:
    """Convert an outcome to the form of the index of pictures."""
    return Kept(outcome.dhash, outcome.confidence, tuple(outcome.reasons), outcome.error, as_kept(outcome.seconds))


def facts(options: Options) -> Dict[str, Any]:
    """Return what the module ``dhash_worker_info`` documents."""
    return {"changed": False, "processors": options.workers or processors(), "maker": made_with(options), **versions()}
