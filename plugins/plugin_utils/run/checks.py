# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run refuses on the controller, before it connects to the host."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ansible.module_utils.parsing.convert_bool import boolean

from ...module_utils.errors import MobiusError
from ...module_utils.maintenance.window import look, parse_window
from .controller import under_runner
from .ends import Hosts
from .journal import Journal


class LostHosts(MobiusError):
    """An earlier batch has lost a host."""


def refuse_after_lost_hosts(hosts: Hosts, journal: Journal) -> None:
    """Begin nothing after a batch in which a host was lost: ``max_fail_percentage`` counts failed hosts only.

    :raises MobiusError: a host that began its run has left the play without ending it.
    """
    lost = journal.unended([host for host in hosts.all if host not in hosts.still_in_play])
    if lost:
        raise LostHosts(f"{', '.join(lost)}: lost in an earlier batch, so nothing was started on {journal.host}")


def refuse_without_library(path: str) -> None:
    """:raises MobiusError: no library is named."""
    if not path.strip():
        raise MobiusError(
            "mobius_library_path is not set",
            remedy="set it in the inventory, or give it with -e mobius_library_path=...",
        )


def refuse_slice(variables: Mapping[str, Any]) -> None:
    """Refuse a slice of a job of AWX, Tower or AAP: a canary that fails in one slice stops none of the others.

    AWX runs the slices of a job template as a workflow job of the same name, and names both to each job.

    :param variables: of the host.
    :raises MobiusError: the job is a slice.
    """
    for prefix in ("awx", "tower"):
        known = {name: variables.get(f"{prefix}_{name}") for name in ("workflow_job_name", "job_template_name")}
        same = known["workflow_job_name"] and known["workflow_job_name"] == known["job_template_name"]
        if same or _is_more_than_one(variables.get(f"{prefix}_job_slice_count")):
            template = f" of the job template {known['job_template_name']}" if known["job_template_name"] else ""
            raise MobiusError(
                f"This job is one of several slices{template}. Each slice would deploy a first batch of its own, and "
                "a host that fails in one slice would stop none of the others",
                remedy="set job slicing of the template to 1 and raise its forks, or give each part of a large "
                "inventory a template and run them one after the other in a workflow. A workflow that only has the "
                "same name as its job template needs another name",
            )


def _is_more_than_one(count: Any) -> bool:
    try:
        return int(count) > 1
    except (TypeError, ValueError):
        return False


def refuse_task_timeout(seconds: Any) -> None:
    """:raises MobiusError: Ansible would end a task after so many seconds, even in the middle of a step."""
    if seconds:
        raise MobiusError(
            f"A task timeout of {seconds} s would cut off a step of the run and leave its work behind",
            remedy="unset timeout of the play (ANSIBLE_TASK_TIMEOUT, task_timeout in ansible.cfg)",
        )


def refuse_outside_window(window: Any, ignore: Any) -> None:
    """:raises MobiusError: the maintenance window is closed or invalid."""
    if not window or boolean(ignore or False):
        return
    found = look(parse_window(window), datetime.now(timezone.utc))
    if not found["open"]:
        raise MobiusError(
            f"The maintenance window is closed; it opens at {found['opens_at']}",
            remedy="start it then, or start it now with -e mobius_maintenance_ignore_window=true",
        )


def refuse_ephemeral_evidence(
    dest: str, environ: Optional[Mapping[str, str]] = None, exists: Callable[[str], bool] = os.path.exists
) -> None:
    """:raises MobiusError: evidence would be copied into the container of a job, which is removed when the job ends."""
    environ = os.environ if environ is None else environ
    if not dest or not under_runner(environ):
        return
    data = [environ.get("AWX_PRIVATE_DATA_DIR") or "", environ.get("AWX_ISOLATED_DATA_DIR") or "", "/runner", "/tmp"]
    inside = os.path.normpath(dest)
    if not os.path.isabs(dest):
        why = "is relative, so it would be a folder in the container"
    elif any(folder and (inside == folder or inside.startswith(f"{folder}/")) for folder in data):
        why = "is a folder of the job's container"
    elif not exists(_top(inside)):
        why = "is not mounted into the job's container"
    else:
        return
    raise MobiusError(
        f"mobius_evidence_dest {dest} {why}, which is removed when the job ends",
        remedy="name a folder that the execution environment mounts (in AWX: Settings, Jobs, paths to expose), or "
        "leave it out: the evidence stays on the host, and the job's artifacts hold its summary",
    )


def _top(path: str) -> str:
    """The first two folders of an absolute path: what an execution environment mounts."""
    return "/" + "/".join(path.strip("/").split("/")[:2])


def find_hooks(hooks: Mapping[str, Any], folders: Sequence[str]) -> Dict[str, str]:
    """The path of each hook; a relative one is looked for in ``folders``, in their order.

    :param folders: of the inventory, which is a temporary one in a job of AWX, of the playbook, and of the project.
    :raises MobiusError: names each hook that is in none of them, and where it was looked for.
    """
    places = [os.path.realpath(folder) for folder in dict.fromkeys(folders) if folder]
    found: Dict[str, str] = {}
    missing = []
    for name, file in hooks.items():
        candidates = [os.path.join(place, str(file)) for place in places]
        path = next((path for path in candidates if os.path.isfile(path)), None)
        if path is None:
            missing.append(f"{name} {file}")
        else:
            found[name] = path
    if missing:
        raise MobiusError(
            f"No such hook: {', '.join(missing)} (looked in {', '.join(places)})",
            remedy="correct mobius_hooks: absolute paths, or relative to the inventory, the playbooks or the project",
        )
    return found


def refuse_unanswerable_question(confirm: Any) -> None:
    """:raises MobiusError: consent is wanted, but nobody can answer at the terminal of ansible-runner."""
    if boolean(confirm or False) and under_runner():
        raise MobiusError(
            "mobius_confirm needs a terminal, and a job of AWX or ansible-runner has none",
            remedy="leave mobius_confirm unset and put an approval node before the deployment in the workflow",
        )
