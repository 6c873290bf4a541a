from __future__ import annotations

import faulthandler
import os
import signal
import time

import pytest
from ansible_collections.mobius.dhash.plugins.module_utils.engine import isolated
from ansible_collections.mobius.dhash.plugins.module_utils.engine.isolated import Bounds, run_isolated


def crash():
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def deaf():
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(600)


def writes(path):
    path.write_text("x")
    return b"written"


def no_child_is_left():
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    return True


def test_a_call_that_crashes_hangs_or_eats_memory_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(isolated, "_GRACE", 0.5)
    calls = [
        lambda: b"first",
        crash,
        lambda: time.sleep(600),
        None,
        lambda: b"second",
        deaf,
        lambda: bytes(1 << 32),
        lambda: bytes(101),
        lambda: 1 / 0,
        lambda: "text",
        lambda: writes(tmp_path / "file"),
        lambda: b"",
        lambda: os._exit(3),
        lambda: bytes(100),
    ]
    before = len(os.listdir("/proc/self/fd"))
    found = list(run_isolated(calls, Bounds(seconds=1, memory=256 << 20, answer=100)))
    assert found == [b"first", None, None, None, b"second", *[None] * 6, b"", None, bytes(100)]
    assert len(os.listdir("/proc/self/fd")) == before and no_child_is_left()


def test_calls_are_taken_only_as_they_are_needed_and_leaving_ends_them(monkeypatch):
    monkeypatch.setattr(isolated, "_GRACE", 0.1)
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield lambda: time.sleep(0.2) or b"x"

    iterator = run_isolated(endless(), Bounds(seconds=0.5))
    assert next(iterator) == b"x"
    iterator.close()
    assert len(taken) <= 2 * len(os.sched_getaffinity(0)) and no_child_is_left()


def test_it_prints_nothing(capfd):
    assert list(run_isolated([lambda: os.write(1, b"out") and b"x"], Bounds())) == [b"x"]
    assert capfd.readouterr() == ("", "")
