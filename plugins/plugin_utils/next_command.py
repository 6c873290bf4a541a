# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A command as an operator can paste it: another playbook, started as this run was."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv

from ..module_utils.text import redact

_ROOT = Path(__file__).resolve().parents[2]
_SECRET = re.compile(r"(?i)pass|token|secret|vault|credential|auth|headers|notify|(^|_)key($|_)")
# What was wanted of this run alone.
_OF_THIS_RUN = frozenset(f"mobius_{name}" for name in ("backup", "confirm", "hooks", "lock_break", "maintenance"))
# What is more than this would be read in another way by the shell, or by Ansible's own key=value.
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


def command(name, host, given, extra, load):
    """The command line.

    :param name: of the playbook, without its ``.yml``.
    :param host: what it is limited to; None for all.
    :param given: the arguments of this run, as ``ansible.context.CLIARGS`` has them.
    :param extra: further variables by name; they come first and replace those of this run.
    :param load: reads YAML or JSON text.
    """
    files, known = _extra_vars(given.get("extra_vars") or (), load)
    secret = sorted(key for key, value in known.items() if key not in extra and _is_secret(key, value))
    left_out = {*secret, *extra, *_OF_THIS_RUN}
    words = ["ansible-playbook", _playbook(name), *_as_options(extra), *_options(given)]
    words += ["--limit", host] if host else []
    words += files + _as_options({key: value for key, value in known.items() if key not in left_out})
    line = " ".join(map(shlex.quote, words))
    return f"{line}  # and your own {', '.join(secret)}" if secret else line


def _extra_vars(given, load):
    """Options for those that come from files, and a dict of the others."""
    files, known = [], {}
    for text in map(str, given):
        if text.startswith("@"):
            files += ["-e", text]
        elif text.lstrip().startswith(("{", "[")):
            known |= load(text) or {}
        else:
            known |= {key: value for key, value in parse_kv(text).items() if key != "_raw_params"}
    return files, known


def _playbook(name):
    """As a path in a checkout, by its name in an installed collection."""
    path = _ROOT / "playbooks" / f"{name}.yml"
    if not path.is_file():
        raise AnsibleError(f"There is no playbook {path}")
    installed = _ROOT.parts[-3:] == ("ansible_collections", "mobius", "dhash")
    return f"mobius.dhash.{name}" if installed else _near(str(path))


def _near(path):
    """From here, where that is shorter and goes down only."""
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def _options(given):
    words = []
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


def _is_secret(name, value):
    return bool(_SECRET.search(name)) or redact(value) != value


def _as_options(values):
    words, others = [], {}
    for name, value in values.items():
        text = str(value)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and _SIMPLE.fullmatch(text):
            words += ["-e", f"{name}={text}"]
        else:
            others[name] = value
    return words + (["-e", json.dumps(others, default=str)] if others else [])
