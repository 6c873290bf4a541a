# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The next command, as an operator can paste it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: next_command
short_description: A command that runs another playbook of this collection as this run was started
version_added: 1.0.0
author:
  - Mobius contributors (@mobius-dhash)
description:
  - Returns an C(ansible-playbook) command with the inventories, the connection options and the extra variables of this
    run, limited to this host.
  - Extra variables that may hold a secret are left out and named in a comment at the end.
options:
  _terms:
    description: The playbook without its C(.yml), such as C(rollback).
    required: true
  extra:
    description: Extra variables of that command; they replace those of this run that have the same name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say how it is taken back
  ansible.builtin.debug:
    msg: "{{ lookup('mobius.dhash.next_command', 'rollback', extra={'mobius_backup': 'latest'}) }}"
"""

RETURN = r"""
_raw:
  description: The command, one line.
  type: list
  elements: str
"""

import json
import os
import re
import shlex
from pathlib import Path

from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv
from ansible.plugins.lookup import LookupBase

from ..module_utils.deployment.redact import redact

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


class LookupModule(LookupBase):
    """One command a term."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        host = (variables or {}).get("inventory_hostname")
        return [self._command(str(term), host, self.get_option("extra")) for term in terms]

    def _command(self, name, host, extra):
        given = context.CLIARGS
        words = ["ansible-playbook", _playbook(name), *_as_options(extra), *_options(given)]
        if host:
            words += ["--limit", host]
        files, known = self._extra_vars(given.get("extra_vars") or ())
        secret = sorted(key for key, value in known.items() if key not in extra and _is_secret(key, value))
        left_out = {*secret, *extra, *_OF_THIS_RUN}
        words += files + _as_options({key: value for key, value in known.items() if key not in left_out})
        command = " ".join(map(shlex.quote, words))
        return f"{command}  # and your own {', '.join(secret)}" if secret else command

    def _extra_vars(self, given):
        """Options for those that come from files, and a dict of the others."""
        files, known = [], {}
        for text in map(str, given):
            if text.startswith("@"):
                files += ["-e", text]
            elif text.lstrip().startswith(("{", "[")):
                known |= self._loader.load(text) or {}
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
