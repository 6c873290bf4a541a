# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules in Python's UTF-8 mode (PEP 540), so a file name has the same bytes in every locale of the host.

Under an 8-bit locale Python encodes file names in that locale, so ``Müller.png`` in the library would not name the file
on disk. Python sets its encoding only at startup, so the module is started again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from .errors import MobiusError

_STARTED_AGAIN = "_mobius_started_again"
# Repeats the setup of AnsiballZ before it runs a module; some modules look for the two globals.
_BOOTSTRAP = f"""
import ctypes, json, os, runpy, signal, sys
given = json.loads(sys.stdin.buffer.read())
try:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except (OSError, AttributeError):
    pass
if os.getppid() != given["parent"]:
    sys.exit(1)
sys.path[:] = given["path"]
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = given["arguments"].encode()
if given["profile"]:
    basic._ANSIBLE_PROFILE = given["profile"]
runpy.run_module(given["module"], {{**given["globals"], "{_STARTED_AGAIN}": True}}, "__main__", True)
"""


def is_utf8() -> bool:
    """Whether file names are UTF-8 in this process."""
    return sys.getfilesystemencoding().lower().replace("_", "-") == "utf-8"


def run_in_utf8_mode() -> None:
    """Return if file names are UTF-8; otherwise run this module in UTF-8 mode and exit with its exit status.

    The second process dies with this one, which waits because it removes the module's temporary files.

    :raises MobiusError: this module cannot be started again, or doing so had no effect.
    """
    if is_utf8():
        return
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None)
    if hasattr(main, _STARTED_AGAIN) or not name or not sys.executable:
        raise MobiusError(
            f"File names are {sys.getfilesystemencoding()} in this Python, not UTF-8",
            sys.executable or "unknown interpreter",
            "set PYTHONUTF8=1 in the environment of the task, or a UTF-8 locale on the host (LC_ALL=C.UTF-8)",
        )
    # run_command belongs to an AnsibleModule, and there is none here.
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", _BOOTSTRAP], input=_payload(main, name), check=False)  # pylint: disable=ansible-bad-function
    sys.stdout.flush()
    # The result is printed; the wrapper of AnsiballZ removes the module's files when it sees this exit.
    raise SystemExit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


def _payload(main: object, name: str) -> bytes:
    from ansible.module_utils import basic

    given = {
        "parent": os.getpid(),
        "module": name,
        "path": [_as_utf8(each) for each in sys.path],
        "arguments": basic._ANSIBLE_ARGS.decode(),
        # ansible-core 2.19 and later: how results are serialized.
        "profile": getattr(basic, "_ANSIBLE_PROFILE", None),
        "globals": {
            each: _as_utf8(getattr(main, each)) for each in ("_module_fqn", "_modlib_path") if hasattr(main, each)
        },
    }
    return json.dumps(given).encode("ascii")


def _as_utf8(path: str) -> str:
    """Spell a path so that it means the same bytes in the second process."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")
