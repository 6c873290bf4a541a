# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who started a run, and from where: a person at a terminal, an AWX job, or another automation."""

from __future__ import annotations

import getpass
import os
import socket
from typing import Any, Dict, Mapping, Optional

from ...module_utils.process.identity import boot_id, start_of


def controller_facts(environ: Mapping[str, str] = os.environ) -> Dict[str, Any]:
    """``host``, ``user``, ``pid`` of ansible-playbook (``pid_start``, ``boot_id``), and ``job`` of an automation."""
    pid = os.getppid()
    facts: Dict[str, Any] = {"host": socket.gethostname(), "user": _user(), "pid": pid}
    # With these, a host that is the same machine knows later whether that process still lives.
    facts.update(pid_start=start_of(pid), boot_id=boot_id())
    job = job_of(environ)
    return {**facts, "job": job} if job else facts


def job_of(environ: Mapping[str, str] = os.environ) -> Optional[Dict[str, str]]:
    """``system``, ``id`` and ``url`` of the job that runs this, from the environment that the system documents."""
    get = environ.get
    if get("JOB_ID") and (get("AWX_HOST") or get("AWX_PRIVATE_DATA_DIR")):
        host = (get("AWX_HOST") or "").rstrip("/")
        url = f"{host}/#/jobs/playbook/{get('JOB_ID')}" if host else ""
        return {"system": "AWX", "id": str(get("JOB_ID")), "url": url}
    if get("GITHUB_RUN_ID"):
        url = f"{get('GITHUB_SERVER_URL', '')}/{get('GITHUB_REPOSITORY', '')}/actions/runs/{get('GITHUB_RUN_ID')}"
        return {"system": "GitHub Actions", "id": str(get("GITHUB_RUN_ID")), "url": url}
    if get("CI_JOB_ID") and get("GITLAB_CI"):
        return {"system": "GitLab CI", "id": str(get("CI_JOB_ID")), "url": get("CI_JOB_URL", "")}
    if get("BUILD_TAG") and get("JENKINS_URL"):
        return {"system": "Jenkins", "id": str(get("BUILD_TAG")), "url": get("BUILD_URL", "")}
    return None


def under_runner(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ansible-runner started this: it gives a terminal at which nobody answers."""
    return any(name in environ for name in ("AWX_PRIVATE_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS"))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
