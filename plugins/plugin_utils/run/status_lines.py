# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of ``status.yml``: one fact each, the next commands last."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

from .end import Command
from .state_lines import job_in
from .status import (
    DEPLOYED,
    EDITED,
    INCOMPLETE,
    INTERRUPTED,
    REJECTED,
    ROLLED_BACK,
    UNDER_WAY,
    UNKNOWN,
    Status,
    name_of,
    next_commands,
    reached_at,
    seconds_between,
)


def lines(status: Status, command: Command) -> List[str]:
    """Everything, one fact a line, the next commands last."""
    return [
        *_library_lines(status.library),
        _line("state", _state(status)),
        *_fleet_lines(status),
        *_run_lines(status),
        _line("writing", _writing(status)),
        _line("owed", ", ".join(status.owed) or "nothing"),
        _line("backup", _target(status)),
        _line("lock", _lock(status)),
        _line("maintenance", _maintenance(status)),
        *_next_lines(status, command),
    ]


# Facts


def _library_lines(library: Mapping[str, Any]) -> List[str]:
    real = library.get("real_path")
    behind = f" -> {real}" if real and real != library["path"] else ""
    if not library.get("sha256"):
        why = f"cannot be read: {library['error']}" if library.get("error") else "missing"
        return [_line("library", f"{library['path']}{behind}: {why}")]
    valid = f"not valid JSON ({library['problem']})" if library.get("problem") else "valid JSON"
    access = f"mode {library['mode']}, owner {library['owner']}, group {library['group']}"
    return [
        _line("library", f"{library['path']}{behind}"),
        _line("content", f"sha256 {library['sha256']}, {library['size']} bytes, {valid}"),
        _line("access", access),
    ]


def _state(status: Status) -> str:
    current, run = status.current, status.run
    by = f"deployment {current['deployment']}" if current.get("deployment") else "a manual rollback"
    texts = {
        UNDER_WAY: f"{name_of(run)} is under way",
        INTERRUPTED: f"{name_of(status.unfinished or run)} was interrupted",
        REJECTED: f"rejected by {name_of(status.unfinished)}, whose rollback failed",
        INCOMPLETE: f"{name_of(status.unfinished)} ended ({status.unfinished.get('status')}) and left steps pending",
        DEPLOYED: f"deployed by {by}",
        EDITED: f"edited since {by} ({current.get('status')})",
        UNKNOWN: "no deployment of this library is known",
        ROLLED_BACK: f"rolled back at {current.get('restored_at')}",
    }
    text = texts.get(status.state, status.state)
    if status.state in (INTERRUPTED, UNDER_WAY) and status.sha256:
        text += f"; the library holds {_held(status)}"
    return text


def _fleet_lines(status: Status) -> List[str]:
    """The fleet run of what is deployed, or of what was rolled back; nothing where there is none."""
    previous = status.current.get("previous") or {}
    rolled_back = previous.get("fleet") if status.state == ROLLED_BACK else None
    if rolled_back:
        return [_line("fleet", f"{rolled_back}, rolled back")]
    return [_line("fleet", str(status.current["fleet"]))] if status.current.get("fleet") else []


def _held(status: Status) -> str:
    """What the library holds in the middle of a run."""
    before = (status.unfinished or status.run).get("sha256")
    if before == status.sha256:
        return "the bytes from before"
    if "verify" in status.owed:
        return "a migrated state that is not verified"
    return "restored bytes" if status.owed else "other bytes than before"


def _run_lines(status: Status) -> List[str]:
    run = status.run
    if not run:
        return [_line("run", "none is known")]
    shown = [_line("run", f"{name_of(run)}, started {run.get('started_at')} by {_who(run.get('controller') or {})}")]
    if not status.is_open:
        return [*shown, _line("ended", f"{run.get('ended_at')}: {run.get('status')}"), *_earlier(status)]
    return [*shown, _line("step", _step(status)), _line("controller", _controller(status)), *_earlier(status)]


def _earlier(status: Status) -> List[str]:
    """The run that left the library as it is, where it is not the last one."""
    earlier = status.unfinished
    if not earlier or earlier.get("id") == status.run.get("id"):
        return []
    how = earlier.get("status") or f"interrupted in step {earlier.get('step')}"
    return [_line("before it", f"{name_of(earlier)}, started {earlier.get('started_at')}: {how}; it is not completed")]


