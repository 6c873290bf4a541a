"""Whatever ends the main process, no hash process is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS
from ansible_collections.mobius.dhash.tests.support.traps import trap

SCRIPT = """
import sys
sys.path[:0] = {path!r}
from ansible_collections.mobius.dhash.tests.support.traps import arm
from ansible_collections.mobius.dhash.plugins.module_utils.engine.pool import hash_all
arm()
running = hash_all(enumerate(sys.argv[1:]), workers=2, image_timeout=300)
print("ready", flush=True)
list(running)
"""


def children(pid: int) -> List[int]:
    return [int(c) for task in Path(f"/proc/{pid}/task").iterdir() for c in (task / "children").read_text().split()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_worker_outlives_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    script = SCRIPT.format(path=[COLLECTIONS, *sys.path])
    command = [sys.executable, "-c", script, *[trap(tmp_path, "hang")] * 4]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        until = time.monotonic() + 60
        while len(children(parent.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        workers = children(parent.pid)
        assert len(workers) == 2
        os.kill(parent.pid, number)
        try:
            parent.wait(60)
        finally:
            parent.kill()
        until = time.monotonic() + 60
        while any(map(lives, workers)) and time.monotonic() < until:
            time.sleep(0.01)
        assert not any(map(lives, workers))
