"""Programs that a run starts, on ports of its own; only these are ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, TypeVar

Found = TypeVar("Found")
# No proxy of the environment: everything is on loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """What was expected did not happen."""


def free_ports(names: List[str]) -> Dict[str, int]:
    """A free TCP port of 127.0.0.1 for each name; all are held until each has one."""
    sockets = [socket.socket() for _name in names]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(names, sockets)}
    finally:
        for each in sockets:
            each.close()


def fetch(url: str, *, body: Optional[Any] = None, token: str = "", timeout: float = 5) -> str:
    """The text of a response.

    :raises urllib.error.URLError: no answer, or a status of 400 and above.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with _OPENER.open(urllib.request.Request(url, data, headers), timeout=timeout) as response:
        return str(response.read().decode())


def fetch_json(url: str, **query: str) -> Any:
    return json.loads(fetch(f"{url}?{urllib.parse.urlencode(query)}" if query else url))


def wait_for(what: str, look: Callable[[], Optional[Found]], limit: float, *, every: float = 0.2) -> Found:
    """What ``look`` finds, as soon as it finds something.

    :param limit: seconds, after which the run fails.
    """
    end = time.monotonic() + limit
    last = ""
    while time.monotonic() < end:
        try:
            found = look()
        except (OSError, ValueError) as error:
            found, last = None, f" (last: {error})"
        if found:
            return found
        time.sleep(every)
    raise Failed(f"{what}: not within {limit:.0f} s{last}")


class Program:
    """A program in the background, in a process group of its own, with its output in a log."""

    def __init__(self, name: str, command: List[str], logs: Path, **environment: str) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ready(self, look: Callable[[], Optional[Found]], limit: float) -> Found:
        """Wait until ``look`` finds something, or until the program has ended, which is a failure."""

        def checked() -> Optional[Found]:
            code = self._process.poll()
            if code is not None:
                raise Failed(f"{self.name} ended with status {code}: {self.text()[-1500:]}")
            return look()

        return wait_for(f"{self.name} is ready", checked, limit)

    def stop(self, limit: float = 20) -> None:
        started = _descendants(self._process.pid)
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(limit)
        # What it has started itself may outlive it: a playbook has a session of its own.
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def _descendants(pid: int) -> List[int]:
    """The processes that a process has started, directly or not, and that still run."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    found = [pid]
    for known in found:
        found += [child for child, parent in parents if parent == known]
    return found[1:]
