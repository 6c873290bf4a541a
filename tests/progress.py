"""How far a long run is, and how long it will still take."""

from __future__ import annotations

import sys
import time
from typing import Callable, TextIO


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


class Progress:
    """Lines such as ``calls: 640 of 3912 (16 %), 4 min 10 s left``.

    :param every: seconds between two lines.
    """

    def __init__(
        self,
        name: str,
        total: int,
        every: float = 15.0,
        out: TextIO = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.total, self.done = name, total, 0
        self._every, self._out, self._clock = every, out, clock
        self._started = self._printed = clock()

    def advance(self, count: int = 1) -> None:
        self.done += count
        now = self._clock()
        if now - self._printed >= self._every and self.done < self.total:
            self._printed = now
            self.say(self.line())

    def line(self) -> str:
        spent = self._clock() - self._started
        left = spent / self.done * (self.total - self.done) if self.done else 0.0
        percent = 100 * self.done // self.total if self.total else 100
        return f"{self.name}: {self.done} of {self.total} ({percent} %), {duration(left)} left"

    def finish(self, outcome: str) -> None:
        self.say(f"{self.name}: {outcome}, {duration(self._clock() - self._started)}")

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)
