"""Within the module of one task, at one place: kill, cut or hold, as in the order beside FAULTS_ORDER.

Python imports this by itself where its folder is on PYTHONPATH; without an order it does nothing.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

_HOLDING = 600.0


def _parents():
    """Pid and name of this process, its parent, and so on up."""
    pid = os.getpid()
    while pid > 1:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        yield pid, line[line.index("(") + 1 : line.rindex(")")]
        pid = int(line.rpartition(")")[2].split()[1])


def _kill(pids, number=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _up_to(last):
    """This process and those above it, up to ``last``; the top one first, so that none sees the others die."""
    found = []
    for pid, _name in _parents():
        found.append(pid)
        if pid == last:
            break
    return found[::-1]


def _wait(ready, seconds):
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.01)


def _act(order):
    what, controller = order["do"], order["controller"]
    if what == "module":
        _kill([os.getpid()])
    elif what == "controller":
        _kill([controller])
    elif what == "both":
        _kill(_up_to(controller))
    elif what in ("INT", "TERM"):
        _kill([controller], getattr(signal, f"SIG{what}"))
        # Ansible passes it on to the module.
        _wait(lambda: False, 2.0)
    elif what == "connection":
        above = list(_parents())
        servers = [pid for pid, name in above if name == "sshd"]
        # Whatever is above the last server is the ssh that started it.
        clients = [pid for pid, name in above if name == "ssh"]
        _kill([*clients, *servers[::-1]] if order["first"] == "ssh" else [*servers[::-1], *clients])
    elif what == "hold":
        _wait(lambda: os.path.exists(order["go"]), _HOLDING)


def _watch(path, order):
    pattern = re.compile(order["path"])
    left = [order.get("when", 1)]

    def hook(event, arguments):
        if event != order["event"] or not left[0]:
            return
        name = arguments[1] if event == "os.rename" else arguments[0]
        if not isinstance(name, (str, bytes)) or not pattern.search(os.fsdecode(name)):
            return
        left[0] -= 1
        if left[0]:
            return
        try:
            os.rename(path, f"{path}.obeyed")
        except FileNotFoundError:
            return
        _act(order)

    sys.addaudithook(hook)


def _main():
    path = os.environ.get("FAULTS_ORDER")
    if path is not None and os.path.exists(path):
        _watch(path, json.loads(Path(path).read_text(encoding="utf-8")))


_main()
