# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment for hashing: built from pinned requirements, replaced atomically, and only if needed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ..errors import MobiusError
from ..json import is_texts, load_object
from ..storage.lock import folder_alone
from ..text import mask_secrets
from .host import os_family
from .interpreter import FLAGS, Base, Probe, can_make_environments, clean_environment, describe, probe, version_of

MARKER = "mobius-runtime.json"
_WAIT = 1800.0
# What pip prints besides the reason; a connection that it tries again has the reason in quotes, once per try.
_NOISE = re.compile(r"WARNING: |\[notice\]|DEPRECATION: |Looking in ")
_RETRY = re.compile(r"WARNING: Retrying .*? after connection broken by '(.*)': ")
_NAMES = ("utf-8", "surrogateescape")
SYSTEM_REMEDY = (
    "apt-get install python3-pil python3-starlette python3-uvicorn python3-prometheus-client "
    "(or set mobius_become to true), or set mobius_runtime_source to venv"
)


@dataclass(frozen=True)
class Wanted:
    """An environment at ``path`` with ``requirements`` (the text of a requirements file with hashes), or more.

    ``imports``: modules that must load. ``find_links``: a folder of wheels to use instead of an index.
    ``variables``: for pip's environment, in addition to those of the host; they may contain passwords.
    """

    path: str
    requirements: str
    imports: Sequence[str]
    python: Optional[str] = None
    find_links: Optional[str] = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def ensure(wanted: Wanted, check_mode: bool = False) -> Dict[str, Any]:
    """Build the environment, unless it is as required.

    :returns: ``changed``, ``path``, ``python`` (in check mode it may not exist yet), ``versions``, ``reason`` for the
        change, ``missing`` (in check mode: what the base Python lacks) and a ``diff``.
    :raises MobiusError: it cannot be built; an existing one is unchanged.
    """
    path = os.path.abspath(wanted.path)
    base = describe(wanted.python)
    marks = fingerprints(wanted.requirements, base)
    reason, found = inspect(path, marks, wanted.imports)
    if reason and not check_mode:
        _check_path(path)
        with _alone(path):
            # Another run may have built it while this one waited.
            reason, found = inspect(path, marks, wanted.imports)
            if reason:
                found = _replace(path, wanted, base, marks)
    return {
        "changed": bool(reason),
        "path": path,
        "python": str(Path(path) / "bin" / "python"),
        "versions": {name: found.versions[name] for name in sorted(found.versions)},
        "reason": reason,
        "missing": "ensurepip" if reason and check_mode and not can_make_environments(base) else "",
        "diff": {"before": f"{reason}\n", "after": "as required\n"} if reason else {"before": "", "after": ""},
    }


def fingerprints(requirements: str, base: Base) -> List[str]:
    """Return a digest that changes with the requirements and with the kind of Python."""
    lines = [line for line in requirements.splitlines() if not line.lstrip().startswith("#")]
    pins = {" ".join(pin.split()) for pin in "\n".join(lines).replace("\\\n", " ").splitlines()} - {""}
    return sorted(hashlib.sha256(json.dumps([base.kind, pin]).encode()).hexdigest()[:32] for pin in pins)


