"""Run one call of the collection under strace, and break one system call of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

COLLECTIONS = Path(__file__).resolve().parents[3] / "playbooks" / "collections"
WRITING = ("openat", "write", "fchmod", "fchown", "fsync", "rename", "unlink", "mkdir")
MARK = "/the/marked/call/begins"

DRIVER = f"""
import sys
sys.path.insert(0, {str(COLLECTIONS)!r})
from ansible_collections.mobius.dhash.plugins.module_utils.errors import MobiusError
from ansible_collections.mobius.dhash.plugins.module_utils.backups import restore, retention, store
from ansible_collections.mobius.dhash.plugins.module_utils.storage import lock, replace, state
import os
path = sys.argv[1]
try:
    os.unlink({MARK!r})
except OSError:
    pass
try:
    CALL
except (MobiusError, OSError) as error:
    print(type(error).__name__, error)
    sys.exit(3)
"""


def needs_strace() -> None:
    """Skip where system calls cannot be broken."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    probe = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("strace may not trace here: " + probe.stderr.decode(errors="replace").strip())


def run(
    call: str, library: Path, *, inject: Optional[str] = None, log: Optional[Path] = None
) -> subprocess.CompletedProcess[str]:
    """Evaluate ``call`` (with ``path`` for the library) in a process of its own under strace."""
    command = ["strace", "-f", "-qq", "-o", str(log or "/dev/null"), "-e", "trace=" + ",".join(WRITING)]
    if inject is not None:
        command += ["-e", f"inject={inject}"]
    command += [sys.executable, "-I", "-S", "-B", "-c", DRIVER.replace("CALL", call), str(library)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def count_calls(call: str, library: Path, log: Path) -> Dict[str, Tuple[int, int]]:
    """For each system call: how many come before the call proper, and how many in all. The call must succeed."""
    finished = run(call, library, log=log)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    before: Counter[str] = Counter()
    total: Counter[str] = Counter()
    begun = False
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\(", line)
        if match is None:
            continue
        total[match.group(1)] += 1
        begun = begun or MARK in line
        if not begun or MARK in line:
            before[match.group(1)] += 1
    assert begun
    return {name: (before[name], total[name]) for name in total}


def each_point(counts: Dict[str, Tuple[int, int]], calls: Tuple[str, ...] = WRITING) -> Iterator[Tuple[str, int]]:
    """Every system call of the call proper: its name and its number in the process."""
    for name in calls:
        first, last = counts.get(name, (0, 0))
        for number in range(first + 1, last + 1):
            yield name, number


def leftovers(folder: Path) -> List[str]:
    """Temporary files anywhere below."""
    return [str(each) for each in folder.rglob("*.tmp")]
