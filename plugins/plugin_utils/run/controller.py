# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who started a run, and from where: a person at a terminal, an AWX job, or another automation."""

from __future__ import annotations

import getpass
import os
import socket
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

from ...module_utils.process.identity import boot_id, start_of


def controller_facts(
    environ: Optional[Mapping[str, str]] = None, extra_vars: Optional[Mapping[str, Any]] = None
) -> Dict[str, Any]:
    """``host``, ``user``, ``pid`` of ansible-playbook (``pid_start``, ``boot_id``), and ``job`` of an automation."""
    pid = os.getppid()
    facts: Dict[str, Any] = {"host": socket.gethostname(), "user": _user(), "pid": pid}
    # With these, a host that is the same machine knows later whether that process still lives.
    facts.update(pid_start=start_of(pid), boot_id=boot_id())
    job = job_of(environ, extra_vars)
    return {**facts, "job": job} if job else facts


class _System(NamedTuple):
    """An automation and its environment variables; without ``url`` the address is made of others."""

    name: str
    requires: str
    id: str
    url: str
    user: str
    commit: str


_SYSTEMS = (
    _System("GitHub Actions", "GITHUB_RUN_ID", "GITHUB_RUN_ID", "", "GITHUB_ACTOR", "GITHUB_SHA"),
    _System("GitLab CI", "GITLAB_CI", "CI_JOB_ID", "CI_JOB_URL", "GITLAB_USER_LOGIN", "CI_COMMIT_SHA"),
    _System("Jenkins", "JENKINS_URL", "BUILD_TAG", "BUILD_URL", "BUILD_USER_ID", "GIT_COMMIT"),
)


def job_of(
    environ: Optional[Mapping[str, str]] = None, extra_vars: Optional[Mapping[str, Any]] = None
) -> Optional[Dict[str, str]]:
    """``system``, ``id`` and ``url`` of the job that runs this, and ``user`` and ``commit`` where they are known.

    :param environ: the environment that the system documents.
    :param extra_vars: extra variables, in which AWX names the user; those of this ansible-playbook when omitted.
    """
    environ = os.environ if environ is None else environ
    get = environ.get
    if get("JOB_ID") and (get("AWX_HOST") or get("AWX_PRIVATE_DATA_DIR")):
        host = (get("AWX_HOST") or "").rstrip("/")
        url = f"{host}/#/jobs/playbook/{get('JOB_ID')}" if host else ""
        given = load_extra_vars(DataLoader()) if extra_vars is None else extra_vars
        user = str(given.get("awx_user_name") or given.get("tower_user_name") or "")
        return _job("AWX", str(get("JOB_ID")), url, user, get("PROJECT_REVISION"))
    for system in _SYSTEMS:
        if get(system.requires) and get(system.id):
            url = get(system.url, "") if system.url else _github_url(environ)
            return _job(system.name, str(get(system.id)), url, get(system.user), get(system.commit))
    return None


def _job(system: str, number: str, url: str, user: Optional[str], commit: Optional[str]) -> Dict[str, str]:
    known = {"user": user, "commit": commit}
    return {"system": system, "id": number, "url": url, **{name: value for name, value in known.items() if value}}


def _github_url(environ: Mapping[str, str]) -> str:
    get = environ.get
    return f"{get('GITHUB_SERVER_URL', '')}/{get('GITHUB_REPOSITORY', '')}/actions/runs/{get('GITHUB_RUN_ID')}"


def under_runner(environ: Optional[Mapping[str, str]] = None) -> bool:
    """Whether ansible-runner started this: it gives a terminal at which nobody answers."""
    environ = os.environ if environ is None else environ
    return any(name in environ for name in _RUNNER)


_RUNNER = ("AWX_PRIVATE_DATA_DIR", "AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
