"""The playbooks run for real on this machine: a library of a few drawn pictures, a service on a free port."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.mobius.dhash.tests.support.playbooks import VENV, Site, eight_items


@pytest.fixture(scope="session", autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The environment that all tests share: created once, by the first worker."""
    VENV.parent.mkdir(exist_ok=True)
    with VENV.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = Site(tmp_path_factory.mktemp("runtime"))
        place.play("", playbook=str(Path(__file__).with_name("runtime.yml"))).succeeded()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with eight_items(tmp_path) as place:
        yield place


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is kept of the journal of the service's unit; a machine without systemd has none of its own."""
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "journal of $2: password=hunter2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return "journal of mobius-dhash: password=***\n"