def inspect(path: str, marks: List[str], imports: Sequence[str]) -> tuple[str, Probe]:
    """Return why the environment at ``path`` is not as required (empty if it is), and its packages.

    Additional packages are fine, because deployments with and without the service share it. Importing everything takes
    half a second, so it is only done if a file has changed since the last check.
    """
    nothing = Probe({}, "")
    try:
        noted = load_object((Path(path) / MARKER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it does not exist yet", nothing
    except (OSError, ValueError):
        return "its marker cannot be read", nothing
    known, imported, versions = noted.get("fingerprints"), noted.get("imports", []), noted.get("versions", {})
    if not is_texts(known) or not is_texts(imported) or not isinstance(versions, dict):
        return "its marker cannot be read", nothing
    if not set(known).issuperset(marks):
        return "the requirements or the Python have changed", nothing
    python = str(Path(path) / "bin" / "python")
    proven = set(imports).issubset(imported) and noted.get("files") == files_of(path)
    if proven and version_of(python) == noted.get("python"):
        return "", Probe(versions, "")
    found = probe(python, imports)
    return (f"it does not work: {found.problem}" if found.problem else ""), found


def files_of(path: str) -> str:
    """Return a digest of the name, size and time of every file of an environment, except Python's bytecode."""
    digest = hashlib.sha256()
    top = os.path.realpath(path)
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            # The marker holds this digest.
            if name != MARKER:
                facts = os.lstat(os.path.join(folder, name))
                digest.update(f"{folder[len(top) :]}/{name} {facts.st_size} {facts.st_mtime_ns}\n".encode(*_NAMES))
    return digest.hexdigest()


def _check_path(path: str) -> None:
    """Refuse to replace anything but an environment of this collection."""
    if os.path.lexists(path) and not (Path(path) / MARKER).exists():
        ours = Path(path).is_symlink() and re.fullmatch(_sibling_pattern(path), os.readlink(path))
        empty = Path(path).is_dir() and not Path(path).is_symlink() and not any(Path(path).iterdir())
        if not ours and not empty:
            raise MobiusError(
                "The path is not a virtual environment of this collection",
                path,
                f"name another folder in mobius_runtime_venv, or remove it: rm -r {path}",
            )


def _replace(path: str, wanted: Wanted, base: Base, marks: List[str]) -> Probe:
    parent = Path(path).parent
    _sweep(path)
    fresh = f"{path}-{secrets.token_hex(4)}"
    try:
        _build(fresh, wanted, base)
        found = probe(str(Path(fresh) / "bin" / "python"), wanted.imports)
        if found.problem:
            raise MobiusError(f"The installed packages do not load: {found.problem}", fresh, "read the message")
        facts = {"fingerprints": marks, "python": base.version, "base": base.executable, "versions": found.versions}
        facts.update(imports=list(wanted.imports), files=files_of(fresh))
        (Path(fresh) / MARKER).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path)
        link = f"{fresh}.link"
        os.symlink(os.path.basename(fresh), link)
        os.replace(link, path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _sweep(path)
    with contextlib.suppress(OSError):
        descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)
    return found


def _build(fresh: str, wanted: Wanted, base: Base) -> None:
    if not can_make_environments(base):
        raise MobiusError(
            f"Python {base.version} ({base.executable}) cannot create virtual environments",
            "ensurepip",
            missing_venv_remedy(),
        )
    _checked([base.executable, *FLAGS, "-m", "venv", fresh], "The virtual environment could not be created", fresh)
    requirements = Path(fresh) / "requirements.txt"
    requirements.write_text(wanted.requirements, encoding="utf-8")
    command = [str(Path(fresh) / "bin" / "python"), *FLAGS, "-m", "pip", "install", "--no-input", "--quiet"]
    # Wheels only: a build from source would fetch tools that are not pinned by hash.
    command += ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    if wanted.find_links is not None:
        command += ["--no-index", "--find-links", wanted.find_links]
    where = wanted.find_links or "the package index"
    _checked(command, "The requirements could not be installed", where, wanted.variables)


def missing_venv_remedy(release: str = "/etc/os-release") -> str:
    """Return the command that installs venv for this system's Python."""
    if os_family(release) == "Debian":
        return "apt-get install python3-venv (or set mobius_become to true, or mobius_runtime_source to system)"
    return "install the system's Python with venv and pip, or name another in mobius_runtime_python"


def _checked(command: List[str], what: str, where: str, variables: Optional[Mapping[str, str]] = None) -> None:
    # run_command belongs to an AnsibleModule, and there is none here.
    answer = subprocess.run(  # pylint: disable=ansible-bad-function
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
        env={**clean_environment(), **(variables or {})},
        cwd="/",
    )
    if answer.returncode:
        raise MobiusError(f"{what}: {mask_secrets(_essence(answer.stdout))}", where, _remedy(answer.stdout))


def _essence(output: str) -> str:
    """What helps of a failed pip: its errors, or else its last lines; each once, and none of its retries."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.match(line)]
    errors = [line for line in telling if line.startswith("ERROR: ")]
    reasons = [f"connection failed: {reason}" for reason in dict.fromkeys(_RETRY.findall(output))]
    return " / ".join(dict.fromkeys([*reasons[:1], *(errors or telling or lines)[-6:]]))[-1500:]


def _remedy(output: str) -> str:
    if "DO NOT MATCH THE HASHES" in output:
        return "do not install it: find out who changed the package"
    if _RETRY.search(output):
        return (
            "the package index cannot be reached: check network, proxy and PIP_* settings of the host, or set "
            "mobius_runtime_source to wheels (a folder of wheels on the controller) or system (the host's own packages)"
        )
    if "No matching distribution" in output or "No such file" in output:
        return (
            "no wheel for this Python and machine was found: check the index and PIP_* settings of the host, or set "
            "mobius_runtime_source to wheels (a folder of wheels on the controller) or system (the host's own packages)"
        )
    return "read the message, correct it and run again"


def _sibling_pattern(path: str) -> str:
    return re.escape(os.path.basename(path)) + r"-[0-9a-f]{8}(\.link)?"


def _sweep(path: str) -> None:
    """Remove leftovers of killed runs and earlier environments beside ``path``."""
    current = os.path.basename(os.path.realpath(path))
    for entry in Path(path).parent.iterdir():
        if re.fullmatch(_sibling_pattern(path), entry.name) and entry.name != current:
            if entry.is_symlink():
                entry.unlink()
            elif (entry / "pyvenv.cfg").exists() or not any(entry.iterdir()):
                shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Allow one builder at a time; the lock ends with its process."""
    # World-readable code, for the deploying user and the service's user, whatever the umask.
    umask = os.umask(0o022)
    try:
        parent = Path(path).parent
        parent.mkdir(parents=True, exist_ok=True)
        refusal = MobiusError(
            "Another run has been building the environment for too long", path, "look for its pip process"
        )
        with folder_alone(str(parent), _WAIT, refusal):
            yield
    finally:
        os.umask(umask)
