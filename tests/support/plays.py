"""Plays of a few tasks on this machine, for the tests of modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.mobius.dhash.tests.support import preloaded
from ansible_collections.mobius.dhash.tests.support.places import COLLECTIONS

_BIN = Path(sys.executable).parent
_ENVIRONMENT = {
    "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
    "ANSIBLE_LOCALHOST_WARNING": "false",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    "ANSIBLE_NOCOLOR": "true",
}
_KEYWORDS = ("check_mode", "diff", "ignore_errors", "ignore_unreachable", "vars")


def task(module: str, expect: List[str], **arguments: Any) -> List[Dict[str, Any]]:
    """A task that runs one of our modules, and one that checks its ``result``."""
    keywords = {name: arguments.pop(name) for name in _KEYWORDS if name in arguments}
    return [
        {f"mobius.dhash.{module}": arguments, "register": "result", **keywords},
        {"ansible.builtin.assert": {"that": expect, "quiet": True}},
    ]


def play(
    where: Path, tasks: List[Dict[str, Any]], /, *arguments: str, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """Run tasks on localhost, with extra variables."""
    (where / "play.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return playbook(where, "play.json", *arguments, **variables)


def playbook(where: Path, playbook_path: str, /, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook on localhost, with extra variables; ``where`` is the working directory."""
    # A task's own variables come before those of the inventory.
    host = {"ansible_python_interpreter": sys.executable, "ansible_connection": "local"}
    (where / "inventory.json").write_text(json.dumps({"all": {"hosts": {"localhost": host}}}))
    (where / "extra.json").write_text(json.dumps(variables))
    command = [str(_BIN / "ansible-playbook"), "-i", "inventory.json", "-e", "@extra.json", playbook_path, *arguments]
    done = preloaded.run(command, str(where), {**os.environ, **_ENVIRONMENT}, timeout=300)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def documented(*modules: str) -> Dict[str, Dict[str, Any]]:
    """What ansible-doc reads of each of these modules: ``doc``, ``examples``, ``metadata`` and ``return``."""
    command = [str(_BIN / "ansible-doc"), "--json", *(f"mobius.dhash.{module}" for module in modules)]
    environment = {**os.environ, **_ENVIRONMENT}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {name.rsplit(".", 1)[1]: page for name, page in json.loads(done.stdout).items()}
