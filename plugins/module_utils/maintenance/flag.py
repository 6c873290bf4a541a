# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance mode: a flag file that other services look at."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, NamedTuple, Optional

from ..clock import timestamp
from ..errors import MobiusError
from ..storage.paths import refuse_target
from ..storage.replace import open_regular, remove_durably, replace_whole

# Read by web servers, which are not in the group of the library.
_MODE = 0o644
_MEMBERS = {"reason", "deployment", "since"}


def read_flag(path: str) -> Dict[str, Any]:
    """What the flag says; empty when maintenance is off. A flag made by hand, whatever is in it, is on."""
    return _read(path).content


class _Flag(NamedTuple):
    """``removable``: made by :func:`set_flag`, or empty, as one that was made by hand may be."""

    content: Dict[str, Any]
    removable: bool


def _read(path: str) -> _Flag:
    try:
        with open_regular(path) as stream:
            text = (stream.read(65536) or b"").decode("utf-8", "replace")
    except FileNotFoundError:
        return _Flag({}, removable=False)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and set(document) == _MEMBERS:
        return _Flag(document, removable=True)
    return _Flag({"reason": "made by hand"}, removable=not text.strip())


def set_flag(
    path: str,
    *,
    on: Optional[bool],
    reason: str = "",
    deployment: str = "",
    library: str = "",
    check_mode: bool = False,
) -> Dict[str, Any]:
    """Make or remove the flag. One that is there stays as it is: it tells since when.

    :param on: None only tells.
    :param deployment: removes only the flag that it made; who removes it by hand has none.
    :param library: what a flag may not be.
    :returns: ``changed``, ``on``, ``content`` (of the flag) and ``diff``.
    :raises MobiusError: the file is to be removed and is no flag that was made here.
    """
    if library:
        refuse_target(path, library, "The flag")
    found = _read(path)
    before = after = found.content
    if on and not before:
        since = timestamp()
        after = {"reason": reason, "deployment": deployment, "since": since}
    elif on is False and before and deployment in ("", before.get("deployment")):
        if not found.removable:
            what = "This file is not one that maintenance mode made, so it was not removed"
            raise MobiusError(what, path, f"look at it; where it is the flag: rm {shlex.quote(path)}")
        after = {}
    changed = before != after
    if changed and not check_mode:
        if after:
            data = (json.dumps(after, indent=2) + "\n").encode("ascii")
            replace_whole(path, lambda stream: stream.write(data), mode=_MODE)
        else:
            remove_durably(path)
    words = ["on\n" if state else "off\n" for state in (before, after)]
    return {"changed": changed, "on": bool(after), "content": after, "diff": {"before": words[0], "after": words[1]}}
