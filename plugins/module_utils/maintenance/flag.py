# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Maintenance mode: a flag file that other services look at."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Dict

from ..storage.replace import remove_durably, replace_whole

# Read by web servers, which are not in the group of the library.
_MODE = 0o644


def read_flag(path: str) -> Dict[str, Any]:
    """What the flag says; empty when maintenance is off. A flag made by hand, whatever is in it, is on."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(65536)
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return document if isinstance(document, dict) and document else {"reason": "made by hand"}


def set_flag(
    path: str, *, on: bool, reason: str = "", deployment: str = "", check_mode: bool = False
) -> Dict[str, Any]:
    """Make or remove the flag. One that is there stays as it is: it tells since when.

    :returns: ``changed``, ``on``, ``content`` (of the flag) and ``diff``.
    """
    before = read_flag(path)
    changed = on != bool(before)
    after = before
    if changed:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        after = {"reason": reason, "deployment": deployment, "since": since} if on else {}
    if changed and not check_mode:
        if on:
            data = (json.dumps(after, indent=2) + "\n").encode("ascii")
            replace_whole(path, lambda stream: stream.write(data), mode=_MODE)
        else:
            remove_durably(path)
    words = ["on\n" if state else "off\n" for state in (before, after)]
    return {"changed": changed, "on": on, "content": after, "diff": {"before": words[0], "after": words[1]}}
