"""A piece of work in a process of its own: started, released when it is ready, timed by itself, sampled from outside.

The child imports, prints ``ready`` and waits. Once released, it takes the time and the CPU time of the work alone,
processes that the work started and reaped included, and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Collection, Dict, List, Optional

TIMEOUT = 1800.0


class Failed(Exception):
    """The child ended without an answer; its last words are the message."""


def serve(work: Callable[[], Any]) -> None:
    """The child's side. What ``work`` returns goes to the parent as ``answer``."""
    print("ready", flush=True)
    sys.stdin.readline()
    before, started = _cpu(), time.perf_counter()
    answer = work()
    seconds, cpu = time.perf_counter() - started, _cpu() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rss": _most_memory(), "answer": answer}), flush=True)


def _most_memory() -> int:
    # ru_maxrss would count what the parent had when it forked.
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(command: List[str], *, sample: Optional[float] = None, environment: Optional[Dict[str, str]] = None) -> Any:
    """Run a child to its end.

    :param sample: seconds between two looks at the memory of the whole tree (PSS, so that shared pages count once);
        None for no looks, which cost time.
    :returns: ``seconds``, ``cpu``, ``answer``, ``rss`` of the child, and ``peak`` of the tree (0 without samples).
    :raises Failed: it printed nothing, or not within the time.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        start_new_session=True,
    ) as child:
        limit = threading.Timer(TIMEOUT, _end, [child])
        limit.start()
        errors: List[str] = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))  # type: ignore[union-attr]
        reader.start()
        try:
            ready = child.stdout.readline()  # type: ignore[union-attr]
            sampler = Sampler(child.pid, sample) if sample else None
            if ready:
                child.stdin.write("go\n")  # type: ignore[union-attr]
                child.stdin.flush()  # type: ignore[union-attr]
            lines = child.stdout.read().splitlines()  # type: ignore[union-attr]
            peak = sampler.end() if sampler else 0
        finally:
            limit.cancel()
            _end(child)
            reader.join()
    if not lines:
        printed = "".join(errors).strip().splitlines()
        raise Failed(printed[-1][:300] if printed else f"it ended with code {child.returncode}")
    return {**json.loads(lines[-1]), "peak": peak}


def _end(child: subprocess.Popen[str]) -> None:
    """With all that it started: they share its session."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


class Sampler(threading.Thread):
    """The most memory of a tree of processes, shared pages counted once.

    :param pid: the root of the tree.
    :param interval: seconds between two looks.
    :param without: processes whose own trees are left out.
    """

    def __init__(self, pid: int, interval: float, without: Collection[int] = ()) -> None:
        super().__init__(daemon=True)
        self._pid, self._interval, self._without = pid, interval, without
        self._over = threading.Event()
        self.peak = 0
        self.start()

    def run(self) -> None:
        while not self._over.is_set():
            self.peak = max(self.peak, sum(map(_pss, _tree(self._pid, self._without))))
            self._over.wait(self._interval)

    def end(self) -> int:
        self._over.set()
        self.join()
        return self.peak


def _tree(pid: int, without: Collection[int] = ()) -> List[int]:
    found = [pid]
    for each in found:
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                children = map(int, (task / "children").read_text("ascii").split())
                found += [child for child in children if child not in without]
        except OSError:
            continue  # it has ended
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
