# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash many pictures in order, in processes that may each hang, crash or exhaust their memory."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections import deque
from itertools import islice
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from ..dhash.picture import EXACT, MAX_PIXELS, MODES, load_accelerators, prepare
from ..dhash.versions import versions
from ..errors import MobiusError
from .worker import Limits, serve, shared_slot

_LOOK_AHEAD = 16384
_LARGEST_BATCH = 32
_BATCH_SECONDS = 0.02
# A line this short fits into a pipe that already holds one, so writing it does not block.
_LARGEST_LINE_AHEAD = 16384
# Seconds of hashing after which loading the accelerators pays off; loading takes an eighth of that.
_WORTH_LOADING = 0.5
_GRACE_SECONDS = 5.0
_PROGRESS_SECONDS = 0.5
_IDLE_SECONDS = 0.005
_BARREN_DEATHS = 5
_BYTES_A_PIXEL = 24
_BYTES_BESIDE = 128 * 1024 * 1024


class Outcome(NamedTuple):
    """The result of one task.

    If the picture failed, ``dhash`` is None, ``error`` a sentence and ``reasons`` its one code.
    ``seconds`` is the wall time that the picture took in its worker.
    """

    key: Any
    dhash: Optional[str]
    confidence: float
    reasons: Tuple[str, ...]
    error: Optional[str]
    seconds: float


def hash_all(
    tasks: Iterable[Tuple[Any, str]],
    *,
    workers: int = 0,
    image_timeout: float = 30.0,
    max_pixels: int = MAX_PIXELS,
    max_memory: Optional[int] = None,
    on_progress: Optional[Callable[[int], None]] = None,
    mode: str = EXACT,
) -> Iterator[Outcome]:
    """Hash the pictures of ``tasks``, pairs of a key and a path, and yield their outcomes in the same order.

    Tasks are consumed lazily, at most some thousands ahead. Closing the iterator ends the processes.

    :param workers: number of processes; 0 for one per processor that this process may use.
    :param image_timeout: limit in seconds for one picture.
    :param max_memory: limit in bytes for one picture; None for the maximum that ``max_pixels`` pixels need.
    :param on_progress: called about twice a second while iterating, with the number of finished pictures.
    :param mode: ``exact``, or ``fast``: JPEG pictures are decoded small, and their hashes may be a few bits off.
    :raises MobiusError: Pillow is missing or a limit is invalid (at once), or no process can be kept alive.
    """
    if workers < 0 or image_timeout <= 0 or max_pixels < 1:
        raise MobiusError(
            f"Invalid limits: workers={workers}, image_timeout={image_timeout}, max_pixels={max_pixels}",
            remedy="set workers to 0 or more, and image_timeout and max_pixels to more than 0",
        )
    if mode not in MODES:
        raise MobiusError(f"Unknown mode {mode!r}", remedy=f"use one of {', '.join(MODES)}")
    versions()
    prepare()
    if max_memory is None:
        max_memory = _BYTES_A_PIXEL * max_pixels + _BYTES_BESIDE
    pool = _Pool(iter(tasks), workers or processors(), Limits(image_timeout, max_pixels, max_memory, mode), on_progress)
    return pool.outcomes()


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


class _Task(NamedTuple):
    place: int
    key: Any
    path: str


class _Worker:
    """A child process, its unfinished tasks by their number in that process, and its unparsed output."""

    def __init__(self, limits: Limits) -> None:
        self.slot = shared_slot()
        self.batch: Dict[int, _Task] = {}
        self._given = 0
        self.leaving = False
        self.pending = bytearray()
        parent = os.getpid()
        tasks, self.tasks = os.pipe()
        self.results, results = os.pipe()
        # A Ctrl-C in Python's after-fork hooks would be lost; the worker keeps it blocked.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.pid = os.fork()
        except OSError:
            for descriptor in (tasks, self.tasks, self.results, results):
                os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise
        if self.pid == 0:
            try:
                serve(tasks, results, self.slot, limits, parent)
                os._exit(0)
            finally:
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(tasks)
        os.close(results)

    def give(self, batch: List[_Task], line: bytes) -> None:
        self.batch.update(enumerate(batch, self._given))
        self._given += len(batch)
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self.tasks, view) :]
        except BrokenPipeError:
            return  # its exit is noticed at the end of its results

    def at(self) -> Tuple[Optional[_Task], float]:
        """Return the task in progress (None between tasks) and its start time."""
        return self.batch.get(int(self.slot[0])), self.slot[1]

    def end(self) -> int:
        """Kill and reap; return the signal that ended it, 0 for none or an unknown one."""
        for descriptor in (self.tasks, self.results):
            os.close(descriptor)
        status = _reap(self.pid)
        if status is None:
            os.kill(self.pid, signal.SIGKILL)
            until = time.monotonic() + _GRACE_SECONDS
            # Bounded: a process that waits for a dead file server cannot be killed.
            while status is None and time.monotonic() < until:
                time.sleep(0.001)
                status = _reap(self.pid)
        return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else 0


def _reap(pid: int) -> Optional[int]:
    found, status = os.waitpid(pid, os.WNOHANG)
    return status if found else None


