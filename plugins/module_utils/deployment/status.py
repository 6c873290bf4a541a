# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host knows of its library and of the last run. It reads and writes nothing."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
from contextlib import suppress
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..clock import timestamp
from ..errors import MobiusError
from ..library.validate import find_problems
from ..maintenance.flag import read_flag
from ..process.identity import boot_id, start_of
from ..storage.journal import read_run, undone, unfinished
from ..storage.lock import holder
from ..storage.paths import resolve_library
from ..storage.replace import read_version
from ..storage.state import read_current
from .info import rollback_target
from .writer import writer_of

_LEASE = ("id", "purpose", "user", "host", "pid", "taken_at", "expires_at", "info")
_RUN = ("id", "kind", "status", "started_at", "ended_at", "controller", "sha256", "backup")


def status_of(
    path: str, backup_dir: Optional[str] = None, backup: str = "deployment", flag: Optional[str] = None
) -> Dict[str, Any]:
    """Read the library, the last run, the lock, the rollback target and the maintenance flag.

    :param backup: the backup that a rollback would be given, as in :func:`..backups.choose.choose`.
    :param flag: the maintenance flag; None for the default and those that runs have left.
    :returns: ``host``; ``now`` (time of the host); ``library`` (see :func:`_library`); ``current`` (the state, ``{}``
        where there is none or it is damaged: then ``state_error``); ``as_deployed`` (the library has the bytes of the
        state); ``run`` (see :func:`_run`, None where none is known); ``writer`` (see :func:`.writer.writer_of`);
        ``lock`` (a live lease, or None); ``target`` and ``before`` (see :func:`.info.rollback_target`; ``before`` holds
        what was there before the run that is to be completed, None where there is none); ``maintenance`` (``on``,
        ``flag``, ``content``, ``own``).
    """
    found: Dict[str, Any] = {"changed": False, "host": socket.gethostname(), "now": timestamp()}
    found.update(state_error=None, current={})
    library = _library(path)
    sha256 = library["sha256"]
    try:
        found["current"] = read_current(path, sha256) or {}
    except (MobiusError, OSError) as error:
        found["state_error"] = str(error)
    as_deployed = sha256 is not None and found["current"].get("sha256") == sha256
    proven = as_deployed and found["current"].get("status") == "deployed"
    library["problem"] = None if proven or sha256 is None else _problem(library["real_path"])
    journal = read_run(path)
    run = _run(journal, sha256)
    before = (run or {}).get("unfinished") or {}
    # A rollback and a watch restore the rollback target, whatever the library held when they began.
    wanted = f"sha256:{before['sha256']}" if before.get("sha256") and before.get("kind") == "deployment" else None
    return {
        **found,
        "library": library,
        "as_deployed": as_deployed,
        "run": run,
        "writer": writer_of(path),
        "lock": _lease(path),
        "target": rollback_target(path, backup_dir, backup, found["current"]),
        "before": rollback_target(path, backup_dir, wanted, found["current"]) if wanted else None,
        "maintenance": _maintenance(path, flag, journal or {}),
    }


def _library(path: str) -> Dict[str, Any]:
    """``path``, ``real_path``, ``sha256`` and ``size`` (None where it cannot be read: ``error``, or where it is
    missing), ``mode`` (``0640``), ``owner``, ``group``; ``problem`` is the first fault of its JSON, set later.
    """
    found: Dict[str, Any] = dict.fromkeys(("real_path", "sha256", "size", "mode", "owner", "group", "problem", "error"))
    found["path"] = path
    try:
        found["real_path"] = resolve_library(path)
        facts = os.stat(found["real_path"])
        found.update(mode=f"{stat.S_IMODE(facts.st_mode):04o}", owner=_user(facts.st_uid), group=_group(facts.st_gid))
        found.update(sha256=read_version(found["real_path"]).sha256, size=facts.st_size)
    except FileNotFoundError:
        found["error"] = None
    except OSError as error:
        found["error"] = error.strerror or str(error)
    except MobiusError as error:
        found["error"] = error.what
    return found


def _problem(path: str) -> Optional[str]:
    """Where the library stops being strict JSON, or None."""
    try:
        faults = [each for each in find_problems(path, 1, warnings=False) if each["severity"] == "error"]
    except (MobiusError, OSError) as error:
        return str(error)
    return f"line {faults[0]['line']} column {faults[0]['column']}: {faults[0]['message']}" if faults else None


def _run(run: Optional[Dict[str, Any]], sha256: Optional[str]) -> Optional[Dict[str, Any]]:
    """The last run: the members of its journal, ``step`` (``step``, ``at``, ``outcome``, ``pid``; the last one),
    ``controller_alive`` and ``module_alive`` (None where this host cannot know), ``owed`` (for the library as it is)
    and ``unfinished`` (the run that left it so, which may be an earlier one).
    """
    if run is None:
        return None
    steps: List[Mapping[str, Any]] = run["steps"]
    last = dict(steps[-1]) if steps else None
    owed = undone(run, sha256)
    return {
        **{name: run.get(name) for name in _RUN},
        "step": last,
        "controller_alive": controller_alive(run.get("controller") or {}),
        "module_alive": _module_alive(last),
        "owed": owed,
        "unfinished": unfinished(run) if owed or run.get("ended_at") is None else None,
    }


def controller_alive(controller: Mapping[str, Any]) -> Optional[bool]:
    """Whether the process of ansible-playbook lives; None where it is, or was, on another machine."""
    pid, start = controller.get("pid"), controller.get("pid_start")
    if not isinstance(pid, int) or not start or controller.get("host") != socket.gethostname():
        return None
    # After a restart of this machine nothing lives that was there before.
    return bool(controller.get("boot_id") == boot_id() and start_of(pid) == start)


def _module_alive(step: Optional[Mapping[str, Any]]) -> Optional[bool]:
    if step is None or step.get("outcome") != "running":
        return None
    pid, start = step.get("pid"), step.get("pid_start")
    return bool(isinstance(pid, int) and start and start_of(pid) == start)


def _lease(path: str) -> Optional[Dict[str, Any]]:
    lease = None
    with suppress(OSError):
        lease = holder(path)
    return None if lease is None else {name: lease.get(name) for name in _LEASE}


def _maintenance(path: str, flag: Optional[str], journal: Mapping[str, Any]) -> Dict[str, Any]:
    """The first flag that is on: that of the configuration, the default, or one that a run has left.

    ``own``: made by a run on this library. A flag elsewhere may be shared with other libraries and their runs.
    """
    known = {journal.get(name) for name in ("id", "maintenance_run")}
    known.update(*(journal.get("killed") or [], (journal.get("earlier_flags") or {}).values()))
    flags = [flag or f"{path}.maintenance", journal.get("maintenance_flag"), *(journal.get("earlier_flags") or {})]
    for each in filter(None, flags):
        with suppress(OSError, MobiusError):
            content = read_flag(each)
            if content:
                own = each == f"{path}.maintenance" or content.get("deployment") in known
                return {"on": True, "flag": each, "content": content, "own": own}
    return {"on": False, "flag": flags[0], "content": {}, "own": False}


def _user(uid: int) -> str:
    return _name(lambda: pwd.getpwuid(uid).pw_name, uid)


def _group(gid: int) -> str:
    return _name(lambda: grp.getgrgid(gid).gr_name, gid)


def _name(look: Callable[[], str], number: int) -> str:
    try:
        return look()
    except KeyError:
        return str(number)
