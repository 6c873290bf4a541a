# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take samples at intervals until there is a judgement or the time is over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

from .judge import INCONCLUSIVE, Judgement, Rules, judge
from .samples import Sample


@dataclass(frozen=True)
class Rhythm:
    """``interval`` seconds from sample to sample, ``slow_interval`` after ``slow_after`` seconds (0: never).

    ``window`` is the maximum length of the watch, in seconds.
    """

    interval: float = 2.0
    window: float = 60.0
    slow_after: float = 0.0
    slow_interval: float = 120.0

    def wait(self, elapsed: float) -> float:
        return self.slow_interval if self.slow_after and elapsed >= self.slow_after else self.interval

    def most_samples(self) -> int:
        """How many samples fit into the window."""
        moment, count = 0.0, 0
        while moment <= self.window:
            count += 1
            moment += self.wait(moment)
        return count


def watch(
    rules: Rules,
    rhythm: Rhythm,
    take: Callable[[float], Sample],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    on_sample: Optional[Callable[[Sample], None]] = None,
) -> Tuple[Judgement, List[Sample]]:
    """Sample until pass or fail, or until the next sample would be outside the window."""
    began = clock()
    samples: List[Sample] = []
    while True:
        moment = clock() - began
        samples.append(take(moment))
        if on_sample is not None:
            on_sample(samples[-1])
        judgement = judge(samples, rules, ended=False)
        next_at = max(moment + rhythm.wait(moment), clock() - began)
        if judgement.result != INCONCLUSIVE:
            return judgement, samples
        if next_at > rhythm.window:
            return judge(samples, rules, ended=True), samples
        sleep(max(0.0, next_at - (clock() - began)))