class _Pool:
    def __init__(
        self,
        source: Iterator[Tuple[Any, str]],
        size: int,
        limits: Limits,
        on_progress: Optional[Callable[[int], None]],
    ) -> None:
        self._source = source
        self._size = size
        self._limits = limits
        self._on_progress = on_progress
        self._reported = self._turned = time.monotonic()
        self._workers: Dict[int, _Worker] = {}  # by the descriptor of their results
        self._again: Deque[_Task] = deque()
        self._finished: Dict[int, Outcome] = {}
        self._taken = self._given = 0
        self._exhausted = False
        self._pace = _BATCH_SECONDS  # recent seconds per picture
        self._taken_seconds = 0.0
        self._barren = 0

    def outcomes(self) -> Iterator[Outcome]:
        try:
            while True:
                self._feed()
                while self._given in self._finished:
                    self._given += 1
                    yield self._finished.pop(self._given - 1)
                    # Keep the processes busy while the consumer is slow.
                    if time.monotonic() - self._turned > _IDLE_SECONDS:
                        self._turn(0.0)
                if self._exhausted and self._given == self._taken:
                    return
                self._turn(_PROGRESS_SECONDS)
        finally:
            for worker in self._workers.values():
                worker.end()

    def _feed(self) -> None:
        """Give a batch to every worker that is about to run out, and start missing workers."""
        for worker in [*self._workers.values()]:
            if worker.leaving and not worker.batch:
                del self._workers[worker.results]
                worker.end()
            elif not worker.leaving and len(worker.batch) <= self._batch_size() // 2:
                batch = self._take()
                if not batch:
                    return
                self._give(worker, batch)
        while len(self._workers) < self._size:
            batch = self._take()
            if not batch:
                return
            self._start(batch)

    def _give(self, worker: _Worker, batch: List[_Task]) -> None:
        line = json.dumps([task.path for task in batch]).encode() + b"\n"
        if worker.batch and len(line) > _LARGEST_LINE_AHEAD:
            self._again.extendleft(reversed(batch))
        else:
            worker.give(batch, line)

    def _start(self, batch: List[_Task]) -> None:
        try:
            worker = _Worker(self._limits)
        except OSError as error:
            if not self._workers:
                raise MobiusError(
                    f"No hash process can be started ({error.strerror})",
                    remedy="raise this user's limits on processes and memory (ulimit -u, ulimit -v)",
                ) from error
            # The host allows no more processes: continue with those that run.
            self._size = len(self._workers)
            self._again.extendleft(reversed(batch))
            return
        self._workers[worker.results] = worker
        self._give(worker, batch)

    def _batch_size(self) -> int:
        return max(1, min(_LARGEST_BATCH, int(_BATCH_SECONDS / self._pace)))

    def _take(self) -> List[_Task]:
        count = self._batch_size()
        batch = [self._again.popleft() for _unused in range(min(count, len(self._again)))]
        free = min(count - len(batch), _LOOK_AHEAD - (self._taken - self._given))
        if free > 0 and not self._exhausted:
            fresh = [_Task(self._taken + n, key, path) for n, (key, path) in enumerate(islice(self._source, free))]
            self._taken += len(fresh)
            self._exhausted = len(fresh) < free
            batch += fresh
        return batch

    def _turn(self, seconds: float) -> None:
        """Collect results for up to ``seconds``, replace dead and overdue workers, and feed idle ones."""
        poll = select.poll()
        for descriptor in self._workers:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _unused in poll.poll(seconds * 1000):
            worker = self._workers[descriptor]
            data = os.read(descriptor, 65536)
            if data:
                self._receive(worker, data)
            else:
                self._lost(worker, *worker.at())
        self._turned = now = time.monotonic()
        for worker in [*self._workers.values()]:
            # The kernel's alarm enforces the time limit; this catches processes that it cannot end.
            task, started = worker.at()
            if task is not None and now - started > self._limits.seconds + _GRACE_SECONDS:
                self._lost(worker, task, started, overdue=True)
        if self._on_progress is not None and now - self._reported >= _PROGRESS_SECONDS:
            self._reported = now
            self._on_progress(self._given + len(self._finished))
        self._feed()

    def _receive(self, worker: _Worker, data: bytes) -> None:
        *lines, rest = bytes(worker.pending + data).split(b"\n")
        worker.pending = bytearray(rest)
        for line in lines:
            for place, dhash, confidence, reasons, error, seconds in json.loads(line):
                task = worker.batch.pop(place)
                self._finished[task.place] = Outcome(task.key, dhash, confidence, tuple(reasons), error, seconds)
                self._pace += (seconds - self._pace) / 16
                self._taken_seconds += seconds
                self._barren = 0
        if self._taken_seconds > _WORTH_LOADING and load_accelerators():
            for each in self._workers.values():
                each.leaving = True

    def _lost(self, worker: _Worker, task: Optional[_Task], started: float, overdue: bool = False) -> None:
        """Attribute the death of a worker to its current picture, and requeue the rest of its batch."""
        del self._workers[worker.results]
        number = worker.end()
        if task is None:
            self._barren += 1
            if self._barren >= _BARREN_DEATHS:
                raise MobiusError(
                    f"Hash processes die before they hash anything; the last one {_cause(number)}",
                    remedy="check the kernel log (dmesg) for the cause, and try fewer workers",
                )
        else:
            timeout = overdue or number == signal.SIGALRM
            code = "timeout" if timeout else "crashed"
            text = f"not hashed within {self._limits.seconds:g} s" if timeout else f"its decoder {_cause(number)}"
            taken = time.monotonic() - started
            self._finished[task.place] = Outcome(task.key, None, 0.0, (code,), text, taken)
            self._barren = 0
        self._again.extend(other for other in worker.batch.values() if other is not task)


def _cause(number: int) -> str:
    if number == signal.SIGKILL:
        return "was killed, perhaps because the host is out of memory"
    return f"died of {signal.Signals(number).name}" if number else "exited without a result"