def _who(controller: Mapping[str, Any]) -> str:
    if not controller:
        return "an unknown controller"
    job = controller.get("job") or {}
    url = f" {job['url']}" if job.get("url") else ""
    by = f" ({job.get('system')} job {job.get('id')}{url})" if job else ""
    return f"{job.get('user') or controller.get('user')}@{controller.get('host')}{by}"


def _step(status: Status) -> str:
    step = status.run.get("step") or {}
    if not step:
        return "none was reached"
    since = _age(reached_at(status.run), status.found.get("now"))
    outcome = step.get("outcome")
    if outcome == "running":
        alive = "its process is running" if status.run.get("module_alive") else "its process is gone"
        return f"{step.get('step')} began {step.get('at')}{since}; {alive}"
    return f"{step.get('step')} ended {step.get('ended_at') or step.get('at')}{since}: {outcome}"


def _controller(status: Status) -> str:
    controller = status.run.get("controller") or {}
    process = f"process {controller.get('pid')} on {controller.get('host')}"
    alive = status.run.get("controller_alive")
    if alive is None:
        return f"{process} cannot be seen from {status.found.get('host')}"
    return f"{process} {'is alive' if alive else 'is gone'}"


def _writing(status: Status) -> str:
    writer = status.writer
    if not writer:
        return "nothing"
    command = f" ({writer['command']})" if writer.get("command") else ""
    return f"process {writer.get('pid') or 'unknown'}{command} is writing to the library"


def _target(status: Status) -> str:
    target = status.target
    if target.get("verified"):
        note = f"; {target['reason']}" if target.get("reason") else ""
        return f"{target['path']} (verified){note}"
    older = f"; the next older one that verifies is {target['older']}" if target.get("older") else ""
    return f"none that can be used: {target.get('reason') or 'there is none'}{older}"


def _lock(status: Status) -> str:
    lease = status.lock
    if not lease:
        return "free"
    dead = ", but that run is dead" if status.lock_is_dead else ""
    process = f", process {lease['pid']}" if lease.get("pid") else ""
    return (
        f"held by {lease['id']} ({lease.get('user')} on {lease.get('host')}{process}{job_in(lease)}) since "
        f"{lease.get('taken_at')}, expires at {lease['expires_at']}{dead}"
    )


def _maintenance(status: Status) -> str:
    maintenance = status.found.get("maintenance") or {}
    if not maintenance.get("on"):
        return "off"
    content = maintenance.get("content") or {}
    by = f" by {content['deployment']}" if content.get("deployment") else ""
    since = f" since {content['since']}" if content.get("since") else ""
    return f"on{since}{by}: {maintenance['flag']} ({content.get('reason') or 'no reason given'})"


def _next_lines(status: Status, command: Command) -> List[str]:
    if status.is_busy:
        return [_line("next", f"{_wait(status)}, then check again:"), _line("", command("status"))]
    commands = next_commands(status, command)
    names = ["next", *(["or"] * (len(commands) - 1))]
    return [_line(name, each) for name, each in zip(names, commands)] or [_line("next", "nothing to do")]


def _wait(status: Status) -> str:
    if status.is_alive and status.run.get("controller_alive") is None:
        until = f"; its lock expires at {status.lock['expires_at']}" if status.holds_lock else ""
        controller = status.run.get("controller") or {}
        job = controller.get("job") or {}
        if job.get("url"):
            # The process number of a container that is gone means nothing.
            return f"wait, or see whether {job.get('system')} job {job.get('id')} still runs, at {job['url']}{until}"
        return (
            f"wait, or see on {controller.get('host')} whether process {controller.get('pid')} is still running{until}"
        )
    if status.is_alive:
        return "wait for the run to end"
    if status.writer or status.run.get("module_alive"):
        return "wait for the process that is still at work to end"
    return f"wait for the holder of the lock; it expires at {status.lock['expires_at']}"


def _age(since: Optional[str], now: Any) -> str:
    seconds = seconds_between(since, now)
    if not 0 <= seconds < 365 * 86400:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size:
            return f" ({seconds // size:.0f} {unit} ago)"
    return " (just now)"


def _line(name: str, text: str) -> str:
    return f"{name:<12} {text}"
