# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next command as an operator can paste it: another playbook, started as this run was."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv

from ..module_utils.text import redact
from .run.controller import job_of, under_runner

_ROOT = Path(__file__).resolve().parents[2]
_SECRET = re.compile(r"(?i)pass|token|secret|vault|credential|auth|headers|notify|(^|_)key($|_)")
# Given for this run alone.
_OF_THIS_RUN = frozenset(
    f"mobius_{name}"
    for name in ("backup", "batch_inconclusive", "confirm", "fleet", "hooks", "lock_break", "maintenance")
)
# The shell, or key=value of Ansible, would read any other character in a way of its own.
_SIMPLE = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
_VALUES = (
    ("-u", "remote_user"),
    ("-c", "connection"),
    ("--private-key", "private_key_file"),
    ("--ssh-common-args", "ssh_common_args"),
    ("--become-user", "become_user"),
    ("--become-method", "become_method"),
)
_FLAGS = (("-b", "become"), ("-k", "ask_pass"), ("-K", "become_ask_pass"), ("-J", "ask_vault_pass"))
_LISTS = (("--vault-password-file", "vault_password_files"), ("--vault-id", "vault_ids"))
_USUAL = {"connection": ("ssh", "smart"), "become_user": ("root",), "become_method": ("sudo",)}


def command(
    name: str,
    host: Optional[str],
    given: Mapping[str, Any],
    extra: Mapping[str, Any],
    load: Callable[[str], Any],
    environ: Optional[Mapping[str, str]] = None,
) -> str:
    """Return the command line; for a job of AWX or ansible-runner, whose paths are temporary, what to launch.

    :param name: of the playbook, without its ``.yml``.
    :param host: its limit; None for all hosts.
    :param given: the arguments of this run, from ``ansible.context.CLIARGS``.
    :param extra: further variables by name; they come first and replace those of this run.
    :param load: reads YAML or JSON text.
    """
    environ = os.environ if environ is None else environ
    if under_runner(environ):
        return _launch(name, host, extra, environ)
    files, known = _extra_vars(given.get("extra_vars") or (), load)
    secret = sorted(key for key, value in known.items() if key not in extra and _is_secret(key, value))
    left_out = {*secret, *extra, *_OF_THIS_RUN}
    words = [_program(environ), _playbook(name), *_as_options(extra), *_options(given)]
    words += ["--limit", host] if host else []
    words += files + _as_options({key: value for key, value in known.items() if key not in left_out})
    line = " ".join(map(shlex.quote, words))
    return f"{line}  # and your own {', '.join(secret)}" if secret else line


def _launch(name: str, host: Optional[str], extra: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    job = job_of(environ)
    settings = [f"limit {host}"] if host else []
    settings += [f"extra variables {json.dumps(dict(extra), default=str)}"] if extra else []
    what = f"launch the job template for {name}.yml" if job else f"run {name}.yml as this playbook was run"
    text = f"{what} with {' and '.join(settings)}" if settings else what
    return f"{text}; this job: {job['url']}" if job and job["url"] else text


def _program(environ: Mapping[str, str]) -> str:
    """Return ``ansible-playbook`` if the shell finds it, else the path of the running one."""
    name = "ansible-playbook"
    if shutil.which(name, path=environ.get("PATH", os.defpath)):
        return name
    running = [sys.argv[0]] if os.path.basename(sys.argv[0]) == name else []
    for path in map(os.path.abspath, [*running, os.path.join(os.path.dirname(sys.executable), name)]):
        if os.access(path, os.X_OK):
            near = _near(path)
            return near if "/" in near else f"./{near}"
    return name


def _extra_vars(given: Any, load: Callable[[str], Any]) -> Tuple[List[str], Dict[str, Any]]:
    """Options for those that come from files, and a dict of the others."""
    files: List[str] = []
    known: Dict[str, Any] = {}
    for text in map(str, given):
        if text.startswith("@"):
            files += ["-e", text]
        elif text.lstrip().startswith(("{", "[")):
            known.update(load(text) or {})
        else:
            known.update({key: value for key, value in parse_kv(text).items() if key != "_raw_params"})
    return files, known


def _playbook(name: str) -> str:
    """As a path in a checkout, by its name in an installed collection."""
    path = _ROOT / "playbooks" / f"{name}.yml"
    if not path.is_file():
        raise AnsibleError(f"Playbook not found: {path}")
    installed = _ROOT.parts[-3:] == ("ansible_collections", "mobius", "dhash")
    return f"mobius.dhash.{name}" if installed else _near(str(path))


def _near(path: str) -> str:
    """Relative to the current folder for a path below it."""
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def _options(given: Mapping[str, Any]) -> List[str]:
    words: List[str] = []
    for source in given.get("inventory") or ():
        words += ["-i", source if "," in source else _near(source)]
    for option, name in _VALUES:
        value = given.get(name)
        if value and value not in _USUAL.get(name, ()):
            words += [option, str(value)]
    for option, name in _LISTS:
        for value in given.get(name) or ():
            words += [option, str(value)]
    return words + [option for option, name in _FLAGS if given.get(name)]


def _is_secret(name: str, value: Any) -> bool:
    return bool(_SECRET.search(name)) or redact(value) != value


def _as_options(values: Mapping[str, Any]) -> List[str]:
    words: List[str] = []
    others: Dict[str, Any] = {}
    for name, value in values.items():
        text = str(value)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and _SIMPLE.fullmatch(text):
            words += ["-e", f"{name}={text}"]
        else:
            others[name] = value
    return words + (["-e", json.dumps(others, default=str)] if others else [])
