"""The service, started for one test."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time

import pytest
from ansible_collections.mobius.dhash.tests.support.running import CODE, LIBRARY, Running, command, free_port, write


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def starting(**settings):
            port = free_port()
            config = tmp_path / "config.json"
            given = {
                "library_path": str(tmp_path / "library.json"),
                "port": port,
                "log_file": str(tmp_path / "service.log"),
                "instance": "test",
                **settings,
            }
            config.write_text(json.dumps(given))
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(CODE)}
            process = stack.enter_context(subprocess.Popen(command(config), env=environment))
            stack.callback(process.kill)
            running = Running(tmp_path, process, port)
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError):
                    running.ask("/health")
                    return running
                assert process.poll() is None and time.monotonic() < deadline, "the service did not start"
                time.sleep(0.05)

        yield starting


@pytest.fixture
def served(start, tmp_path):
    write(tmp_path / "library.json", LIBRARY)
    service = start()
    service.settled()
    return service
