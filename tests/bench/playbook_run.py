"""A playbook as the bench runs it: the collection of this checkout, no configuration of the user's, what it cost."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import places

TIMEOUT = 900
_COUNTS = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+) +skipped=(\d+)", re.MULTILINE)


class Broken(Exception):
    """A playbook failed; the message has its last lines."""


def play(name: str, inventory: Path, variables: Dict[str, Any], *arguments: str, log: Optional[Path] = None) -> Any:
    """Run a playbook; what it took and what its recap counts.

    :param name: of a playbook of the collection, or the path of another one.
    :param log: where to keep the log in which modules that were executed on a host are counted. It slows the run.
    :returns: ``seconds`` and ``cpu`` seconds of ``ansible-playbook`` with its children; ``tasks`` that were executed,
        ``changed`` and ``skipped`` ones of the host that had most; with a log ``modules`` of all hosts.
    :raises Broken: it failed.
    """
    path = name if "/" in name else str(places.ROOT / "playbooks" / f"{name}.yml")
    command = [str(places.ROOT / ".cache" / "controller" / "bin" / "ansible-playbook"), path, "-i", str(inventory)]
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(places.ROOT / ".cache" / "ansible"),
        "ANSIBLE_CONFIG": str(_empty_config()),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_COLLECTIONS_PATH": str(places.COLLECTIONS),
        "ANSIBLE_ROLES_PATH": str(places.CACHE / "roles"),
        "MOLECULE_PROJECT_DIRECTORY": str(places.ROOT),
        **({"ANSIBLE_LOG_PATH": str(log), "ANSIBLE_LOG_VERBOSITY": "3"} if log else {}),
    }
    began, started = _cpu_of_children(), time.perf_counter()
    done = ended([*command, "-e", json.dumps(variables), *arguments], environment)
    seconds, cpu = time.perf_counter() - started, _cpu_of_children() - began
    counts = [list(map(int, found[1:])) for found in _COUNTS.findall(done.stdout)]
    if done.returncode or not counts:
        raise Broken(f"{name} failed: {(done.stdout + done.stderr).strip()[-1500:]}")
    ok, changed, _unused, _none, skipped = (max(column) for column in zip(*counts))
    result = {"seconds": seconds, "cpu": cpu, "tasks": ok, "changed": changed, "skipped": skipped}
    if log:
        result["modules"] = log.read_text("utf-8").count("Using module file")
        log.unlink()
    return result


def ended(command: List[str], environment: Optional[Dict[str, str]] = None) -> subprocess.CompletedProcess[str]:
    """
    :raises Broken: it took too long.
    """
    try:
        return subprocess.run(
            command,
            cwd=places.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{command[0]} did not end within {TIMEOUT} s") from error


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _empty_config() -> Path:
    """A file of the user's own must not change what is measured."""
    path = places.CACHE / "ansible.cfg"
    path.touch()
    return path
