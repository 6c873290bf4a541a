# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checked options of a migration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

from ..dhash.picture import EXACT, MODES
from ..errors import MobiusError
from ..json import is_number
from ..library.fields import IMAGE_KEY
from ..library.selectors import parse_selectors

CHANGED, MISSING, ALL = "changed", "missing", "all"
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Options:
    """``path`` is the library as given by the operator; ``image_root`` None for its folder.

    ``image_timeout`` in seconds; ``max_memory`` in MiB, None for what ``max_pixels`` need; ``workers`` 0 for one per
    processor; ``max_failure_rate`` in percent; ``confidence_threshold`` 0 to 1; ``mode`` exact or fast.
    """

    path: str
    image_root: Optional[str] = None
    items: Optional[Sequence[str]] = None
    image_key: str = IMAGE_KEY
    workers: int = 0
    image_timeout: float = 30.0
    max_pixels: int = 178_956_970
    max_memory: Optional[int] = None
    max_failure_rate: float = 5.0
    confidence_threshold: float = 0.7
    rehash: str = CHANGED
    mode: str = EXACT

    def check(self) -> None:
        """
        :raises MobiusError: a value is invalid, or the image root is not a folder.
        """
        parse_selectors(self.items)
        _within("workers", self.workers, 0, 4096)
        _within("image_timeout", self.image_timeout, 0.01, 86_400)
        _within("max_pixels", self.max_pixels, 1, 1 << 40)
        _within("max_memory", 1 if self.max_memory is None else self.max_memory, 1, 1 << 30)
        _within("max_failure_rate", self.max_failure_rate, 0, 100)
        _within("confidence_threshold", self.confidence_threshold, 0, 1)
        if self.rehash not in (CHANGED, MISSING, ALL):
            raise MobiusError("Invalid rehash: must be one of changed, missing, all", repr(self.rehash))
        if self.mode not in MODES:
            raise MobiusError("Invalid mode: must be one of exact, fast", repr(self.mode))
        if not self.image_key:
            raise MobiusError("image_key is empty", remedy="name the member that holds an item's image, such as image")
        if not Path(self.root).is_dir():
            raise MobiusError("The image root is not a folder", self.root, "set image_root (mobius_image_root)")

    @property
    def root(self) -> str:
        """The image root."""
        return self.image_root or str(Path(self.path).absolute().parent)

    @property
    def memory(self) -> Optional[int]:
        """``max_memory`` in bytes."""
        return None if self.max_memory is None else self.max_memory * _MIB


def _within(name: str, value: float, least: float, most: float) -> None:
    if not is_number(value) or not least <= value <= most:
        shown = f"{value:g}" if is_number(value) else str(value)
        raise MobiusError(f"Invalid {name}: {shown}, must be from {least:g} to {most:g}")
