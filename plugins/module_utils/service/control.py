# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop and restart the service of a host, and wait until it answers."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Union

from ..errors import MobiusError
from ..process.supervise import poll
from ..storage.replace import replace_whole
from ..text import mask_secrets
from . import address, tree
from .look import facts, is_right, stamps, unit_text
from .manager import Manager, Run, State
from .plan import Service, check

Command = Union[str, List[str]]
# Seconds for the first answer of a service that is running already.
_STARTING = 5.0


@dataclass(frozen=True)
class Request:
    """``state``: started, stopped or restarted. ``code``: text of each file of the code, needed for started.

    ``timeout``: seconds to wait for the service's answer.
    """

    state: str
    code: Optional[Mapping[str, str]] = None
    timeout: float = 20.0


def control(service: Service, request: Request, manager: Manager, check_mode: bool = False) -> Dict[str, Any]:
    """Bring the service into the requested state; ``started`` installs what is missing or differs first.

    :returns: ``changed``, ``state``, ``manager``, ``pid`` (None when stopped, or not known yet), ``diff`` and the
        facts of :func:`look.facts`.
    :raises MobiusError: it did not start or stop, its port is taken, or something else answers.
    """
    with contextlib.nullcontext() if check_mode else manager.alone():
        lines = _install(service, request, check_mode) if request.state == "started" else []
        before = manager.look()
        act = _what_to_do(service, request, before, bool(lines), check_mode)
        if act and not check_mode:
            _act(service, request, manager, before)
        after = before if check_mode or not act else manager.look()
    wanted = "stopped" if request.state == "stopped" else "started"
    if act:
        lines.append(f"{'started' if before.running else 'stopped'} -> {'restarted' if act == 'restart' else wanted}")
    unknown = wanted == "stopped" or (check_mode and bool(act))
    return {
        "changed": bool(lines),
        "state": wanted,
        "manager": service.manager,
        "pid": None if unknown else after.pid,
        "diff": {"before": "", "after": "".join(f"{line}\n" for line in lines)},
        **facts(service),
    }


def run_command(command: Command, run: Run, check_mode: bool = False) -> Dict[str, Any]:
    """Run the command that restarts a host's own service; no shell reads it.

    :returns: ``changed``, ``command`` (its words), ``rc``, ``stdout`` and ``stderr``.
    :raises MobiusError: it cannot be run.
    """
    words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    result: Dict[str, Any] = {"changed": True, "command": [mask_secrets(word) for word in words]}
    if check_mode:
        return result
    try:
        code, out, err = run(words)
    except OSError as error:
        raise MobiusError(
            f"The restart command cannot be run: {error.strerror or error}", words[0], "correct mobius_restart_command"
        ) from error
    return {**result, "rc": code, "stdout": mask_secrets(out[-4000:]), "stderr": mask_secrets(err[-4000:])}


def failure_of(result: Mapping[str, Any]) -> str:
    """Describe a failed command: the command, its exit code and the end of its output."""
    output = (str(result["stderr"]).strip() or str(result["stdout"]).strip()).splitlines()[-5:]
    text = f"The restart command failed with exit code {result['rc']}: {shlex.join(result['command'])}"
    return f"{text}: {' / '.join(output)}" if output else text


def _install(service: Service, request: Request, check_mode: bool) -> List[str]:
    check(service)
    changes = tree.ensure(service.app, service.files(request.code or {}), stamps(service), service.group, check_mode)
    lines = changes.lines
    if service.systemd:
        text = unit_text(service).encode()
        if tree.stamp(service.unit_file) != stamps(service)["unit"]:
            lines.append(f"~ {service.unit_file}")
            if not check_mode:
                replace_whole(service.unit_file, lambda stream: stream.write(text), owner=0, group=0, mode=0o644)
    return lines


def _what_to_do(service: Service, request: Request, now: State, installed: bool, check_mode: bool) -> str:
    """start, restart, stop, or nothing."""
    if request.state == "stopped":
        return "stop" if now.running else ""
    if not now.installed and not installed and not check_mode:
        raise MobiusError(
            "The service is not installed here",
            service.app,
            "ansible-playbook playbooks/service.yml installs and starts it",
        )
    if not now.running:
        return "start"
    if request.state == "restarted" or installed or not now.enabled or not _answers(service):
        return "restart"
    return ""


def _answers(service: Service) -> bool:
    """Whether it answers as expected; a service that may have just started gets some time."""
    answer = address.Answer()

    def answered() -> bool:
        nonlocal answer
        answer = address.ask(service.options.host, service.options.port)
        return not answer.problem

    poll(answered, _STARTING, lambda: True)
    return is_right(service, answer)


def _act(service: Service, request: Request, manager: Manager, before: State) -> None:
    if request.state == "stopped":
        manager.stop()
        return
    last = address.Answer()

    def is_up() -> bool:
        nonlocal last
        last = address.ask(service.options.host, service.options.port)
        # A service that was just started runs the installed code; older versions do not report a build.
        return last.instance == service.instance

    manager.start(is_up, request.timeout)
    if last.instance != service.instance:
        raise _wrong_answer(service, manager, last)


def _wrong_answer(service: Service, manager: Manager, last: address.Answer) -> MobiusError:
    words = manager.last_words()
    problem = last.problem or "another service answers"
    log = f" Its log ends: {words}." if words else ""
    return MobiusError(
        f"{service.url} is not answered by the service of {service.options.library_path} ({problem}).{log} Another "
        "program may have the port, or the service ended",
        remedy=f"{service.log}, or set mobius_service_port to a free port",
    )
