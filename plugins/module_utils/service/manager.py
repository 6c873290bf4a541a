# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager of the service: systemd, or a background process of the play's user."""

from __future__ import annotations

import contextlib
import os
from typing import Callable, ContextManager, List, NamedTuple, Optional, Protocol, Tuple

from ..errors import MobiusError
from ..process import supervise
from ..process.port import check_free
from ..text import mask_secrets
from .plan import Service

# Runs a command: exit code, standard output, standard error.
Run = Callable[[List[str]], Tuple[int, str, str]]
_PROPERTIES = ("ActiveState", "UnitFileState", "MainPID")
# A unit in one of these states is running, or about to be.
_RUNNING = ("active", "activating", "reloading")


class State(NamedTuple):
    """``installed``: there is something to start. ``enabled``: nothing is missing for a start at boot."""

    installed: bool
    running: bool
    enabled: bool
    pid: Optional[int]


class Manager(Protocol):
    """Inspects, starts and stops the service."""

    def look(self) -> State:
        """Return its current state."""

    def alone(self) -> ContextManager[None]:
        """Keeps other runs from starting and stopping it at the same time."""

    def start(self, is_up: Callable[[], bool], timeout: float) -> None:
        """Start or restart it; returns when ``is_up`` returns true, the time is over, or it has ended.

        :raises MobiusError: it did not start, did not stop, or its port is taken.
        """

    def stop(self) -> None:
        """Stop it.

        :raises MobiusError: it does not end.
        """

    def last_words(self) -> str:
        """The end of its log, empty when there is none."""


class Systemd:
    """The unit of the service."""

    def __init__(self, service: Service, run: Run) -> None:
        self._service = service
        self._run = run
        self._name = f"{service.options.unit}.service"

    def look(self) -> State:
        installed = os.path.exists(self._service.unit_file)
        code, out, err = self._run(["systemctl", "show", self._name, f"--property={','.join(_PROPERTIES)}"])
        if code:
            raise MobiusError(f"systemd cannot be queried: {(err or out).strip()}", self._name, "systemctl status")
        found = dict(line.partition("=")[::2] for line in out.splitlines())
        pid = int(found.get("MainPID") or 0) or None
        enabled = found.get("UnitFileState", "").startswith("enabled")
        return State(installed, found.get("ActiveState") in _RUNNING, enabled, pid)

    def alone(self) -> ContextManager[None]:
        return contextlib.nullcontext()

    def start(self, is_up: Callable[[], bool], timeout: float) -> None:
        self._call("daemon-reload")
        if not self.look().running:
            check_free(self._service.options.host, self._service.options.port)
        self._call("enable", self._name)
        # Earlier failures must not count toward the limit of starts.
        self._run(["systemctl", "reset-failed", self._name])
        self._call("restart", self._name)
        supervise.poll(is_up, timeout, lambda: self.look().running)

    def stop(self) -> None:
        self._call("stop", self._name)

    def last_words(self) -> str:
        _code, out, _err = self._run(["journalctl", "-u", self._name, "-n", "5", "-o", "cat", "--no-pager", "-q"])
        return mask_secrets(ascii(" / ".join(out.strip().splitlines()))[1:-1])

    def _call(self, *words: str) -> None:
        code, out, err = self._run(["systemctl", *words])
        if code:
            output = mask_secrets((err or out).strip())
            raise MobiusError(
                f"systemctl {' '.join(words)} failed with exit code {code}: {output}", None, self._service.log
            )


class Process:
    """The service in the background."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._program = supervise.Program(service.argv, service.pid_file, service.log_file)

    def look(self) -> State:
        running = supervise.find(self._service.pid_file)
        pid = running.pid if running is not None else None
        return State(os.path.exists(self._service.argv[-1]), running is not None, True, pid)

    def alone(self) -> ContextManager[None]:
        return supervise.alone(self._program)

    def start(self, is_up: Callable[[], bool], timeout: float) -> None:
        supervise.stop(self._program)
        check_free(self._service.options.host, self._service.options.port)
        supervise.start(self._program, is_up, timeout)

    def stop(self) -> None:
        supervise.stop(self._program)

    def last_words(self) -> str:
        # The error of a failed start already quotes the log.
        return ""


def manager_of(service: Service, run: Run) -> Manager:
    """The manager that this service has on this host."""
    return Systemd(service, run) if service.systemd else Process(service)
