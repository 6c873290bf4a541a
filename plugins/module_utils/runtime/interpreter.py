# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python interpreters on the host: their versions, what they can import, and what is missing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ..errors import MobiusError
from ..json import load_json, load_object
from ..text import mask_secrets

OLDEST = (3, 9)
#: Ignore the user's packages, and use UTF-8 paths in every locale.
FLAGS = ("-I", "-X", "utf8")
# These would redirect an installation away from the environment being built.
_MISLEADING = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
_PROBE = """
import importlib, json, sys
from importlib import metadata
for name in sys.argv[1:]:
    importlib.import_module(name)
found = {dist.metadata["Name"].lower(): dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
print(json.dumps(found))
"""
_DESCRIBE = """
import json, platform, sys
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps([base, sys.version_info[:2], sys.implementation.cache_tag, platform.machine(), sys.abiflags]))
"""


class Base(NamedTuple):
    """A Python outside of any virtual environment; ``kind`` is equal for those that can share an environment."""

    executable: str
    version: str
    kind: str


class Probe(NamedTuple):
    """Versions by distribution, or why an import failed."""

    versions: Dict[str, str]
    problem: str


def describe(python: Optional[str] = None) -> Base:
    """Return the base Python of ``python`` (default: the running one), outside of its virtual environment.

    :raises MobiusError: it does not run, or is too old.
    """
    executable, version, tag, machine, flags = _description_of(python) if python else _own_description()
    python = python or sys.executable
    if tuple(version) < OLDEST:
        raise MobiusError(
            f"Python {version[0]}.{version[1]} is too old",
            python,
            "install Python 3.9 or newer, and name it in mobius_runtime_python",
        )
    # After an upgrade in place, the running Python may no longer be where its environment points.
    known = executable if Path(executable).exists() else python
    return Base(known, f"{version[0]}.{version[1]}", f"{tag}{flags}-{machine}")


def _description_of(python: str) -> List[Any]:
    answer = _run([python, *FLAGS, "-c", _DESCRIBE])
    try:
        executable, (major, minor), tag, machine, flags = load_json(answer.stdout)
        return [str(executable), [int(major), int(minor)], tag, machine, flags]
    except (ValueError, TypeError, OverflowError) as error:
        raise MobiusError(
            f"This Python does not run: {_last_line(answer.stderr)}",
            python,
            "name one that does in mobius_runtime_python",
        ) from error


def _own_description() -> List[Any]:
    """Describe the running Python without starting another process."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return [base, sys.version_info[:2], sys.implementation.cache_tag, platform.machine(), sys.abiflags]


def probe(python: str, imports: Sequence[str]) -> Probe:
    """Import everything in a separate process."""
    answer = _run([python, *FLAGS, "-c", _PROBE, *imports])
    try:
        return Probe({str(name): str(version) for name, version in load_object(answer.stdout).items()}, "")
    except ValueError:
        return Probe({}, _last_line(answer.stderr) or f"exit code {answer.returncode}")


def version_of(python: str) -> str:
    """Version of a Python such as ``3.11``; empty when it does not run."""
    return _run([python, *FLAGS, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).stdout.strip()


def can_make_environments(base: Base) -> bool:
    return probe(base.executable, ["venv", "ensurepip"]).problem == ""


def clean_environment() -> Dict[str, str]:
    """Return the environment for pip: the host's proxies, certificates and indexes, without harmful variables."""
    return {name: value for name, value in os.environ.items() if name not in _MISLEADING}


def _run(command: List[str]) -> subprocess.CompletedProcess[str]:
    try:
        # run_command belongs to an AnsibleModule, and there is none here.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, text=True, errors="replace", check=False, env=clean_environment(), cwd="/"
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{error.strerror}: {command[0]}")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return mask_secrets(lines[-1].strip()[:300]) if lines else ""
