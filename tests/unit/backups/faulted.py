"""Run one call of the collection under strace, and break one system call of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import List, Optional, Tuple

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


def writing_calls(call: str, library: Path, log: Path) -> List[Tuple[str, int]]:
    """The system calls of the call proper that write: name, and number among its like in the whole process.

    An openat that creates nothing is left out: a kill before it leaves what a kill before the next one leaves.
    """
    finished = run(call, library, log=log)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    seen: Counter[str] = Counter()
    points: List[Tuple[str, int]] = []
    begun = False
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\w+)\(", line)
        if match is None:
            continue
        name = match.group(1)
        seen[name] += 1
        if begun and (name != "openat" or "O_CREAT" in line):
            points.append((name, seen[name]))
        begun = begun or MARK in line
    assert begun
    return points


def leftovers(folder: Path) -> List[str]:
    """Temporary files anywhere below."""
    return [str(each) for each in folder.rglob("*.tmp")]
